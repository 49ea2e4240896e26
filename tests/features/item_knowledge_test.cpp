// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/item_knowledge.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "features/films.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("genres, years and series of films", "[features]") {
  const Dataset data = seqrec_test::small_films();
  const ItemKnowledge items(8, data.titles, data.item_features, "genre", "year");
  CHECK(items.genres() == std::vector<std::string>{"Action", "Animation", "Comedy", "Crime", "Drama", "Sci-Fi"});
  CHECK(items.has_genre(0, 0));
  CHECK(items.has_genre(0, 5));
  CHECK_FALSE(items.has_genre(0, 4));
  CHECK(items.genre_count(0) == 2);
  CHECK(std::isnan(items.genre_count(7)));
  CHECK(items.have_common_genre(0, 2));
  CHECK(items.have_common_genre(4, 5));
  CHECK_FALSE(items.have_common_genre(5, 6));
  CHECK_FALSE(items.have_common_genre(7, 7));
  CHECK(items.year(0) == 1977);  // the title's, not the middle of its category
  CHECK(items.year(7) == 1992);
  CHECK(items.series(1) == items.series(2));
  CHECK(items.series(0) != items.series(1));
  CHECK(items.num_series() == 7);
  // Of six genres, Sci-Fi has three films, Action, Crime and Drama have two.
  CHECK(items.frequent_genres(1) == std::vector<index_t>{5});
  CHECK(items.frequent_genres(3) == std::vector<index_t>{0, 3, 5});
  CHECK(items.frequent_genres(99).size() == 6);
}

TEST_CASE("more genres than a word has bits", "[features]") {
  std::vector<std::vector<std::string>> rows(100);
  for (int item = 0; item < 100; ++item)
    rows[static_cast<std::size_t>(item)] = {"genre=" + std::to_string(1000 + item),
                                            "genre=" + std::to_string(1000 + item * 7 % 100)};
  const ItemKnowledge items(100, {}, make_feature_table(rows), "genre", "year");
  CHECK(items.mask_words() == 2);
  for (item_t a = 0; a < 100; ++a)
    for (item_t b = 0; b < 100; ++b) {
      bool common = false;
      for (const auto& one : rows[static_cast<std::size_t>(a)])
        for (const auto& other : rows[static_cast<std::size_t>(b)]) common |= one == other;
      REQUIRE(items.have_common_genre(a, b) == common);
    }
  CHECK(items.series(0) == -1);
  CHECK(items.num_series() == 0);
  CHECK(std::isnan(items.year(0)));
}

TEST_CASE("nothing is known of items of which nothing is said", "[features]") {
  const ItemKnowledge items(3, {}, {}, "genre", "year");
  CHECK(items.genres().empty());
  CHECK(items.frequent_genres(5).empty());
  CHECK(std::isnan(items.genre_count(2)));
  CHECK_FALSE(items.have_common_genre(0, 0));
}
