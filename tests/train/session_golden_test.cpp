// SPDX-License-Identifier: Apache-2.0
// Twenty steps of session-parallel training against a plain PyTorch port of the papers' formulas: lanes, carried and
// dropped states, negatives, losses, Adagrad with momentum.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/batches/session_lanes.hpp"
#include "seqrec/data/batches/session_training_batch.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/objectives/session_next_item.hpp"
#include "seqrec/optim/adagrad.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "seqrec/train/carried_states.hpp"
#include "seqrec/train/step.hpp"
#include "support/golden_model.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// The sessions of a golden file, all of them for training.
Split sessions_of(Golden& golden) {
  Dataset data;
  data.items = golden.integers("items");
  for (const index_t length : golden.lengths("offsets")) data.offsets.push_back(data.offsets.back() + length);
  std::vector<std::string> ids;
  for (int item = 0; item < static_cast<int>(golden.number("items")); ++item) ids.push_back(std::to_string(item));
  data.item_ids = Vocabulary(ids);
  Split split;
  split.train_lengths = golden.lengths("offsets");
  split.data = std::make_shared<const Dataset>(std::move(data));
  return split;
}

SessionNextItem objective_of(const std::string& loss) {
  if (loss == "cross_entropy") return {.loss = SampledSoftmax{}};
  if (loss == "top1") return {.loss = Top1{}};
  if (loss == "top1_max") return {.loss = Top1Max{.elu = 0.5}};
  return {.loss = BprMax{.score_regularisation = 1.5, .elu = 0.5}};
}

template <class Scalar>
std::vector<double> doubles(std::span<const Scalar> values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEMPLATE_TEST_CASE("twenty steps of sessions in lanes are those of the papers' formulas", "[train][golden]", float,
                   double) {
  using Context = cpu::BasicContext<TestType>;
  using Model = Gru4Rec<Context>;
  const std::string name = GENERATE(as<std::string>{}, "cross_entropy", "top1", "top1_max", "bpr_max");
  CAPTURE(name);
  Golden golden("session_training_" + name);
  const double tolerance = std::is_same_v<TestType, float> ? 1e-5 : 1e-10;
  Model model = model_of<Model>(golden, {});
  const Split split = sessions_of(golden);
  const auto num_lanes = static_cast<index_t>(golden.number("lanes"));
  SessionLanes lanes(split, {.lanes = num_lanes});
  const Matrix log_probability = golden.matrix("log_probability");
  const std::vector<float> log_q(log_probability.values.begin(), log_probability.values.end());
  HostSessionBatch batch({.num_items = split.data->num_items(), .max_length = 1, .token_budget = 3},
                         {{}, {log_q.data(), std::ssize(log_q)}});
  const SessionNextItem objective = objective_of(golden.text("loss"));
  const std::vector<item_t> sampled = golden.integers("sampled");
  const Matrix losses = golden.matrix("losses"), scores = golden.matrix("scores");

  auto& parameters = model.parameters();
  const ParameterRanges ranges(parameters);
  typename Context::Team team(parameters.size(), {.threads = 1, .slots = 2});
  Optimizer<Context> optimizer(parameters.size(),
                               Adagrad{.epsilon = golden.number("epsilon"), .momentum = golden.number("momentum")});
  Tensor<TestType, 2, HostSpace> before(num_lanes, model.state_columns()), after(num_lanes, model.state_columns());
  const auto steps = static_cast<index_t>(golden.number("steps"));
  REQUIRE(steps == 20);
  double worst_loss = 0, worst_score = 0;
  for (index_t step = 0; step < steps; ++step) {
    std::vector<SessionRow> rows;
    for (const LaneStep& lane : lanes.at(0, step)) {
      const auto history = split.data->history(lane.session);
      const auto position = static_cast<std::size_t>(lane.position);
      rows.push_back({history[position], history[position + 1], lane.carried});
    }
    REQUIRE(std::ssize(rows) == num_lanes);
    const auto each = sampled.size() / static_cast<std::size_t>(steps);
    batch.pack(rows, std::span(sampled).subspan(static_cast<std::size_t>(step) * each, each));
    REQUIRE(batch.num_shards() == 2);
    std::swap(before, after);
    const auto table = model.item_head().table->view();
    const auto bias = model.item_head().bias->view();
    const auto number = static_cast<std::uint64_t>(step);
    team.run_step(
        static_cast<std::uint64_t>(golden.number("seed")), number, batch,
        [&](Context& context, const SessionBatch<HostSpace>& shard) {
          Tape<Context> tape(context, Mode::training);
          objective(CarriedStates<Model>{model, shard.carried, before.view(), after.view()}, tape, shard.training);
          tape.backward();
        });
    team.reduce();
    // The last layer's states are what is scored.
    const auto states = after.view().column_range(model.state_columns() - table.columns(), table.columns());
    for (index_t row = 0; row < num_lanes; ++row)
      for (index_t item = 0; item < table.rows(); ++item) {
        double score = static_cast<double>(bias(item));
        for (index_t d = 0; d < table.columns(); ++d)
          score += static_cast<double>(states(row, d)) * static_cast<double>(table(item, d));
        worst_score = std::max(worst_score, std::abs(score - scores(step * num_lanes + row, item)));
      }
    apply_gradients(team, model, ranges, optimizer, golden.number("learning_rate"), 0, number);
    worst_loss = std::max(worst_loss, std::abs(outcome_of_step(team, model, ranges, optimizer).loss - losses(step)));
  }
  CHECK(worst_loss < tolerance);
  CHECK(worst_score < tolerance);
  for (const ParameterEntry& entry : parameters.entries()) {
    CAPTURE(entry.name);
    const auto values = parameters.values(entry);
    const auto found = doubles(std::span<const TestType>(values.data, static_cast<std::size_t>(values.size())));
    CHECK(deviation(std::span<const double>(found), golden.matrix("after." + entry.name).values) < tolerance);
  }
}
