// SPDX-License-Identifier: Apache-2.0
// What is known of the real MovieLens data, read from $SEQREC_DATA where that is set.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "seqrec/data/k_core.hpp"
#include "seqrec/data/readers/load.hpp"
#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/data/splits/ratio_split.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/data/splits/temporal_split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// A data set of $SEQREC_DATA; none, with a warning, where it is not there.
std::optional<Dataset> real(const char* name) {
  const char* folder = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): one thread
  if (folder != nullptr && std::filesystem::exists(std::filesystem::path(folder) / name))
    return load_dataset(std::filesystem::path(folder) / name);
  WARN("skipped: " << (folder == nullptr ? "SEQREC_DATA is not set" : "SEQREC_DATA lacks it") << ", " << name);
  return {};
}

/// The names of a row's categories.
std::vector<std::string> categories_of(const FeatureTable& table, index_t row) {
  std::vector<std::string> names;
  const auto values = table.view()[row];
  for (index_t i = 0; i < values.size(); ++i) names.push_back(table.names.at(static_cast<std::size_t>(values(i))));
  return names;
}

/// How many rows have a category.
index_t rows_with(const FeatureTable& table, const std::string& name) {
  const auto category = std::find(table.names.begin(), table.names.end(), name) - table.names.begin();
  return std::count(table.values.begin(), table.values.end(), static_cast<item_t>(category));
}

/// The number of distinct (user, item) pairs.
index_t distinct_events(const Dataset& data) {
  index_t distinct = 0;
  for (index_t user = 0; user < data.num_users(); ++user) {
    const auto history = data.history(user);
    distinct += std::ssize(std::set<item_t>(history.begin(), history.end()));
  }
  return distinct;
}

struct Lengths {
  index_t shortest = 0, longest = 0;
};
Lengths lengths_of(const Dataset& data) {
  Lengths lengths{data.num_interactions(), 0};
  for (index_t user = 0; user < data.num_users(); ++user) {
    lengths.shortest = std::min(lengths.shortest, std::ssize(data.history(user)));
    lengths.longest = std::max(lengths.longest, std::ssize(data.history(user)));
  }
  return lengths;
}

}  // namespace

TEST_CASE("MovieLens 100K is what it is known to be") {
  const std::optional<Dataset> data = real("ml-100k");
  if (!data) return;
  CHECK(describe(*data) ==
        "ml-100k: 943 users, 1682 items, 100000 interactions, hash 0b82934b987b9d81; times: column 4, whole seconds "
        "from 1997-09-20 to 1998-04-22");
  CHECK(data->user_ids[0] == "1");
  CHECK(data->user_ids[942] == "943");
  CHECK(data->item_ids[1681] == "1682");
  CHECK(distinct_events(*data) == 100000);
  CHECK(lengths_of(*data).shortest == 20);
  CHECK(lengths_of(*data).longest == 737);
  CHECK(*std::min_element(data->times.begin(), data->times.end()) == 874724710);
  CHECK(*std::max_element(data->times.begin(), data->times.end()) == 893286638);
  index_t tied = 0;
  for (std::size_t user = 0; user + 1 < data->offsets.size(); ++user) {
    const std::int64_t* end = data->times.data() + data->offsets[user + 1];
    tied += end[-1] == end[-2];
  }
  CHECK(tied == 415);  // why ties are broken by row

  CHECK(data->titles.at(0) == "Toy Story (1995)");
  CHECK(data->titles.at(542) == "Mis\xC3\xA9rables, Les (1995)");
  CHECK(data->user_features.rows() == 943);
  CHECK(rows_with(data->user_features, "gender=F") == 273);
  CHECK(rows_with(data->user_features, "gender=M") == 670);
  CHECK(rows_with(data->user_features, "occupation=student") == 196);
  CHECK(categories_of(data->user_features, 0) ==
        std::vector<std::string>{"age=18-24", "gender=M", "occupation=technician"});
  CHECK(data->item_features.rows() == 1682);
  CHECK(rows_with(data->item_features, "genre=Drama") == 725);
  CHECK(rows_with(data->item_features, "genre=Film-Noir") == 24);
  CHECK(categories_of(data->item_features, 0) ==
        std::vector<std::string>{"genre=Animation", "genre=Children's", "genre=Comedy", "year=1995-1999"});
  CHECK(categories_of(data->item_features, 266).empty());  // a film of unknown title, date and genre
}

TEST_CASE("MovieLens 100K splits and draws as it always did") {
  const std::optional<Dataset> data = real("ml-100k");
  if (!data) return;
  const Split split = leave_one_out(*data);
  CHECK(describe(split) ==
        "leave-one-out of ml-100k: 98114 training events of 943 users, 943 validation and 943 test targets, none of "
        "which stands in its own history, 0 users with under three events train only, hash 98e7209bd5988f7b");
  CHECK(draw_candidates(split.validation).hash() == "c98ca7e46a4c8d9f");
  CHECK(draw_candidates(split.test).hash() == "051e4d60cfc834cf");
  CHECK_NOTHROW(draw_candidates(split.test, {.popularity_exponent = 0.75}));

  const Dataset core = k_core(*data);
  CHECK(core.num_users() == 943);
  CHECK(core.num_items() == 1349);
  CHECK(core.num_interactions() == 99287);

  const Split ratio = ratio_split(*data);
  CHECK(ratio.test.size() == 9596);
  CHECK(ratio.train_only_users == 0);
  const Split temporal = temporal_split(*data, time_quantiles(*data));
  CHECK(describe(temporal) ==
        "global temporal split (validation from 889237269, test from 891382309) of ml-100k: 79999 training events of "
        "943 users, 1535 validation and 1418 test targets, none of which stands in its own history, 17048 later events "
        "of 192 users without training events left out, hash " +
            temporal.hash());
}

TEST_CASE("the copy of MovieLens 1M is what it is known to be") {
  const std::optional<Dataset> data = real("ml-1m");
  if (!data) return;
  if (data->num_interactions() == 1000209) return;  // the set as distributed, not the copy with 5 events an item
  CHECK(describe(*data) ==
        "ml-1m: 6040 users, 3416 items, 999601 interactions, hash 318d530ef8f8567b; no times, order of the file");
  CHECK(data->user_ids[6039] == "6040");
  CHECK(data->item_ids[3415] == "3416");
  CHECK(data->times.empty());
  CHECK(distinct_events(*data) == 999601);
  // Ten users lack the event before their last: the published file has 999,611, and no item fewer than 5.
  const std::vector<index_t> counts = count_events(*data);
  CHECK(*std::min_element(counts.begin(), counts.end()) == 4);
  CHECK(std::count(counts.begin(), counts.end(), 4) == 1);
  index_t long_users = 0;
  for (index_t user = 0; user < data->num_users(); ++user) long_users += std::ssize(data->history(user)) > 200;
  CHECK(long_users * 100 / 6040 == 26);

  CHECK(data->titles.at(0) == "Raiders of the Lost Ark (1981)");
  CHECK(rows_with(data->user_features, "gender=F") == 1709);
  CHECK(rows_with(data->user_features, "gender=M") == 4331);
  CHECK(data->user_features.categories() == 2 + 7 + 21);
  CHECK(data->item_features.rows() == 3416);
  CHECK(leave_one_out(*data).hash() == "5d6563385c9bbbcf");
  const Split split = leave_one_out(*data);
  CHECK(draw_candidates(split.test, {.negatives = 100}).hash() == "7fcc9cc8e15d3a4b");
}
