// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/sentence.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "features/films.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// Every sentence of a row, by column.
std::map<std::string, std::string> sentences_of(const ExplicitFeatures& features, const FeatureMoment& moment,
                                                item_t candidate) {
  ExplicitFeatures::Workspace workspace(features);
  std::vector<float> row(static_cast<std::size_t>(features.schema().size()));
  features.rows(moment, std::vector<item_t>{candidate}, row, workspace);
  std::map<std::string, std::string> sentences;
  for (index_t column = 0; column < features.schema().size(); ++column)
    sentences[features.schema()[column].name] = sentence_of(features, moment, candidate, row, column);
  return sentences;
}

}  // namespace

TEST_CASE("numbers as people write them", "[features]") {
  CHECK(number_text(3) == "3");
  CHECK(number_text(0) == "0");
  CHECK(number_text(-0.0001) == "0");
  CHECK(number_text(1.5) == "1.5");
  CHECK(number_text(4.347) == "4.35");
  CHECK(number_text(18.04) == "18");
  CHECK(number_text(1991.74) == "1991.7");
  CHECK(number_text(100) == "100");
  CHECK(counted_text(1, "day", "days") == "1 day");
  CHECK(counted_text(0, "day", "days") == "0 days");
  CHECK(span_text(0) == "less than a minute");
  CHECK(span_text(1.0 / 1440) == "1 minute");
  CHECK(span_text(static_cast<double>(1.0F / 24)) == "1 hour");
  CHECK(span_text(0.99) == "23 hours");
  CHECK(span_text(12.7) == "12 days");
}

TEST_CASE("sentences say what is true of a user, by hand", "[features]") {
  const Split split = seqrec_test::small_split();
  const ExplicitFeatures features(split, seqrec_test::small_options());
  // Star Wars and Toy Story on the first day, Fargo on the second, First Contact on the fourth; asked about Emma.
  auto sentences = sentences_of(features, moment_of(split.test, 0), 6);
  const std::map<std::string, std::string> expected{
      {"user_activity", "You have had 1.33 films a day on the 3 days that you were here."},
      {"user_mean_rating", "You rate films 4.25 on average (4 ratings)."},
      {"item_genre_count", "It is of 1 genre (Drama)."},
      {"item_year", "It is of the year 1996."},
      {"item_popularity", "It had been chosen more often than 0 % of the films that anybody had chosen by then."},
      {"item_recent_popularity", "In the 30 days before it was chosen more often than 0 % of the films chosen then."},
      {"item_per_thousand", "Of a thousand choices by then 142.9 were this film."},
      {"item_mean_rating", "It had been rated 5 on average by then (1 rating)."},
      {"item_age", "It was first chosen 23 hours before."},
      {"sequence_length", "Your history has 4 films."},
      {"sequence_distinct_items", "Your history has 4 different films."},
      {"sequence_distinct_genres", "Your history has 6 different genres."},
      {"sequence_mean_popularity",
       "The films in your history had been chosen more often than 18.8 % of all, on average."},
      {"sequence_mean_year", "The films in your history are of 1991 on average."},
      {"time_gap", "Your last film was 1 hour ago."},
      {"time_hour", "It was 1 o'clock (UTC)."},
      {"time_weekday", "It was a Saturday."},
      {"time_days_active", "You have been here on 3 days."},
      {"time_since_first", "Your first film was 3 days ago."},
      {"time_visit_events", "In this visit you have had 1 film."},
      {"cross_genre_share", "It has a genre in common with 1 of the 4 films in your history (Drama)."},
      {"cross_genre_share_3", "It has a genre in common with 1 of your last 3 films (Drama)."},
      {"cross_genre_share_2", "It has a genre in common with 1 of your last 2 films (Drama)."},
      {"cross_genre_rating", "You rate films that have a genre in common with it 4 on average (1 rating)."},
      {"cross_year_distance_3", "It is 0.33 years away from your last 3 films, which are of 1995.7 on average."},
      {"cross_popularity_distance", "Its popularity is 18.8 points below the average of your history (18.8 %)."},
      {"cross_follows", "Directly after Star Trek: First Contact (1996) it was chosen 0 times."},
      {"cross_transition_rank",
       "By what others chose soon after your last 4 films it is number 1 of those that you have not had."},
      {"cross_item_knn_rank",
       "By what people with your last 4 films have as well it is number 1 of those that you have not had."},
      {"cross_item_seen", "You have had it 0 times before."},
      {"cross_series_seen", "Of its series (Emma) you have had 0 films besides."},
      {"user_age", "Your age: 18-24."},
      {"user_gender", "Your gender: F."},
      {"user_occupation", "Your occupation: artist."},
      {"item_genre_Drama", "It is of the genre Drama."},
      {"item_genre_Action", "It is not of the genre Action."},
      {"sequence_share_Drama_3", "Drama is a genre of 1 of your last 3 films, and of this one."},
      {"sequence_share_Sci-Fi_3", "Sci-Fi is a genre of 1 of your last 3 films, but not of this one."}};
  for (const auto& [column, sentence] : expected) {
    INFO(column);
    CHECK(sentences.at(column) == sentence);
  }
  CHECK_THAT(sentences.at("cross_transition_score"), ContainsSubstring("soon after your last 4 films gives it 0."));
  sentences = sentences_of(features, moment_of(split.test, 0), 2);
  CHECK(sentences.at("cross_series_seen") == "Of its series (Star Trek) you have had 1 film besides.");
  CHECK(sentences.at("item_mean_rating") == "Not known: mean rating received.");
  CHECK(sentences.at("sequence_share_Crime_3") == "Crime is a genre of 1 of your last 3 films, but not of this one.");
  sentences = sentences_of(features, moment_of(split.test, 0), 5);
  CHECK(sentences.at("sequence_share_Sci-Fi_3") == "Sci-Fi is a genre of 1 of your last 3 films, but not of this one.");
  const std::vector<item_t> toy_story{3};
  CHECK(sentences_of(features, {.history = toy_story}, 6).at("cross_follows") ==
        "Directly after Toy Story (1995) it was chosen once.");
}

