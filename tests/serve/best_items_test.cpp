// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/best_items.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "seqrec/data/batches/ranking_batch.hpp"
#include "serve/table_models.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::StaticTable, seqrec_test::CandidateTable;
using Items = std::vector<item_t>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What two users are offered who exclude these items.
template <class Model>
std::vector<std::vector<Recommendation<double>>> offers(const std::vector<double>& scores, const Items (&exclusions)[2],
                                                        index_t count, index_t offered) {
  const Model model(scores);
  const Items history = {0, 1};
  const RankingRequest requests[] = {{history, -1, exclusions[0], {}}, {history, -1, exclusions[1], {}}};
  HostRankingBatch batch({model.num_items(), 4, 100});
  batch.pack(requests);
  DoubleContext context;
  detail::BestItems<Model> best(model);
  std::vector<std::vector<Recommendation<double>>> found(2);
  for (int round = 0; round < 2; ++round) {
    context.begin_shard();
    best(
        context, model, batch.shard(0), offered,
        [&](index_t user) {
          return detail::WantedItems{user == 0 ? count : 1, exclusions[user]};
        },
        [&](index_t user, std::span<const Recommendation<double>> items) {
          found[static_cast<std::size_t>(user)].assign(items.begin(), items.end());
        });
  }
  return found;
}

Items items_of(const std::vector<Recommendation<double>>& found) {
  Items items;
  for (const auto& one : found) items.push_back(one.item);
  return items;
}

}  // namespace

TEMPLATE_TEST_CASE("the best items are those of the highest scores, whatever the model", "[serve]", StaticTable,
                   CandidateTable) {
  const std::vector<double> scores = {1, 5, -infinity, 5, infinity, 3};
  const Items none[2] = {{}, {}}, some[2] = {{4, 1, 4}, {4}};
  CHECK(items_of(offers<TestType>(scores, none, 6, 6)[0]) == Items{4, 1, 3, 5, 0});  // 2 is never offered
  CHECK(items_of(offers<TestType>(scores, none, 3, 6)[0]) == Items{4, 1, 3});
  CHECK(items_of(offers<TestType>(scores, none, 100, 4)[0]) == Items{1, 3, 0});  // of the first four
  const auto found = offers<TestType>(scores, some, 2, 6);
  CHECK(items_of(found[0]) == Items{3, 5});
  CHECK(found[0][1].score == 3);
  CHECK(items_of(found[1]) == Items{1});  // one was wanted
  const Items all[2] = {{0, 1, 2, 3, 4, 5}, {}};
  CHECK(offers<TestType>(scores, all, 2, 6)[0].empty());
}

TEMPLATE_TEST_CASE("scores that are not numbers are shown, whatever the model", "[serve]", StaticTable,
                   CandidateTable) {
  const std::vector<double> scores = {1, 5, std::nan(""), 4};
  const Items one[2] = {{2}, {}};
  const auto found = offers<TestType>(scores, one, 4, 4);
  CHECK(items_of(found[0]) == Items{1, 3, 0});  // it is not asked for
  REQUIRE(found[1].size() == 1);
  CHECK(found[1][0].item == -1);
  CHECK(std::isnan(found[1][0].score));
  CHECK(items_of(offers<TestType>(scores, one, 4, 2)[1]) == Items{1});  // nor is it among the first two
}
