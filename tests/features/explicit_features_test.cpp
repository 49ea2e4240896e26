// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_features.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "features/films.hpp"
#include "seqrec/core/random.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::day, seqrec_test::first_day;
using seqrec_test::message_of;

namespace {

std::vector<item_t> every_item(const ExplicitFeatures& features) {
  std::vector<item_t> items;
  for (item_t item = 0; item < static_cast<item_t>(features.num_items()); ++item) items.push_back(item);
  return items;
}

std::vector<float> rows_of(const ExplicitFeatures& features, const FeatureMoment& moment,
                           const std::vector<item_t>& candidates) {
  ExplicitFeatures::Workspace workspace(features);
  std::vector<float> out(candidates.size() * static_cast<std::size_t>(features.schema().size()));
  features.rows(moment, candidates, out, workspace);
  return out;
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

/// The same events of every user up to these lengths, then others: other films, ratings and later times.
Dataset with_other_ends(const Dataset& data, const std::vector<index_t>& lengths, std::uint64_t seed) {
  Dataset other = data;
  RandomStream random(seed, Purpose::shuffle, 1);
  for (index_t user = 0; user < data.num_users(); ++user) {
    const index_t from = data.offsets.data()[user] + lengths.data()[user], to = data.offsets.data()[user + 1];
    for (index_t event = from; event < to; ++event) {
      other.items.data()[event] = static_cast<item_t>(random.below(static_cast<std::uint32_t>(data.num_items())));
      other.ratings.data()[event] = static_cast<float>(1 + random.below(5));
      if (event > from) other.times.data()[event] += day;  // the moment of the first stays
    }
  }
  return other;
}

}  // namespace

TEST_CASE("what happens later changes no feature: the user's own events, and what is held out of others",
          "[features]") {
  const auto data = std::make_shared<const Dataset>(seqrec_test::random_films(40, 50, 30, 3));
  Split split = leave_one_out(data);
  // Out of fold: some more events of each are held out, and their rows asked for.
  for (index_t& length : split.train_lengths) length = std::max<index_t>(1, length - 3);
  Split changed = split;
  changed.data = std::make_shared<const Dataset>(with_other_ends(*data, split.train_lengths, 7));
  const ExplicitFeatures features(split), others(changed);
  CHECK(features.hash() == others.hash());
  for (index_t user = 0; user < data->num_users(); ++user) {
    const index_t position = split.train_lengths.data()[user];
    if (position == std::ssize(data->history(user))) continue;
    const auto candidates = every_item(features);
    REQUIRE(bits_of(rows_of(features, moment_of(*data, user, position), candidates)) ==
            bits_of(rows_of(others, moment_of(*changed.data, user, position), candidates)));
  }
  // And what happened before does change them.
  Split before = split;
  Dataset other = *data;
  other.items[3] = 17;
  other.ratings[4] = other.ratings[4] == 1 ? 2 : 1;
  before.data = std::make_shared<const Dataset>(other);
  const FeatureMoment moment = moment_of(split.test, 0);
  CHECK(bits_of(rows_of(ExplicitFeatures(before), moment, {17})) != bits_of(rows_of(features, moment, {17})));
}

TEST_CASE("popularity and ratings of a moment know no training event of its day or later", "[features]") {
  const auto data = std::make_shared<const Dataset>(seqrec_test::random_films(40, 50, 30, 4));
  const Split split = leave_one_out(data);
  const std::int64_t now = first_day + 20 * day + 500;
  // Other films and ratings in all events from that midnight on.
  Dataset other = *data;
  RandomStream random(5, Purpose::shuffle, 2);
  index_t changes = 0;
  for (std::size_t event = 50; event < other.items.size(); ++event) {
    if (other.times[event] < now - 500) continue;
    other.items[event] = static_cast<item_t>(random.below(50));
    other.ratings[event] = static_cast<float>(1 + random.below(5));
    ++changes;
  }
  REQUIRE(changes > 100);
  Split changed = split;
  changed.data = std::make_shared<const Dataset>(other);
  const ExplicitFeatures features(split), others(changed);
  CHECK(features.hash() != others.hash());
  FeatureMoment moment = moment_of(*data, 0, 12);  // user 0 was there on the first day only
  moment.now = now;
  const std::vector<item_t> candidates = every_item(features);
  const auto columns = static_cast<std::size_t>(features.schema().size());
  const auto rows = bits_of(rows_of(features, moment, candidates)),
             found = bits_of(rows_of(others, moment, candidates));
  const std::set<std::string> per_split{"cross_follows", "cross_transition_score", "cross_transition_rank",
                                        "cross_item_knn_score", "cross_item_knn_rank"};
  std::set<std::string> differ;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] != found[i]) differ.insert(features.schema()[static_cast<index_t>(i % columns)].name);
  CHECK(differ == per_split);
}

