// SPDX-License-Identifier: Apache-2.0
#include "seqrec/objectives/session_next_item.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "seqrec/autograd/gradient_check.hpp"
#include "seqrec/data/batches/session_training_batch.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/objectives/objective.hpp"
#include "seqrec/train/carried_states.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Gru4Rec<DoubleContext>;

static_assert(ObjectiveOf<SessionNextItem, CarriedStates<Model>>);

namespace {

/// A step of five lanes in three shards, two of which have the same target; item 3 is sampled, too.
const std::vector<SessionRow> rows = {{1, 3, 0}, {2, 5, -1}, {6, 3, 2}, {0, 1, 1}, {4, 4, -1}};

HostSessionBatch step_of(const std::vector<SessionRow>& of, const std::vector<item_t>& more,
                         const std::vector<float>& log_probability) {
  HostSessionBatch batch({.num_items = 7, .max_length = 1, .token_budget = 2},
                         {{}, {log_probability.data(), std::ssize(log_probability)}});
  batch.pack(of, more);
  return batch;
}

const std::vector<float> log_probability = {-1.5F, -2, -1, -0.5F, -3, -2.5F, -1.25F};

/// Loss and gradients of a step, in team.gradients().
template <class Team>
double step_loss(Team& team, const Model& model, const SessionNextItem& objective, const HostSessionBatch& batch,
                 const Matrix& before, Matrix& after) {
  team.run_step(3, 8, batch, [&](DoubleContext& context, const SessionBatch<HostSpace>& shard) {
    Tape<DoubleContext> tape(context, Mode::training);
    objective(
        CarriedStates<Model>{model, shard.carried, view_of(before), {after.values.data(), after.rows, after.columns}},
        tape, shard.training);
    tape.backward();
  });
  team.reduce();
  return team.context().loss();
}

}  // namespace

TEST_CASE("a step's gradients are the derivatives of its loss, whichever it is", "[objectives]") {
  const bool tied = GENERATE(true, false), dropped = GENERATE(true, false);
  const SessionNextItem objective =
      GENERATE(SessionNextItem{.loss = SampledSoftmax{}}, SessionNextItem{.loss = BprMax{1.5, 0.5}},
               SessionNextItem{.loss = Top1Max{}}, SessionNextItem{.loss = Top1{.elu = 1}},
               SessionNextItem{.loss = Bpr{}}, SessionNextItem{.loss = BinaryCrossEntropy{}});
  CAPTURE(objective.name(), tied, dropped);
  Model model({.items = 7,
               .width = 4,
               .layers = 2,
               .dropout = dropped ? 0.3 : 0,
               .state_dropout = dropped ? 0.3 : 0,
               .reset = GruReset::before_product,
               .output_table = tied ? OutputTable::tied : OutputTable::separate,
               .item_bias = true});
  randomise(model, 4);
  DoubleContext::Team team(model.parameters().size(), {.threads = 1, .slots = 2});
  const HostSessionBatch batch = step_of(rows, {6, 3, 0, 6}, log_probability);
  REQUIRE(batch.num_shards() == 3);
  const Matrix before = random_matrix(3, 8, 6, 0.7);
  Matrix after(5, 8);
  const auto loss = [&] { return step_loss(team, model, objective, batch, before, after); };
  loss();
  const GradientCheck check = check_gradients(model.parameters(), team.gradients(), loss);
  INFO(check.text());
  CHECK(check.elements == model.parameters().num_elements());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a target is never its own negative, and equal targets are none of each other's", "[objectives]") {
  Model model({.items = 7, .width = 4, .dropout = 0, .state_dropout = 0});
  randomise(model, 4);
  DoubleContext::Team team(model.parameters().size(), {.threads = 1});
  const Matrix before(5, 4);
  Matrix after(5, 4);
  const auto loss = [&](const std::vector<SessionRow>& of, const std::vector<item_t>& more) {
    return step_loss(team, model, {.loss = Bpr{}}, step_of(of, more, log_probability), before, after);
  };
  // A target against itself would add log 2 = .6931 for each.
  CHECK(loss({{1, 3, -1}, {2, 3, -1}}, {}) == 0);
  CHECK(loss({{1, 3, -1}, {2, 3, -1}}, {3, 3}) == 0);
  const double one = loss({{1, 3, -1}}, {5}), other = loss({{2, 3, -1}}, {5});
  CHECK(loss({{1, 3, -1}, {2, 3, -1}}, {5}) == Approx((one + other) / 2).epsilon(1e-14));
  // Each other's where they differ: the mean over the lanes of the same softplus.
  const double forth = loss({{1, 3, -1}}, {5}), back = loss({{2, 5, -1}}, {3});
  CHECK(loss({{1, 3, -1}, {2, 5, -1}}, {}) == Approx((forth + back) / 2).epsilon(1e-14));
}

TEST_CASE("a session's loss is that from zero, whatever the state of another step's rows", "[objectives]") {
  Model model({.items = 7, .width = 4, .layers = 2, .dropout = 0, .state_dropout = 0});
  randomise(model, 4);
  DoubleContext::Team team(model.parameters().size(), {.threads = 1});
  const HostSessionBatch batch = step_of({{1, 3, -1}, {2, 5, 1}}, {6}, log_probability);
  Matrix after(2, 8), other(2, 8);
  Matrix before = random_matrix(2, 8, 6);
  step_loss(team, model, {}, batch, before, after);
  for (index_t column = 0; column < 8; ++column) before(0, column) = 77;  // nobody goes on from row 0
  step_loss(team, model, {}, batch, before, other);
  CHECK(after.values == other.values);
  const HostSessionBatch begun = step_of({{1, 3, -1}}, {6}, log_probability);
  step_loss(team, model, {}, begun, before, other);
  for (index_t column = 0; column < 8; ++column) CHECK(other(0, column) == after(0, column));
}

TEST_CASE("SessionNextItem says what it is, what it needs, and what it may be", "[objectives][errors]") {
  const SessionNextItem objective{
      .loss = BprMax{.score_regularisation = 1, .elu = 0.5}, .negatives = 2048, .shuffle = true};
  CHECK(objective.name() ==
        "next item of sessions, BPR-max, score regularisation 1, elu 0.5, against other sessions' targets and 2048 "
        "negatives a step by popularity^0.75, shuffled");
  CHECK(SessionNextItem{.loss = Bpr{}}.name() == "next item of sessions, BPR, against other sessions' targets");
  const BatchPlan plan = objective.plan();
  CHECK(plan.negatives == 2048);
  CHECK(plan.shared_by_batch());
  CHECK(!plan.log_probability);
  CHECK(SessionNextItem{}.plan().log_probability);
  CHECK(!SessionNextItem{.loss = SampledSoftmax{.corrects_sampling = false}}.plan().log_probability);
  std::string shown;
  for (const OptionValue& option : option_values(objective)) shown += option.name + "=" + option.text + " ";
  CHECK(shown == "loss=bpr-max score_regularisation=1 elu=0.5 negatives=2048 popularity_exponent=0.75 shuffle=true ");
  const auto message = [](const SessionNextItem& of) { return message_of<ArgumentError>([&] { of.check(); }); };
  CHECK(message({.negatives = -1}) == "SessionNextItem negatives is -1, expected at least 0");
  CHECK(message({.popularity_exponent = -1}) ==
        "SessionNextItem popularity_exponent is -1, expected a number of at least 0");
  CHECK_THAT(message({.loss = BprMax{.elu = -1}}), ContainsSubstring("elu is -1, expected a number of at least 0"));
}
