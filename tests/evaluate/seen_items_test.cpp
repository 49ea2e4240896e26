// SPDX-License-Identifier: Apache-2.0
// Which question an evaluation asks where people take the same items again.
#include "seqrec/evaluate/seen_items.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <sstream>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Knows nothing but what was seen: all those items are alike, and so are all others.
struct SeenBefore {
  index_t items;
  index_t num_items() const { return items; }
  void score(std::span<const item_t> history, std::span<double> scores) const {
    std::fill(scores.begin(), scores.end(), 0.0);
    for (const item_t item : history) scores[static_cast<std::size_t>(item)] = 1;
  }
};

/// Baskets: everybody takes eight products of forty again and again, at random.
Dataset groceries() {
  RandomStream random(1, Purpose::synthetic_data, 0);
  std::vector<std::vector<std::int64_t>> histories;
  for (std::uint32_t user = 0; user < 60; ++user) {
    std::vector<std::int64_t> usual(8), events(30);
    for (std::uint32_t i = 0; i < 8; ++i) usual[i] = (user + 5 * i) % 40;
    for (std::int64_t& event : events) event = usual[random.below(8)];
    histories.push_back(events);
  }
  return seqrec_test::dataset_of(histories);
}

}  // namespace

TEST_CASE("on repeats a scorer that only says \"seen before\" is perfect without seen items, and found out with them") {
  const Split split = leave_one_out(groceries());
  REQUIRE(split.data->num_items() == 40);
  REQUIRE(share_of_repeats(split.test) > 0.9);
  CHECK_THAT(describe(split), ContainsSubstring("WARNING") && ContainsSubstring("SeenItems::ranked"));
  const SeenBefore scorer{40};

  const Evaluation left_out = evaluate(scorer, split.test, {.top_k = {1, 5}});
  const Evaluation ranked = evaluate(scorer, split.test, {.top_k = {1, 5}, .seen = SeenItems::ranked});
  const double repeats = share_of_repeats(split.test);
  CHECK(left_out["hr@1"] == repeats);  // all that was seen is gone but the target
  CHECK(left_out["auc"] > 0.95);
  CHECK(ranked["hr@1"] == 0);  // one of eight, whichever it is: rank 4.5
  CHECK(ranked["hr@5"] == repeats);
  CHECK(left_out.repeats == repeats);
  std::ostringstream warned, silent;
  warned << left_out;
  silent << ranked;
  CHECK_THAT(warned.str(),
             ContainsSubstring(" % of the targets are repeats") && ContainsSubstring("SeenItems::ranked"));
  CHECK_THAT(silent.str(), !ContainsSubstring("WARNING"));
  CHECK(left_out.protocol == "test, full ranking without seen items");
  CHECK(ranked.protocol == "test, full ranking of all items, seen or not");

  const CandidateLists without = draw_candidates(split.test, {.negatives = 20}),
                       among_all = draw_candidates(split.test, {.negatives = 20, .seen = SeenItems::ranked});
  const Evaluation sampled = evaluate(scorer, split.test, {.top_k = {1}, .candidates = &without});
  const Evaluation sampled_ranked =
      evaluate(scorer, split.test, {.top_k = {1}, .candidates = &among_all, .seen = SeenItems::ranked});
  CHECK(sampled["hr@1"] == repeats);
  CHECK(sampled_ranked["hr@1"] < 0.1);
  CHECK(sampled.protocol == "test, 1 + 20 sampled candidates");
  CHECK(sampled_ranked.protocol == "test, 1 + 20 sampled candidates of all items, seen or not");
}

TEST_CASE("candidates that were drawn for the other question are refused") {
  const Split split = leave_one_out(groceries());
  const CandidateLists without = draw_candidates(split.test, {.negatives = 20}),
                       among_all = draw_candidates(split.test, {.negatives = 20, .seen = SeenItems::ranked});
  const SeenBefore scorer{40};
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          evaluate(scorer, split.test, {.candidates = &without, .seen = SeenItems::ranked});
        }) == "evaluate seen is ranked, expected left_out, as the candidates were drawn");
  CHECK(seqrec_test::message_of<ArgumentError>([&] { evaluate(scorer, split.test, {.candidates = &among_all}); }) ==
        "evaluate seen is left_out, expected ranked, as the candidates were drawn");
}
