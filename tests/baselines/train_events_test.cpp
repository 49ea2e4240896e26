// SPDX-License-Identifier: Apache-2.0
#include "seqrec/baselines/train_events.hpp"

#include <utility>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Places = std::vector<std::pair<index_t, index_t>>;

Places places(const TrainEvents& events, item_t item) {
  Places found;
  for (const auto& event : events.of_item(item)) found.emplace_back(event.user, event.position);
  return found;
}

}  // namespace

TEST_CASE("training events by item, in order of users and positions", "[baselines]") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 0, 2, 3}, {1, 4, 4, 4}, {3, 3}});
  const Split split = leave_one_out(data);
  const TrainEvents events(split);
  CHECK(places(events, 0) == Places{{0, 0}, {0, 2}});
  CHECK(places(events, 1) == Places{{0, 1}, {1, 0}});
  CHECK(places(events, 2).empty());  // held out
  CHECK(places(events, 3) == Places{{2, 0}, {2, 1}});
  CHECK(places(events, 4) == Places{{1, 1}});
}

TEST_CASE("training events by item are all of them", "[baselines]") {
  const Dataset data = seqrec_test::random_dataset(80, 30, 25, 2);
  const Split split = leave_one_out(data);
  const TrainEvents events(split);
  index_t total = 0;
  for (item_t item = 0; item < 30; ++item) {
    std::pair<index_t, index_t> last{-1, -1};
    for (const auto& [user, position] : places(events, item)) {
      CHECK(split.train_history(user)[static_cast<std::size_t>(position)] == item);
      CHECK(last < std::pair{user, position});
      last = {user, position};
      ++total;
    }
  }
  CHECK(total == split.num_train_events());
}
