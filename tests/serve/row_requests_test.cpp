// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/row_requests.hpp"

#include <string>
#include <vector>

#include "serve/named_model.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using Texts = std::vector<std::string>;
using Items = std::vector<item_t>;

namespace {

Items items(std::span<const item_t> span) { return {span.begin(), span.end()}; }

}  // namespace

TEST_CASE("requests by id become requests by row, and what is unknown is counted", "[serve]") {
  const Vocabulary ids(Texts{"a", "b", "c"});
  const Texts x = {"c", "?", "a"}, y = {"??", "b"}, z;
  detail::RowRequests rows;
  for (int round = 0; round < 2; ++round) {
    const auto recommend =
        rows.of(ids, std::span<const RecommendRequestById>(std::vector<RecommendRequestById>{{x, 4, y, 7}, {z}, {y}}));
    REQUIRE(recommend.size() == 3);
    CHECK(items(recommend[0].history) == Items{2, 0});
    CHECK(items(recommend[0].exclusions) == Items{1});
    CHECK(recommend[0].count == 4);
    CHECK(recommend[0].profile == 7);
    CHECK(recommend[1].history.empty());
    CHECK(items(recommend[2].history) == Items{1});
    CHECK(rows.unknown(0).history == 1);
    CHECK(rows.unknown(0).exclusions == 1);
    CHECK(rows.unknown(1).history == 0);
    const auto score = rows.of(ids, std::span<const ScoreRequestById>(std::vector<ScoreRequestById>{{y, x, 2}}));
    CHECK(items(score[0].history) == Items{1});
    CHECK(items(score[0].candidates) == Items{2, 0});
    CHECK(score[0].profile == 2);
    CHECK(rows.unknown(0).history == 1);
    CHECK(rows.unknown(0).candidates == 1);
    CHECK(rows.unknown(0).exclusions == 0);
  }
}

TEST_CASE("a model without ids is refused by name of what is missing", "[serve]") {
  seqrec_test::NamedModel model;
  CHECK(detail::vocabulary_of(model).size() == 8);
  model.names = {};
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { detail::vocabulary_of(model); }),
             ContainsSubstring("expected a vocabulary"));
}