TEST_CASE("the counts of sentences are those of the raw events", "[features]") {
  const Split split = leave_one_out(seqrec_test::random_films(30, 40, 30, 9));
  const Dataset& data = *split.data;
  const ExplicitFeatures features(split);
  const auto genres_of = [&](item_t item) {
    std::set<std::string> genres;
    for (offset_t i = data.item_features.offsets.data()[item]; i < data.item_features.offsets.data()[item + 1]; ++i)
      genres.insert(data.item_features.names[static_cast<std::size_t>(data.item_features.values.data()[i])].substr(6));
    return genres;
  };
  const std::regex share("It has a genre in common with (\\d+) of your last (\\d+) items(?: \\((.*)\\))?\\.");
  index_t shared = 0;
  for (index_t i = 0; i < split.test.size(); ++i)
    for (const item_t candidate : {item_t{1}, split.test.targets[static_cast<std::size_t>(i)]}) {
      const FeatureMoment moment = moment_of(split.test, i);
      const auto sentences = sentences_of(features, moment, candidate);
      for (const auto& [column, sentence] : sentences) {
        INFO(column << ": " << sentence);
        CHECK(sentence.find('{') == std::string::npos);
      }
      const std::set<std::string> wanted = genres_of(candidate);
      if (wanted.empty()) {
        CHECK(sentences.at("cross_genre_share_10").rfind("Not known: ", 0) == 0);
        continue;
      }
      const auto last = moment.history.last(std::min<std::size_t>(10, moment.history.size()));
      std::size_t count = 0;
      std::set<std::string> common;
      for (const item_t item : last) {
        bool hit = false;
        for (const std::string& genre : genres_of(item))
          if (wanted.contains(genre)) hit = true, common.insert(genre);
        count += hit;
      }
      std::string names;
      for (const std::string& genre : common) names += (names.empty() ? "" : ", ") + genre;
      std::smatch match;
      REQUIRE(std::regex_match(sentences.at("cross_genre_share_10"), match, share));
      CHECK(match[1] == std::to_string(count));
      CHECK(match[2] == std::to_string(last.size()));
      CHECK(match[3] == names);
      shared += count > 0;
    }
  CHECK(shared > 3);
}

