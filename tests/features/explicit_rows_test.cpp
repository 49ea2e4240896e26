// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "features/films.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// One row by name.
struct Row {
  const FeatureSchema& schema;
  std::vector<float> values;
  float operator[](const std::string& name) const { return values[static_cast<std::size_t>(schema.place_of(name))]; }
};

Row row_of(const ExplicitFeatures& features, const FeatureMoment& moment, item_t candidate) {
  ExplicitRows rows(features.facts(), features.layout());
  Row row{features.schema(), std::vector<float>(static_cast<std::size_t>(features.schema().size()))};
  rows.write(moment, std::vector<item_t>{candidate}, row.values);
  return row;
}

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// Genres of an item from the raw table.
std::vector<std::string> genres_of(const Dataset& data, item_t item) {
  std::vector<std::string> genres;
  for (offset_t i = data.item_features.offsets.data()[item]; i < data.item_features.offsets.data()[item + 1]; ++i) {
    const std::string& name = data.item_features.names[static_cast<std::size_t>(data.item_features.values.data()[i])];
    if (name.rfind("genre=", 0) == 0) genres.push_back(name);
  }
  return genres;
}

bool have_common_genre(const Dataset& data, item_t a, item_t b) {
  const auto first = genres_of(data, a), second = genres_of(data, b);
  return std::find_first_of(first.begin(), first.end(), second.begin(), second.end()) != first.end();
}

/// Of the last `most` events those with a common genre.
float share_by_loops(const Dataset& data, std::span<const item_t> history, item_t candidate, std::size_t most) {
  if (genres_of(data, candidate).empty()) return missing;
  const auto last = history.last(std::min(most, history.size()));
  const auto common =
      std::count_if(last.begin(), last.end(), [&](item_t item) { return have_common_genre(data, item, candidate); });
  return static_cast<float>(static_cast<double>(common) / static_cast<double>(last.size()));
}

}  // namespace

TEST_CASE("how a candidate fits a history, by hand", "[features]") {
  const Split split = seqrec_test::small_split();
  const ExplicitFeatures features(split, seqrec_test::small_options());
  const FeatureMoment moment = moment_of(split.test, 0);  // 0, 3, 4, 1 with ratings 5, 3, 4, 5
  const Row emma = row_of(features, moment, 6);
  CHECK(emma["item_genre_count"] == 1);
  CHECK(emma["item_year"] == 1996);
  CHECK(emma["item_popularity"] == 0);
  CHECK(emma["item_per_thousand"] == Approx(1000.0 / 7));
  CHECK(emma["item_mean_rating"] == 5);
  CHECK(emma["item_age"] == Approx(1 - 5.0 / 86400));
  CHECK(emma["item_genre_Drama"] == 1);
  CHECK(emma["item_genre_Action"] == 0);
  CHECK(emma["cross_genre_share"] == 0.25F);
  CHECK(emma["cross_genre_share_3"] == Approx(1.0 / 3));
  CHECK(emma["cross_genre_share_2"] == 0.5F);
  CHECK(emma["cross_genre_rating"] == 4);  // of Fargo
  CHECK(emma["cross_year_distance_3"] == Approx(1.0 / 3));
  CHECK(emma["cross_popularity_distance"] == -18.75F);
  CHECK(emma["cross_follows"] == 0);
  CHECK(emma["cross_item_seen"] == 0);
  CHECK(emma["cross_series_seen"] == 0);
  CHECK(row_of(features, moment, 2)["cross_series_seen"] == 1);  // Star Trek
  CHECK(row_of(features, moment, 1)["cross_series_seen"] == 0);  // itself, which was seen
  CHECK(row_of(features, moment, 1)["cross_item_seen"] == 1);
  const Row unknown = row_of(features, moment, 7);
  for (const char* name : {"item_genre_count", "item_genre_Drama", "cross_genre_share", "cross_genre_rating"})
    CHECK(std::isnan(unknown[name]));
  CHECK(unknown["item_year"] == 1992);
  const std::vector<item_t> toy_story{3};
  CHECK(row_of(features, {.history = toy_story}, 6)["cross_follows"] == 1);
  CHECK(row_of(features, {.history = toy_story}, 0)["cross_follows"] == 0);
}

