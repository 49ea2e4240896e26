// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/evaluate_scorer.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

const Dataset& toy_data() {
  static const Dataset data =
      synthetic_dataset({.users = 70, .items = 50, .genres = 5, .min_events = 3, .max_events = 20});
  return data;
}

/// Scores that depend on the whole history and often tie.
struct Whim {
  index_t items = 50;
  index_t num_items() const { return items; }
  void score(std::span<const item_t> history, std::span<double> scores) const {
    std::uint64_t state = 1;
    for (const item_t item : history) state = mix_bits(state + static_cast<std::uint64_t>(item));
    for (double& score : scores) score = static_cast<double>((state = mix_bits(state)) % 9) / 2 - 3;
  }
};

/// Knows what comes next, and how much it is worth.
struct Oracle {
  const HeldOut* held_out;
  double of_target, of_others;
  index_t num_items() const { return held_out->data->num_items(); }
  void score(std::span<const item_t> history, std::span<double> scores) const {
    std::fill(scores.begin(), scores.end(), of_others);
    const item_t* const next = history.data() + history.size();  // histories lie in the data set
    scores[static_cast<std::size_t>(*next)] = of_target;
  }
};

}  // namespace

TEST_CASE("a scorer's metrics are what plain loops find", "[train]") {
  const Split split = leave_one_out(toy_data());
  const HeldOut& held_out = GENERATE(false, true) ? split.test : split.validation;
  const CandidateLists lists = draw_candidates(held_out, {.negatives = 10});
  const CandidateLists* candidates = GENERATE(false, true) ? &lists : nullptr;
  const Whim scorer{GENERATE(50, 53)};  // a scorer may know more items than the data set has
  RankingMetrics ranking({.cutoffs = {3, 5}});
  ClickMetrics clicks;
  std::vector<double> scores(static_cast<std::size_t>(scorer.items));
  for (index_t i = 0; i < held_out.size(); ++i) {
    scorer.score(held_out.history(i), scores);
    const item_t target = held_out.targets[static_cast<std::size_t>(i)];
    std::vector<double> list{scores[static_cast<std::size_t>(target)]};
    if (candidates != nullptr) {
      for (const item_t item : candidates->negatives(i)) list.push_back(scores[static_cast<std::size_t>(item)]);
    } else {
      const std::set<item_t> seen(held_out.history(i).begin(), held_out.history(i).end());
      for (item_t item = 0; item < static_cast<item_t>(scorer.items); ++item)
        if (item != target && !seen.contains(item)) list.push_back(scores[static_cast<std::size_t>(item)]);
    }
    ranking.add(average_rank_among(list[0], std::span<const double>(list).subspan(1)), std::ssize(list));
    std::vector<std::uint8_t> labels(list.size(), 0);
    labels[0] = 1;
    clicks.add(std::span<const double>(list), std::span<const std::uint8_t>(labels));
  }
  const Evaluation evaluation = evaluate(scorer, held_out, {.top_k = {3, 5}, .candidates = candidates});
  const RankingResult expected = ranking.result();
  CHECK(evaluation.ranking.users == held_out.size());
  REQUIRE(evaluation.ranking.metrics.size() == expected.metrics.size());
  for (const RankingMetric& metric : expected.metrics) CHECK(evaluation[metric.name] == metric.value);
  CHECK(evaluation.seconds > 0);
  REQUIRE(evaluation.clicks.has_value() == (candidates != nullptr));
  if (evaluation.clicks)
    clicks.result().for_each_metric(
        [&](const char* name, double value) { CHECK((*evaluation.clicks)[name] == value); });
  CHECK(evaluation.protocol ==
        held_out.name + (candidates != nullptr ? ", 1 + 10 sampled candidates" : ", full ranking without seen items"));
}

