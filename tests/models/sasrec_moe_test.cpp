// SPDX-License-Identifier: Apache-2.0
// SasRec with mixtures of experts in its blocks.
#include <string>
#include <vector>

#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/encoders.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::deviation, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

constexpr int items = 9;

SasRecOptions options_with(const MoeOptions& moe) {
  return {.items = items, .width = 4, .max_length = 20, .dropout = 0, .moe = moe};
}

struct Outcome {
  double loss;
  std::vector<double> gradients;
};

template <class HostBatch>
Outcome outcome_of(Model& model, const HostBatch& batch, TeamOptions how = {.threads = 1, .slots = 2}) {
  DoubleContext::Team team(model.parameters().size(), how);
  const double loss = compute_gradients(team, model, NextItem{.loss = BinaryCrossEntropy{}}, batch, 3, 5);
  return {loss, {team.gradients().data, team.gradients().data + team.gradients().size()}};
}

}  // namespace

TEST_CASE("a SasRec's blocks hold mixtures where it is told so", "[models]") {
  const std::string names = seqrec_test::shown_parameters(Model(options_with({.experts = 4, .shared_experts = 2})));
  CHECK_THAT(names, ContainsSubstring("blocks.0.feed_forward_norm.bias 4\nblocks.0.moe.router.weight 4 4\n"
                                      "blocks.0.moe.experts.linear1.weight 4 4\n"));
  CHECK_THAT(names, ContainsSubstring("blocks.1.moe.shared.linear2.bias 4\n"));
  CHECK_THAT(names, !ContainsSubstring("blocks.0.linear1"));
}

TEST_CASE("options of a SasRec's mixture are refused by name, value and range", "[models][errors]") {
  const auto message = [](const MoeOptions& moe) {
    return seqrec_test::message_of<ArgumentError>([&] { Model model(options_with(moe)); });
  };
  CHECK(message({.experts = 8, .top_k = 9}) == "SasRec moe_top_k is 9, expected 1 .. 8, at most SasRec moe_experts");
  CHECK_THAT(message({.experts = 8, .top_k = 3}),
             ContainsSubstring("SasRec moe_expert_width is 0") && ContainsSubstring("4 hidden units"));
  CHECK_THAT(message({.experts = -1}), ContainsSubstring("SasRec moe_experts is -1, expected 0 .. 4096"));
  CHECK_THAT(message({.experts = 2, .top_k = 0}), ContainsSubstring("SasRec moe_top_k is 0, expected 1 .. 4096"));
  CHECK_THAT(message({.auxiliary_weight = -1}), ContainsSubstring("SasRec moe_auxiliary_weight is -1"));
}

TEST_CASE("a checkpoint brings mixtures back, their statistics and options too", "[models]") {
  const seqrec_test::TemporaryDirectory directory;
  Model model(options_with({.experts = 4, .top_k = 1, .shared_experts = 1, .gate = MoeGate::softmax}));
  seqrec_test::randomise(model, 4);
  save(directory / "moe.safetensors", model);
  const auto again = load<Model>(directory / "moe.safetensors");
  CHECK(again.options().moe.gate == MoeGate::softmax);
  CHECK(again.parameters().to_host() == model.parameters().to_host());
  const ToyBatch batch(seqrec_test::toy_users({6, 1}, items, 0, 3), items, 0);
  CHECK(seqrec_test::encode(again, batch) == seqrec_test::encode(model, batch));
}