TEST_CASE("means and counts of ratings and years are those of the raw events", "[features]") {
  const Split split = leave_one_out(seqrec_test::random_films(30, 40, 30, 11));
  const Dataset& data = *split.data;
  const ExplicitFeatures features(split);
  const auto mean = [](double sum, index_t count) {
    return number_text(static_cast<double>(static_cast<float>(sum / static_cast<double>(count))));
  };
  index_t rated_by_others = 0, shares = 0;
  for (index_t i = 0; i < split.test.size(); ++i) {
    const FeatureMoment moment = moment_of(split.test, i);
    const index_t events = std::ssize(moment.history), recent = std::min<index_t>(10, events);
    const item_t candidate = split.test.targets[static_cast<std::size_t>(i)];
    const auto sentences = sentences_of(features, moment, candidate);
    double ratings = 0, years = 0;
    for (const float rating : moment.ratings) ratings += static_cast<double>(rating);
    for (const item_t item : moment.history.last(static_cast<std::size_t>(recent)))
      years += 1950 + item;  // as titles say
    CHECK(sentences.at("user_mean_rating") ==
          concatenate("You rate items ", mean(ratings, events), " on average (",
                      counted_text(static_cast<double>(events), "rating", "ratings"), ")."));
    CHECK_THAT(sentences.at("cross_year_distance_10"),
               ContainsSubstring(concatenate(" your last ", recent, " items, which are of ",
                                             number_text(years / static_cast<double>(recent)), " on average.")));
    // Ratings of the candidate in training events before the moment's midnight.
    const std::int64_t midnight = *moment.now / seqrec_test::day * seqrec_test::day;
    double received = 0;
    index_t count = 0;
    for (index_t user = 0; user < data.num_users(); ++user)
      for (index_t place = 0; place < split.train_lengths[static_cast<std::size_t>(user)]; ++place) {
        const auto event = static_cast<std::size_t>(data.offsets[static_cast<std::size_t>(user)] + place);
        if (data.items[event] != candidate || data.times[event] >= midnight) continue;
        received += static_cast<double>(data.ratings[event]);
        ++count;
      }
    rated_by_others += count > 0;
    CHECK(sentences.at("item_mean_rating") ==
          (count == 0 ? "Not known: mean rating received."
                      : concatenate("It had been rated ", mean(received, count), " on average by then (",
                                    counted_text(static_cast<double>(count), "rating", "ratings"), ").")));
    // Shares of single genres.
    for (const auto& [column, sentence] : sentences) {
      if (column.rfind("sequence_share_", 0) != 0) continue;
      const std::string genre = column.substr(15, column.rfind('_') - 15);
      const auto has = [&](item_t item) {
        const auto* const range = data.item_features.offsets.data() + item;
        return std::any_of(data.item_features.values.begin() + range[0], data.item_features.values.begin() + range[1],
                           [&](category_t category) {
                             return data.item_features.names[static_cast<std::size_t>(category)] == "genre=" + genre;
                           });
      };
      const auto last = moment.history.last(static_cast<std::size_t>(recent));
      const auto found = std::count_if(last.begin(), last.end(), has);
      CHECK(sentence == concatenate(genre, " is a genre of ", found, " of your last ", recent, " items, ",
                                    has(candidate) == (found > 0) ? "and" : "but",
                                    has(candidate) ? " of this one." : " not of this one."));
      shares += found > 0;
    }
  }
  CHECK(rated_by_others > 5);
  CHECK(shares > 5);
}

TEST_CASE("sentences of no column or another row are refused", "[features][errors]") {
  const ExplicitFeatures features(seqrec_test::small_split());
  std::vector<float> row(static_cast<std::size_t>(features.schema().size()), 1);
  CHECK_THROWS_AS(sentence_of(features, {}, 0, std::vector<float>(3), 0), ShapeError);
  CHECK_THROWS_AS(sentence_of(features, {}, 0, row, features.schema().size()), ArgumentError);
  CHECK_THROWS_AS(sentence_of(features, {}, 0, row, -1), ArgumentError);
}
