// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
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
        if (item != target && !seen.contains(item)) others.push_back(item);
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
  check_same(evaluate(team, model, held_out, options).ranks, ranks_by_loops(model, held_out, candidates));
}

TEST_CASE("metrics are means over users of what their definitions say", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  const auto ranks = ranks_by_loops(model, split.test, nullptr);
  double hits = 0, gain = 0, reciprocal = 0, area = 0, squares = 0;
  const auto users = static_cast<double>(ranks.size());
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

TEST_CASE("an empty history is ranked by what is said of somebody of whom nothing is known", "[train]") {
  const Split split = leave_one_out(toy_data());
  HeldOut strangers{"test", split.data, {}, {}, {}};
  for (const index_t user : {3, 5, 8}) strangers.add(user, 0);
  CHECK(evaluate(toy_model(), strangers)["auc"] == 0.5);  // no item is better than another
  AvgPool<DoubleContext> pool({.items = 50, .width = 6, .max_length = 8});
  seqrec_test::randomise(pool, 4);
  CHECK(evaluate(pool, strangers)["auc"] == 0.5);
  CHECK(evaluate(TransitionKnn(split), strangers)["auc"] == 0.5);
  CHECK(evaluate(Popularity(split), strangers)["auc"] != 0.5);
  Din<DoubleContext> din({.items = 50, .width = 4, .max_length = 8, .attention_hidden = {5}, .hidden = {4}});
  seqrec_test::randomise(din, 4);
  CHECK(evaluate(din, strangers)["auc"] != 0.5);  // it looks at items
  CHECK(evaluate(din, strangers).ranking.users == 3);
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

TEST_CASE("scores that are not numbers are refused, in a full ranking and among candidates", "[train]") {
  const Split split = leave_one_out(toy_data());
  Model model = toy_model();
  auto& parameters = model.parameters();
  parameters.values(parameters.entries().back())(0) = std::nan("");
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>([&] { evaluate(model, split.test, {.team = {.threads = 2}}); }),
             ContainsSubstring("a score is NaN, expected a number"));
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
  CHECK_THROWS_AS(evaluate(model, split.test, {.candidates = &lists}), NonFiniteError);
}

TEST_CASE("one item whose scores are not numbers is enough, whoever scores", "[train]") {
  const Split split = leave_one_out(toy_data());
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
  const auto check_refused = [&](auto model, const char* table) {
    seqrec_test::randomise(model, 4);
    auto& parameters = model.parameters();
    for (const auto& entry : parameters.entries())
      if (entry.name == table) parameters.values(entry)(17 * entry.shape[1]) = std::nan("");  // item 17
    CHECK_THROWS_AS(evaluate(model, split.test), NonFiniteError);
    CHECK_THROWS_AS(evaluate(model, split.test, {.candidates = &lists}), NonFiniteError);
  };
  check_refused(Model({.items = 50, .width = 6, .blocks = 1, .max_length = 8}), "item_embedding.weight");
  check_refused(AvgPool<DoubleContext>({.items = 50, .width = 6, .max_length = 8}), "output_embedding.weight");
  check_refused(Din<DoubleContext>({.items = 50, .width = 4, .max_length = 8, .attention_hidden = {5}, .hidden = {4}}),
                "item_embedding.weight");
}

TEST_CASE("seen items are ranked on request, as by plain loops", "[train]") {
  const Split split = leave_one_out(toy_data());
  const Model model = toy_model();
  DoubleContext::Team team(0, {.threads = 2});
  const auto ranks = target_ranks(team, model, split.test, {.seen = SeenItems::ranked});
  for (index_t i = 0; i < split.test.size(); ++i) {
    const auto scores = scores_after(model, split.test.history(i));
    const double own = scores[static_cast<std::size_t>(split.test.targets[static_cast<std::size_t>(i)])];
    const auto above = std::count_if(scores.begin(), scores.end(), [&](double score) { return score > own; });
    REQUIRE(ranks[static_cast<std::size_t>(i)].rank == 1 + static_cast<double>(above));
    REQUIRE(ranks[static_cast<std::size_t>(i)].candidates == 50);
  }
}

TEST_CASE("a user who has seen the whole catalogue is left out and named, by every ranker", "[train][errors]") {
  std::vector<std::int64_t> users, items;
  const auto add = [&](std::int64_t user, const std::vector<std::int64_t>& history) {
    for (const std::int64_t item : history) {
      users.push_back(user);
      items.push_back(item);
    }
  };
  add(7, {0, 1, 2, 3});
  add(17, {0, 1, 2, 3, 4, 5});  // all but the target, and then the target
  add(23, {5, 4, 3, 2, 1, 0, 5});
  add(31, {2, 3, 4, 5});
  const Split split = leave_one_out(build_dataset("shop", {.users = users, .items = items, .times = {}}));
  HeldOut others{"test", split.data, {}, {}, {}};
  others.add(0, 3);
  others.add(3, 3);
  const auto check = [&](const auto& ranker) {
    EvaluateOptions options{.top_k = {1, 5}};
    for (options.users_at_once = 1; options.users_at_once <= 4; ++options.users_at_once) {
      const Evaluation all = evaluate(ranker, split.test, options), without = evaluate(ranker, others, options);
      CHECK(all.left_out.users == std::vector<std::string>{"17", "23"});
      CHECK(all.ranking.users == 2);
      for (const auto& metric : without.ranking.metrics) CHECK(all[metric.name] == metric.value);
      CHECK(without.left_out.empty());
      std::ostringstream text;
      text << all;
      CHECK_THAT(text.str(), ContainsSubstring("full ranking without seen items, 2 users\n") &&
                                 ContainsSubstring("\n  2 users left out, all other items seen: 17, 23\n"));
      CHECK(evaluate(ranker, split.test, {.seen = SeenItems::ranked}).ranking.users == 4);
    }
    const CandidateLists lists = draw_candidates(split.test, {.negatives = 2}),
                         lists_of_others = draw_candidates(others, {.negatives = 2});
    const Evaluation sampled = evaluate(ranker, split.test, {.candidates = &lists}),
                     sampled_without = evaluate(ranker, others, {.candidates = &lists_of_others});
    CHECK(sampled.ranking.users == 2);
    CHECK(sampled.clicks->users == 2);
    CHECK(sampled["auc"] == sampled_without["auc"]);
    CHECK(sampled.clicks->pooled_auc == sampled_without.clicks->pooled_auc);
    CHECK(describe(sampled.left_out) == "2 users left out, too few other items for 2 negatives: 17, 23");
  };
  Model sasrec({.items = 6, .width = 6, .blocks = 1, .max_length = 8});
  seqrec_test::randomise(sasrec, 4);
  check(sasrec);
  Din<DoubleContext> din({.items = 6, .width = 4, .max_length = 8, .attention_hidden = {5}, .hidden = {4}});
  seqrec_test::randomise(din, 4);
  check(din);
  check(TransitionKnn(split));
  check(Popularity(split));

  HeldOut nobody{"test", split.data, {}, {}, {}};
  nobody.add(1, 5);
  CHECK(seqrec_test::message_of<DataError>([&] { check_evaluation(6, nobody, {}); }) ==
        "shop: nobody of test can be ranked: 1 user left out, all other items seen: 17");
  CHECK_NOTHROW(check_evaluation(6, nobody, {.seen = SeenItems::ranked}));
  nobody.users.clear();
  nobody.history_lengths.clear();
  nobody.targets.clear();
  CHECK(seqrec_test::message_of<DataError>([&] { check_evaluation(6, nobody, {}); }) ==
        "shop: nobody of test can be ranked: it is empty");
}

TEST_CASE("a model is not evaluated on data whose items are numbered otherwise", "[train][errors]") {
  const Split split = leave_one_out(toy_data());
  const auto check = [&](auto model) {
    CHECK_NOTHROW(check_evaluation(model, split.test, {}));  // fresh from its options it knows no ids
    std::vector<std::string> ids;
    for (index_t item = 0; item < 50; ++item) ids.emplace_back(toy_data().item_ids[item]);
    std::swap(ids[7], ids[8]);
    model.set_vocabulary(Vocabulary(ids));
    const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
    for (const CandidateLists* candidates : {static_cast<const CandidateLists*>(nullptr), &lists})
      CHECK_THAT(
          seqrec_test::message_of<DataError>([&] { evaluate(model, split.test, {.candidates = candidates}); }),
          ContainsSubstring(concatenate("item 7 is '", ids[8], "' in the data set and '", ids[7], "' in the model")));
    model.set_vocabulary(toy_data().item_ids);
    CHECK_NOTHROW(check_evaluation(model, split.test, {}));
  };
  check(toy_model());
  check(Din<DoubleContext>({.items = 50, .width = 4, .max_length = 8, .attention_hidden = {5}, .hidden = {4}}));
}

TEST_CASE("the standard error of a single user is not known", "[train]") {
  const Split split = leave_one_out(toy_data());
  HeldOut one{"test", split.data, {}, {}, {}};
  one.add(0, 2);
  std::ostringstream text;
  text << evaluate(toy_model(), one);
  CHECK_THAT(text.str(), ContainsSubstring("1 users\n") && ContainsSubstring(" +- not known\n") &&
                             !ContainsSubstring("nan") && !ContainsSubstring("+- 0.0000"));
  CHECK(standard_error_text(0) == "0.0000");
}