TEST_CASE("gradients of a SasRec with mixtures are the derivatives of its loss, the auxiliary one included",
          "[models]") {
  SasRecOptions options = options_with({.experts = 3, .expert_width = 2, .auxiliary_weight = 0.5});
  options.moe.balance = GENERATE(MoeBalanceKind::loss_free, MoeBalanceKind::auxiliary);
  options.moe.gate = GENERATE(MoeGate::sigmoid, MoeGate::softmax);
  options.dropout = 0.3;
  Model model(options);
  seqrec_test::randomise(model, 12);
  auto& parameters = model.parameters();
  const ToyBatch batch(seqrec_test::toy_users({6, 3, 1, 0, 2}, items, 1, 5), items, 1, {1, 3});
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const auto loss = [&] {
    return compute_gradients(team, model, NextItem{.loss = BinaryCrossEntropy{}}, batch, 21, 4);
  };
  loss();
  const GradientCheck check = check_gradients(parameters, team.gradients(), loss);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a step's auxiliary loss is the mean of its shards', weighted by their rows", "[models]") {
  const auto users = seqrec_test::toy_users({6, 3, 1, 0, 2}, items, 1, 5);
  MoeOptions moe{.experts = 3, .expert_width = 2, .balance = MoeBalanceKind::auxiliary, .auxiliary_weight = 0.5};
  Model with(options_with(moe));
  moe.auxiliary_weight = 0;
  Model without(options_with(moe));
  seqrec_test::randomise(with, 12);
  seqrec_test::randomise(without, 12);
  const auto auxiliary = [&](const ToyBatch& batch) {
    return outcome_of(with, batch).loss - outcome_of(without, batch).loss;
  };
  const double whole = auxiliary(ToyBatch(users, items, 1, {1, 3}));
  const double parts =
      (6 * auxiliary(ToyBatch({users[0]}, items, 1)) + 4 * auxiliary(ToyBatch({users[1], users[2]}, items, 1)) +
       2 * auxiliary(ToyBatch({users[3], users[4]}, items, 1))) /
      12;
  CHECK(whole == Approx(parts).epsilon(1e-12));
  CHECK(whole > 2 * 0.5);  // two blocks, each at least alpha where gates and loads agree
}

TEST_CASE("mixtures: states are the same bits alone and in a batch, empty histories among it", "[models]") {
  SasRecOptions options = options_with({.experts = 8, .shared_experts = GENERATE(0, 1), .expert_width = 3});
  options.position_origin = PositionOrigin::start;
  options.width = GENERATE(4, 12);
  Model model(options);
  seqrec_test::randomise(model, 4);
  const auto users = seqrec_test::toy_users({5, 0, 1, 20, 2, 17, 0, 8, 1}, items, 0, 3);
  std::vector<double> alone;
  for (const auto& user : users) {
    const auto states = seqrec_test::encode(model, ToyBatch({user}, items, 0));
    alone.insert(alone.end(), states.begin(), states.end());
  }
  CHECK(seqrec_test::encode(model, ToyBatch(users, items, 0)) == alone);
}

TEST_CASE("mixtures: threads change no bit, cuts no digit, and loads are counts of a step's rows", "[models]") {
  const Dataset data = synthetic_dataset({.users = 30, .items = 40, .genres = 4, .max_events = 20});
  const Split split = leave_one_out(data);
  SasRecOptions options = options_with({.experts = 5, .expert_width = 3});
  options.items = 40;
  options.dropout = 0.3;
  Model model(options);
  seqrec_test::randomise(model, 4);
  std::vector<double> expected;
  for (const index_t budget : {7, 256}) {
    std::vector<double> of_one;
    for (const int threads : {1, 2, 3}) {
      Batcher batcher(split, {.batch_size = 20, .max_length = 20, .token_budget = budget, .seed = 2});
      const auto& batch = batcher.make(0, 0);
      const std::vector<double> found = outcome_of(model, batch, {.threads = threads, .slots = 4}).gradients;
      if (of_one.empty()) of_one = found;
      CHECK(found == of_one);
      if (expected.empty()) expected = found;
      for (const ParameterEntry& entry : model.parameters().entries()) {
        const std::span<const double> here(found.data() + entry.offset, static_cast<std::size_t>(entry.size())),
            there(expected.data() + entry.offset, static_cast<std::size_t>(entry.size()));
        CAPTURE(entry.name, budget, threads);
        CHECK(deviation(here, there) < 1e-12);
        if (!entry.name.ends_with("recent_loads")) continue;
        double rows = 0;
        for (const double count : here) rows += count;
        CHECK(rows == 2 * static_cast<double>(batch.num_targets()));
      }
    }
  }
}
