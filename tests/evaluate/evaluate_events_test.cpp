// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/evaluate_events.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

const Dataset& toy_data() {
  static const Dataset data =
      synthetic_dataset({.users = 70, .items = 50, .genres = 5, .min_events = 3, .max_events = 20});
  return data;
}

/// A baseline, asked event by event and candidate by candidate.
struct ByEvents {
  const TransitionKnn* baseline;
  double bad = 0;  ///< added to the score of item 7
  index_t num_items() const { return baseline->num_items(); }

  struct Worker {
    const ByEvents* of;
    std::vector<double> all;
    void score(const HeldOut& held_out, index_t i, std::span<const item_t> candidates, std::span<double> scores) {
      all.resize(static_cast<std::size_t>(of->num_items()));
      of->baseline->score(held_out.history(i), all);
      all[7] += of->bad;
      for (std::size_t c = 0; c < candidates.size(); ++c) scores[c] = all[static_cast<std::size_t>(candidates[c])];
    }
  };
  Worker worker() const { return {this, {}}; }
};

void check_same(const Evaluation& a, const Evaluation& b) {
  REQUIRE(a.ranking.metrics.size() == b.ranking.metrics.size());
  for (std::size_t m = 0; m < a.ranking.metrics.size(); ++m) {
    INFO(a.ranking.metrics[m].name);
    CHECK(a.ranking.metrics[m].value == b.ranking.metrics[m].value);
    CHECK(a.ranking.metrics[m].standard_error == b.ranking.metrics[m].standard_error);
  }
  CHECK(a.protocol == b.protocol);
  CHECK(a.left_out.targets == b.left_out.targets);
  CHECK(a.clicks.has_value() == b.clicks.has_value());
  if (a.clicks) CHECK(a.clicks->log_loss == b.clicks->log_loss);
}

}  // namespace

TEST_CASE("events scored one by one have the metrics of histories scored whole, on any number of threads") {
  const Split split = leave_one_out(toy_data());
  const TransitionKnn baseline(split);
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 40});
  EvaluateOptions options;
  options.candidates = GENERATE(false, true) ? &lists : nullptr;
  options.team.threads = GENERATE(1, 3);
  check_same(evaluate(ByEvents{&baseline}, split.test, options), evaluate(baseline, split.test, options));
  if (options.candidates == nullptr) return;
  CHECK(candidate_scores(ByEvents{&baseline}, split.test, options) == candidate_scores(baseline, split.test, options));
  const Calibration found = fit_click_calibration(ByEvents{&baseline}, split.test, options),
                    expected = fit_click_calibration(baseline, split.test, options);
  CHECK(found.scale == expected.scale);
  CHECK(found.bias == expected.bias);
}

TEST_CASE("a score that is no number is named with its event") {
  const Split split = leave_one_out(toy_data());
  const TransitionKnn baseline(split);
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 30});
  EvaluateOptions options;
  const double bad = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  options.candidates = &lists;
  options.team.threads = 2;
  const ByEvents scorer{&baseline, bad};
  CHECK_THAT(message_of<NonFiniteError>([&] { evaluate(scorer, split.test, options); }),
             ContainsSubstring("a score of held-out event "));
  options.candidates = nullptr;
  if (std::isnan(bad)) CHECK_THROWS_AS(evaluate(scorer, split.test, options), NonFiniteError);
  CHECK_THROWS_AS(candidate_scores(scorer, split.test, options), ArgumentError);
}
