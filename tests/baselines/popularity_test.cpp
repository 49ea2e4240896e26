// SPDX-License-Identifier: Apache-2.0
#include "seqrec/baselines/popularity.hpp"

#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("popularity counts training events and nothing else", "[baselines]") {
  // Held out are the last two events of users 0 and 1; user 2 is too short and trained on whole.
  const Dataset data = seqrec_test::dataset_of({{0, 1, 0, 2, 3}, {1, 4, 4, 4}, {3, 3}});
  const Split split = leave_one_out(data);
  const Popularity popularity(split);
  REQUIRE(popularity.num_items() == 5);
  std::vector<double> scores(5, -1.0);
  popularity.score({}, scores);
  CHECK(scores == std::vector<double>{2, 2, 0, 2, 1});
  popularity.score(split.test.history(0), scores);  // the same for everybody
  CHECK(scores == std::vector<double>{2, 2, 0, 2, 1});
  std::vector<double> few(4);
  CHECK(seqrec_test::message_of<ShapeError>([&] { popularity.score({}, few); }) ==
        "Popularity: number of scores is 4, expected 5");
}