TEST_CASE("how a candidate fits a history is its definition", "[features]") {
  const Split split = leave_one_out(seqrec_test::random_films(40, 60, 40, 2));
  const Dataset& data = *split.data;
  ExplicitFeatureOptions options;
  options.recent_events = 7, options.newest_events = 3;
  options.item_knn.max_history = 9;
  const ExplicitFeatures features(split, options);
  const TransitionKnn transition(split);
  const ItemKnn similar(split, options.item_knn);
  const auto items = static_cast<std::size_t>(data.num_items());
  index_t ranked = 0, rated_pairs = 0;
  for (index_t i = 0; i < split.test.size(); i += 3) {
    const FeatureMoment moment = moment_of(split.test, i);
    std::vector<double> follows(items), resembles(items);
    transition.score(moment.history, follows);
    similar.score(moment.history, resembles);
    const auto times_seen = [&](item_t item) { return std::count(moment.history.begin(), moment.history.end(), item); };
    const auto rank = [&](const std::vector<double>& scores, item_t candidate) {
      const double score = scores[static_cast<std::size_t>(candidate)];
      index_t better = 1;
      for (item_t item = 0; item < static_cast<item_t>(items); ++item)
        better += times_seen(item) == 0 && scores[static_cast<std::size_t>(item)] > score;
      ranked += score != 0;
      return score == 0 ? missing : static_cast<float>(better);
    };
    for (item_t candidate = 0; candidate < static_cast<item_t>(items); candidate += 7) {
      const Row row = row_of(features, moment, candidate);
      CHECK(same(row["cross_genre_share"], share_by_loops(data, moment.history, candidate, 1000)));
      CHECK(same(row["cross_genre_share_7"], share_by_loops(data, moment.history, candidate, 7)));
      CHECK(same(row["cross_genre_share_3"], share_by_loops(data, moment.history, candidate, 3)));
      double sum = 0, rated = 0, series = 0, followed = 0;
      for (std::size_t event = 0; event < moment.history.size(); ++event) {
        const item_t item = moment.history[event];
        if (have_common_genre(data, item, candidate)) sum += static_cast<double>(moment.ratings[event]), ++rated;
        series += item / 3 == candidate / 3 && item != candidate;  // as the titles say
      }
      for (index_t user = 0; user < data.num_users(); ++user) {
        const auto trained = split.train_history(user);
        for (std::size_t event = 1; event < trained.size(); ++event)
          followed += trained[event - 1] == moment.history.back() && trained[event] == candidate;
      }
      rated_pairs += rated > 0;
      CHECK(same(row["cross_genre_rating"], rated == 0 ? missing : static_cast<float>(sum / rated)));
      CHECK(row["cross_series_seen"] == static_cast<float>(series));
      CHECK(row["cross_item_seen"] == static_cast<float>(times_seen(candidate)));
      CHECK(row["cross_follows"] == static_cast<float>(followed));
      CHECK(row["cross_transition_score"] == static_cast<float>(follows[static_cast<std::size_t>(candidate)]));
      CHECK(row["cross_item_knn_score"] == static_cast<float>(resembles[static_cast<std::size_t>(candidate)]));
      CHECK(same(row["cross_transition_rank"], rank(follows, candidate)));
      CHECK(same(row["cross_item_knn_rank"], rank(resembles, candidate)));
    }
  }
  CHECK(ranked > 50);
  CHECK(rated_pairs > 10);
}

TEST_CASE("candidates and rows that do not fit are refused", "[features][errors]") {
  const ExplicitFeatures features(seqrec_test::small_split(), seqrec_test::small_options());
  ExplicitRows rows(features.facts(), features.layout());
  std::vector<float> out(static_cast<std::size_t>(features.schema().size()));
  CHECK(message_of<ArgumentError>([&] { rows.write({}, std::vector<item_t>{8}, out); }) ==
        "ExplicitFeatures: candidate 0 is item 8, expected one of 0 .. 7");
  CHECK_THROWS_AS(rows.write({}, std::vector<item_t>{-1}, out), ArgumentError);
  CHECK_THROWS_AS(rows.write({}, std::vector<item_t>{1, 2}, out), ShapeError);
  CHECK_NOTHROW(rows.write({}, {}, {}));
}
