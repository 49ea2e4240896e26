// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

const Dataset& toy_data() {
  static const Dataset data =
      synthetic_dataset({.users = 70, .items = 50, .genres = 5, .min_events = 3, .max_events = 20});
  return data;
}

/// Reads fewer events than most histories have.
Model toy_model(index_t items = 50) {
  Model model({.items = items, .width = 6, .blocks = 1, .max_length = 8});
  seqrec_test::randomise(model, 4);
  return model;
}

/// The scores of all items after a history, from encode() and nothing else.
std::vector<double> scores_after(const Model& model, std::span<const item_t> history) {
  const auto kept = history.last(std::min<std::size_t>(history.size(), static_cast<std::size_t>(model.max_length())));
  const std::vector<item_t> items(kept.begin(), kept.end());
  const ToyBatch batch({{items, items}}, static_cast<int>(model.num_items()), 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories()).value();
  const auto table = model.item_head().table->view();
  std::vector<double> scores(static_cast<std::size_t>(model.num_items()), 0.0);
  for (index_t item = 0; item < model.num_items() && states.rows() > 0; ++item)
    for (index_t i = 0; i < table.columns(); ++i)
      scores[static_cast<std::size_t>(item)] += states(states.rows() - 1, i) * table(item, i);
  return scores;
}

/// Ranks by plain loops.
std::vector<RankingMetrics::UserRank> ranks_by_loops(const Model& model, const HeldOut& held_out,
                                                     const CandidateLists* candidates) {
  std::vector<RankingMetrics::UserRank> ranks;
  for (index_t i = 0; i < held_out.size(); ++i) {
    const auto scores = scores_after(model, held_out.history(i));
    const item_t target = held_out.targets[static_cast<std::size_t>(i)];
    std::vector<item_t> others;
    if (candidates != nullptr) {
      others.assign(candidates->negatives(i).begin(), candidates->negatives(i).end());
    } else {
      const std::set<item_t> seen(held_out.history(i).begin(), held_out.history(i).end());
      for (item_t item = 0; item < model.num_items(); ++item)
        if (item != target && seen.count(item) == 0) others.push_back(item);
    }
    double rank = 1;
    for (const item_t item : others) {
      const double score = scores[static_cast<std::size_t>(item)], own = scores[static_cast<std::size_t>(target)];
      rank += score > own ? 1 : score == own ? 0.5 : 0;
    }
    ranks.push_back({rank, 1 + std::ssize(others)});
  }
  return ranks;
}

void check_same(const std::vector<RankingMetrics::UserRank>& actual,
                const std::vector<RankingMetrics::UserRank>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i].rank == expected[i].rank);
    CHECK(actual[i].candidates == expected[i].candidates);
  }
}

}  // namespace

TEST_CASE("ranks are what plain loops over encode() find", "[train]") {
  const Split split = leave_one_out(toy_data());
  const HeldOut& held_out = GENERATE(false, true) ? split.test : split.validation;
  const Model model = toy_model(GENERATE(50, 53));  // a table may be longer than the data set's
  const CandidateLists lists = draw_candidates(held_out, {.negatives = 10});
  const CandidateLists* candidates = GENERATE(false, true) ? &lists : nullptr;
  EvaluateOptions options{.candidates = candidates};
  options.users_at_once = GENERATE(1, 9, 1024);
  options.token_budget = GENERATE(1, 50);
  DoubleContext::Team team(0, {.threads = 2, .slots = 3});
  check_same(target_ranks(team, model, held_out, options), ranks_by_loops(model, held_out, candidates));
}

TEST_CASE("metrics are means over users of what their definitions say", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  const auto ranks = ranks_by_loops(model, split.test, nullptr);
  double hits = 0, gain = 0, reciprocal = 0, area = 0, squares = 0;
  const double users = static_cast<double>(ranks.size());
  for (const auto& user : ranks) {
    hits += user.rank <= 5 ? 1 / users : 0;
    gain += user.rank <= 5 ? 1 / std::log2(user.rank + 1) / users : 0;
    reciprocal += user.rank <= 5 ? 1 / user.rank / users : 0;
    area += (1 - (user.rank - 1) / static_cast<double>(user.candidates - 1)) / users;
  }
  for (const auto& user : ranks) squares += std::pow((user.rank <= 5 ? 1 : 0) - hits, 2);
  const Evaluation evaluation = evaluate(model, split.test, {.top_k = {5}});
  CHECK(evaluation.ranking.users == split.test.size());
  CHECK(evaluation["hr@5"] == Approx(hits));
  CHECK(evaluation["recall@5"] == Approx(hits));
  CHECK(evaluation["ndcg@5"] == Approx(gain));
  CHECK(evaluation["mrr@5"] == Approx(reciprocal));
  CHECK(evaluation["auc"] == Approx(area));
  CHECK(evaluation.ranking.metric("hr@5").standard_error == Approx(std::sqrt(squares / (users - 1) / users)));
  CHECK(evaluation.seconds > 0);
  CHECK_THROWS_AS(evaluation["hr@10"], ArgumentError);
}

TEST_CASE("an evaluation says by which protocol it was made", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  const CandidateLists lists = draw_candidates(split.validation, {.negatives = 10});
  const Evaluation full = evaluate(model, split.test),
                   sampled = evaluate(model, split.validation, {.candidates = &lists});
  CHECK(full.protocol == "test, full ranking without seen items");
  CHECK(sampled.protocol == "validation, 1 + 10 sampled candidates");
  std::ostringstream text;
  text << full;
  CHECK_THAT(text.str(), ContainsSubstring("full ranking without seen items, 70 users\n") &&
                             ContainsSubstring("\n  ndcg@10    0.") && ContainsSubstring(" +- 0."));
}

