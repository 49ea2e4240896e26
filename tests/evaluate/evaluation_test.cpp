// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/evaluation.hpp"

#include <sstream>
#include <string>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/models/din.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;

namespace {

struct Fixture {
  Dataset data = synthetic_dataset({.users = 60, .items = 50, .genres = 5, .min_events = 3, .max_events = 20});
  Split split = leave_one_out(data);
  CandidateLists validation = draw_candidates(split.validation, {.negatives = 9});
  CandidateLists test = draw_candidates(split.test, {.negatives = 9});
  Din<DoubleContext> model = [this] {
    Din<DoubleContext> made({.items = data.num_items(), .width = 4, .attention_hidden = {5}, .hidden = {4}});
    seqrec_test::randomise(made, 4);
    return made;
  }();
};

}  // namespace

TEST_CASE("frozen candidates are evaluated as clicks too", "[train]") {
  const Fixture f;
  const Evaluation full = evaluate(f.model, f.split.test);
  CHECK_FALSE(full.clicks);
  const Evaluation sampled = evaluate(f.model, f.split.test, {.candidates = &f.test});
  REQUIRE(sampled.clicks);
  CHECK(sampled.clicks->positives == f.split.test.size());
  CHECK(sampled.clicks->impressions == 10 * f.split.test.size());
  CHECK(sampled.clicks->user_auc == Approx(sampled["auc"]).epsilon(1e-12));  // from scores and from ranks
  CHECK(sampled.clicks->gauc == Approx(sampled["auc"]).epsilon(1e-12));      // lists of one length weigh the same
  std::ostringstream text;
  text << sampled;
  CHECK_THAT(text.str(), ContainsSubstring("test, 1 + 9 sampled candidates, ") && ContainsSubstring("log_loss") &&
                             ContainsSubstring("ndcg@10"));
}

TEST_CASE("scores are calibrated on validation, and only the log loss changes", "[train]") {
  const Fixture f;
  DoubleContext::Team team(0, {.threads = 1});
  const EvaluateOptions on_validation{.candidates = &f.validation};
  const Calibration calibration = fit_click_calibration(team, f.model, f.split.validation, on_validation);
  EvaluateOptions calibrated = on_validation;
  calibrated.calibration = calibration;
  const ClickResult before = *evaluate(f.model, f.split.validation, on_validation).clicks;
  const ClickResult after = *evaluate(f.model, f.split.validation, calibrated).clicks;
  CHECK(after.log_loss < before.log_loss);
  CHECK(after.log_loss <= after.base_rate_log_loss);  // a scale of 0 would be the base rate
  CHECK(after.pooled_auc == before.pooled_auc);
  CHECK(after.user_auc == before.user_auc);
}