TEST_CASE("the rows of several candidates are the bits of each alone, before and after loading", "[features]") {
  const Split split = leave_one_out(seqrec_test::random_films(30, 70, 40, 6));
  const ExplicitFeatures features(split);
  ExplicitFeatures::Workspace workspace(features);
  const auto columns = static_cast<std::size_t>(features.schema().size());
  for (index_t i = 0; i < split.test.size(); i += 4) {
    const FeatureMoment moment = moment_of(split.test, i);
    const std::vector<item_t> candidates = every_item(features);
    const auto together = bits_of(rows_of(features, moment, candidates));
    for (std::size_t place = 0; place < candidates.size(); place += 9) {
      std::vector<float> alone(columns);  // by a workspace that has served others
      features.rows(moment, std::vector<item_t>{candidates[place]}, alone, workspace);
      const auto begin = together.begin() + static_cast<std::ptrdiff_t>(place * columns);
      REQUIRE(bits_of(alone) == std::vector<std::uint32_t>(begin, begin + static_cast<std::ptrdiff_t>(columns)));
    }
  }
}

TEST_CASE("the data say what they do not know, and it is missing", "[features]") {
  Dataset data = seqrec_test::small_films();
  const ExplicitFeatures whole(leave_one_out(data), seqrec_test::small_options());
  CHECK(whole.describe() ==
        "explicit features: 48 columns of 8 items and 7 training events, schema " + whole.schema().hash());
  CHECK(whole.title(0) == "Star Wars (1977)");
  data.times.clear();
  data.ratings.clear();
  const Split split = leave_one_out(data);
  const ExplicitFeatures features(split, seqrec_test::small_options());
  CHECK(features.schema().hash() == whole.schema().hash());
  CHECK_THAT(features.describe(), ContainsSubstring("because the data have no times: item_recent_popularity"));
  CHECK_THAT(features.describe(), ContainsSubstring("because the data have no ratings: user_mean_rating"));
  const auto row = rows_of(features, moment_of(split.test, 0), {6});
  for (std::size_t i = 0; i < row.size(); ++i) {
    const FeatureColumn& column = features.schema()[static_cast<index_t>(i)];
    INFO(column.name);
    const bool lost = column.group == FeatureGroup::time || column.name.find("rating") != std::string::npos ||
                      column.name == "item_recent_popularity" || column.name == "item_age" ||
                      column.name == "user_activity";
    CHECK(std::isnan(row[i]) == lost);
  }
  data.titles.clear();
  data.item_features = data.user_features = {};
  const ExplicitFeatures bare(leave_one_out(data), seqrec_test::small_options());
  CHECK(bare.title(0) == "0");
  for (const char* what : {"no genres", "no titles", "no profiles of users"})
    CHECK_THAT(bare.describe(), ContainsSubstring(what));
}

TEST_CASE("copies share their state, and workspaces belong to it", "[features][errors]") {
  const Split split = seqrec_test::small_split();
  const ExplicitFeatures features(split), other(split);
  const ExplicitFeatures copy = features;  // NOLINT(performance-unnecessary-copy-initialization): what is tested
  ExplicitFeatures::Workspace workspace(features);
  std::vector<float> out(static_cast<std::size_t>(features.schema().size()));
  CHECK_NOTHROW(copy.rows({}, std::vector<item_t>{1}, out, workspace));
  CHECK_THAT(message_of<ArgumentError>([&] { other.rows({}, std::vector<item_t>{1}, out, workspace); }),
             ContainsSubstring("the workspace was made for other features"));
}
