// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/event_scorer.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Worker {
  void score(const HeldOut&, index_t, std::span<const item_t>, std::span<double>) const {}
};
struct Scorer {
  index_t num_items() const { return 3; }
  Worker worker() const { return {}; }
};
struct WithoutWorker {
  index_t num_items() const { return 3; }
};
struct OfHistories {
  index_t num_items() const { return 3; }
  void score(std::span<const item_t>, std::span<double>) const {}
};

}  // namespace

TEST_CASE("an event scorer is told from others") {
  CHECK(EventScorer<Scorer>);
  CHECK_FALSE(EventScorer<WithoutWorker>);
  CHECK_FALSE(EventScorer<OfHistories>);
}
