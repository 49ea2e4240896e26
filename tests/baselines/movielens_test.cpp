// SPDX-License-Identifier: Apache-2.0
// The baselines on real data against the figures of an implementation that is not ours. Candidate lists differ, so that
// figures agree to a standard error and not to the last digit.
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/data/readers/load.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// A data set of $SEQREC_DATA; none, visibly, where it is not there.
std::optional<Dataset> find(const std::string& name) {
  const char* folder = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): one thread
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / name)) {
    WARN("skipped: SEQREC_DATA has no " << name);
    return std::nullopt;
  }
  return load_dataset(std::filesystem::path(folder) / name);
}

struct Sampled {
  double pooled_auc, user_auc, hit_rate, ndcg;
};

/// Among 1 + 99 candidates. That of the pooled AUC has no simple standard error: it gets that of the per-user AUC.
template <class Scorer>
void check_sampled(const Scorer& scorer, const Split& split, const Sampled& expected) {
  const CandidateLists lists = draw_candidates(split.test);
  const Evaluation found = evaluate(scorer, split.test, {.candidates = &lists});
  const auto error = [&](const char* metric) { return found.ranking.metric(metric).standard_error; };
  CAPTURE(Scorer::name);
  CHECK(found.clicks->pooled_auc == Approx(expected.pooled_auc).margin(error("auc")));
  CHECK(found.clicks->user_auc == Approx(expected.user_auc).margin(error("auc")));
  CHECK(found.clicks->gauc == Approx(found["auc"]).epsilon(1e-12));
  CHECK(found["hr@10"] == Approx(expected.hit_rate).margin(error("hr@10")));
  CHECK(found["ndcg@10"] == Approx(expected.ndcg).margin(error("ndcg@10")));
}

template <class Scorer>
void check_full(const Scorer& scorer, const Split& split, double recall, double ndcg) {
  const Evaluation found = evaluate(scorer, split.test);
  CAPTURE(Scorer::name);
  CHECK(found["recall@10"] == Approx(recall).margin(found.ranking.metric("recall@10").standard_error));
  CHECK(found["ndcg@10"] == Approx(ndcg).margin(found.ranking.metric("ndcg@10").standard_error));
}

}  // namespace

TEST_CASE("baselines on MovieLens-100K", "[baselines][data]") {
  const std::optional<Dataset> data = find("ml-100k");
  if (!data) return;
  const Split split = leave_one_out(*data);
  check_sampled(Popularity(split), split, {0.796, 0.798, 0.409, 0.228});
  check_sampled(ItemKnn(split), split, {0.828, 0.847, 0.508, 0.297});
  const TransitionKnn transitions(split, {.decay = 0.8});
  check_sampled(transitions, split, {0.898, 0.899, 0.706, 0.452});
  check_full(transitions, split, 0.206, 0.113);
}

TEST_CASE("baselines on MovieLens-1M", "[baselines][data]") {
  const std::optional<Dataset> data = find("ml-1m");
  if (!data) return;
  const Split split = leave_one_out(*data);
  check_sampled(Popularity(split), split, {0.795, 0.797, 0.441, 0.243});
  const ItemKnn items(split);
  check_sampled(items, split, {0.830, 0.847, 0.556, 0.337});
  check_full(items, split, 0.092, 0.047);
  const TransitionKnn transitions(split, {.decay = 0.6});
  check_sampled(transitions, split, {0.912, 0.916, 0.767, 0.562});
  check_full(transitions, split, 0.269, 0.158);
}