TEST_CASE("a model that scores everything alike has AUC one half", "[train]") {
  const Split split = leave_one_out(toy_data());
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
  const SasRec<cpu::Context> model({.items = GENERATE(50, 51, 300), .width = 6, .blocks = 1}, InitialValues::zero);
  CHECK(evaluate(model, split.test)["auc"] == Approx(0.5).epsilon(1e-14));
  CHECK(evaluate(model, split.test)["hr@10"] == 0);
  CHECK(evaluate(model, split.test, {.candidates = &lists})["auc"] == Approx(0.5).epsilon(1e-14));
  CHECK(evaluate(model, split.test, {.candidates = &lists})["hr@5"] == 0);  // rank 6 of 11 for everybody
  CHECK(evaluate(model, split.test, {.top_k = {6}, .candidates = &lists})["hr@6"] == 1);
}

TEST_CASE("equal items take the average rank", "[train]") {
  const Split split = leave_one_out(toy_data());
  Model model = toy_model();
  auto& parameters = model.parameters();
  for (const auto& entry : parameters.entries()) {
    if (entry.name != "item_embedding.weight") continue;
    const auto table = parameters.values(entry);
    const index_t columns = entry.shape[1];  // five items are the same as the ten before them
    for (index_t i = 30 * columns; i < 45 * columns; ++i) table(i) = table(i - (i / columns % 3 + 1) * 5 * columns);
  }
  DoubleContext::Team team(0, {.threads = 1});
  const auto ranks = target_ranks(team, model, split.test, {});
  check_same(ranks, ranks_by_loops(model, split.test, nullptr));
  const auto is_half = [](const auto& user) { return user.rank != std::floor(user.rank); };
  CHECK(std::count_if(ranks.begin(), ranks.end(), is_half) > 5);
}

TEST_CASE("empty and single-item histories are ranked", "[train]") {
  const Dataset& data = toy_data();
  const HeldOut held_out{"validation", std::make_shared<const Dataset>(data), {3, 5, 8}, {0, 1, 2}, {7, 9, 11}};
  const Model model = toy_model();
  DoubleContext::Team team(0, {.threads = 1});
  const auto ranks = target_ranks(team, model, held_out, {});
  check_same(ranks, ranks_by_loops(model, held_out, nullptr));
  CHECK(ranks[0].rank == 1 + 49 / 2.0);  // nothing is known: every item is as good as another
}

TEST_CASE("an evaluation does not depend on threads", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  const auto values = [&](int threads) {
    std::vector<double> all;
    for (const auto& metric : evaluate(model, split.test, {.team = {.threads = threads}}).ranking.metrics)
      all.push_back(metric.value);
    return all;
  };
  CHECK(values(1) == values(2));
  CHECK(values(1) == values(3));
}

TEST_CASE("candidates for something else are refused", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  const CandidateLists of_validation = draw_candidates(split.validation, {.negatives = 10});
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { evaluate(model, split.test, {.candidates = &of_validation}); }),
             ContainsSubstring("for 70 users of \"validation\", expected 70 users of \"test\""));

  const Dataset other =
      synthetic_dataset({.users = 70, .items = 50, .genres = 5, .min_events = 3, .max_events = 20, .seed = 2});
  const Split other_split = leave_one_out(other);
  const CandidateLists of_other = draw_candidates(other_split.test, {.negatives = 10});
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { evaluate(model, split.test, {.candidates = &of_other}); }),
             ContainsSubstring(other.hash()) && ContainsSubstring("expected " + toy_data().hash()));

  const Dataset fewer = synthetic_dataset({.users = 69, .items = 50, .genres = 5, .min_events = 3, .max_events = 20});
  const Split fewer_split = leave_one_out(fewer);
  const CandidateLists of_fewer = draw_candidates(fewer_split.test, {.negatives = 10});
  CHECK_THROWS_AS(evaluate(model, split.test, {.candidates = &of_fewer}), DataError);
}

TEST_CASE("a data set that is larger than the model, and options out of range, are refused", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { evaluate(toy_model(49), split.test); }),
             ContainsSubstring("has 50 items, the model's table 49"));
  const auto refused = [&](const EvaluateOptions& options) {
    return seqrec_test::message_of<ArgumentError>([&] { evaluate(model, split.test, options); });
  };
  CHECK_THAT(refused({.users_at_once = 0}), ContainsSubstring("users_at_once is 0"));
  CHECK_THAT(refused({.token_budget = 0}), ContainsSubstring("token_budget is 0"));
  CHECK_THAT(refused({.top_k = {0}}), ContainsSubstring("cut-off K is 0"));
  CHECK_THAT(refused({.team = {.threads = -1}}), ContainsSubstring("threads is -1"));
  CHECK_THAT(refused({.team = {.slots = 0}}), ContainsSubstring("slots is 0"));
}

TEST_CASE("scores that are not numbers never help a target", "[train]") {
  const Split split = leave_one_out(toy_data());
  Model model = toy_model();
  auto& parameters = model.parameters();
  parameters.values(parameters.entries().back())(0) = std::nan("");
  CHECK(evaluate(model, split.test)["auc"] == 0);
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
  CHECK_THROWS_AS(evaluate(model, split.test, {.candidates = &lists}), NonFiniteError);
}
