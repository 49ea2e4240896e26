// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/item_scorer.hpp"

#include <span>
#include <string>

#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Fits {
  index_t num_items() const { return 3; }
  void score(std::span<const item_t> history, std::span<double> scores) const;
};
struct Changes {
  index_t num_items() const { return 3; }
  void score(std::span<const item_t> history, std::span<double> scores);  // not const: threads could not share it
};
struct Uncounted {
  void score(std::span<const item_t> history, std::span<double> scores) const;
};
struct InWords {
  index_t num_items() const { return 3; }
  std::string score(item_t item) const;
};

}  // namespace

TEST_CASE("an item scorer has a catalogue and scores it without changing", "[baselines]") {
  STATIC_REQUIRE(ItemScorer<Fits>);
  STATIC_REQUIRE(ItemScorer<Popularity>);
  STATIC_REQUIRE(ItemScorer<ItemKnn>);
  STATIC_REQUIRE(ItemScorer<TransitionKnn>);
  STATIC_REQUIRE_FALSE(ItemScorer<Changes>);
  STATIC_REQUIRE_FALSE(ItemScorer<Uncounted>);
  STATIC_REQUIRE_FALSE(ItemScorer<InWords>);
  STATIC_REQUIRE_FALSE(ItemScorer<int>);
}