TEST_CASE("who knows the future is perfect, who says nothing is average", "[train]") {
  const Split split = leave_one_out(toy_data());
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
  const EvaluateOptions sampled{.candidates = &lists};
  const Oracle oracle{&split.test, 1, 0}, indifferent{&split.test, 0, 0};
  CHECK(evaluate(oracle, split.test)["ndcg@5"] == 1);
  CHECK(evaluate(oracle, split.test, sampled).clicks->gauc == 1);
  CHECK(evaluate(indifferent, split.test)["auc"] == Approx(0.5).epsilon(1e-14));
  CHECK(evaluate(indifferent, split.test, sampled).clicks->pooled_auc == 0.5);
  CHECK(evaluate(indifferent, split.test, sampled)["hr@5"] == 0);  // rank 6 of 11 for everybody
}

TEST_CASE("a calibration fitted on validation brings the test's log loss below the floor", "[train]") {
  const Split split = leave_one_out(toy_data());
  const CandidateLists validation = draw_candidates(split.validation, {.negatives = 10}),
                       test = draw_candidates(split.test, {.negatives = 10});
  const TransitionKnn scorer(split);
  const Evaluation raw = evaluate(scorer, split.test, {.candidates = &test});
  const Calibration calibration = fit_click_calibration(scorer, split.validation, {.candidates = &validation});
  const Evaluation calibrated = evaluate(scorer, split.test, {.candidates = &test, .calibration = calibration});
  CHECK(raw.clicks->normalised_entropy > 1);  // weights are no log-odds
  CHECK(calibrated.clicks->normalised_entropy < 1);
  CHECK(calibrated.clicks->gauc == raw.clicks->gauc);
}

TEST_CASE("an evaluation refuses scores that are not numbers, and what is for something else", "[train][errors]") {
  const Split split = leave_one_out(toy_data());
  const CandidateLists of_validation = draw_candidates(split.validation, {.negatives = 10}),
                       of_test = draw_candidates(split.test, {.negatives = 10});
  const Oracle broken{&split.test, std::numeric_limits<double>::quiet_NaN(), 0};
  CHECK_THROWS_AS(evaluate(broken, split.test), NonFiniteError);
  CHECK_THROWS_AS(evaluate(broken, split.test, {.candidates = &of_test}), NonFiniteError);
  const Popularity popularity(split);
  CHECK_THAT(message_of<DataError>([&] { evaluate(popularity, split.test, {.candidates = &of_validation}); }),
             ContainsSubstring("of \"validation\", expected") && ContainsSubstring("\"test\""));
  CHECK_THAT(message_of<ArgumentError>([&] { evaluate(popularity, split.test, {.top_k = {0}}); }),
             ContainsSubstring("cut-off K is 0"));
  CHECK_THAT(message_of<DataError>([&] { evaluate(Whim{49}, split.test); }), ContainsSubstring("has 50 items"));
  CHECK_THROWS_AS(candidate_scores(popularity, split.test, {}), ArgumentError);
}

TEST_CASE("a baseline is not asked about data whose items are numbered otherwise", "[train][errors]") {
  const Split split = leave_one_out(toy_data());
  Dataset renumbered = toy_data();
  std::vector<std::string> ids;
  for (index_t item = 0; item < renumbered.num_items(); ++item) ids.emplace_back(renumbered.item_ids[item]);
  std::swap(ids[3], ids[4]);
  renumbered.item_ids = Vocabulary(ids);
  const Split other = leave_one_out(renumbered);
  const auto check = [&](const auto& baseline) {
    CHECK_NOTHROW(check_evaluation(baseline, split.test, {}));
    CHECK_THAT(message_of<DataError>([&] { evaluate(baseline, other.test); }),
               ContainsSubstring(concatenate("item 3 is '", ids[3], "' in the data set")));
  };
  check(Popularity(split));
  check(ItemKnn(split));
  check(TransitionKnn(split));
  CHECK_NOTHROW(evaluate(Whim{}, other.test));  // knows no ids
}
