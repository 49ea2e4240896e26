// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/movielens_profiles.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::write_file;

namespace {

using Categories = std::vector<std::string>;

/// A row of u.item with genre flags such as "0|1|0|...".
std::string film_row(const std::string& start, const std::string& genres) {
  return start + "||http://us.imdb.com/|" + genres + "\n";
}
const std::string no_genre = "0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0";
const std::string animated_comedy = "0|0|0|1|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0";
const std::string unknown_western = "1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|1";

}  // namespace

TEST_CASE("ages fall into MovieLens 1M's seven groups, whose codes are ages") {
  for (const int age : {1, 0, 17}) CHECK(age_category(age) == "age=under 18");
  for (const int age : {18, 24}) CHECK(age_category(age) == "age=18-24");
  for (const int age : {25, 34}) CHECK(age_category(age) == "age=25-34");
  for (const int age : {35, 44}) CHECK(age_category(age) == "age=35-44");
  for (const int age : {45, 49}) CHECK(age_category(age) == "age=45-49");
  for (const int age : {50, 55}) CHECK(age_category(age) == "age=50-55");
  for (const int age : {56, 73, 150}) CHECK(age_category(age) == "age=56+");
  CHECK_THROWS_AS(age_category(-1), ArgumentError);
}

TEST_CASE("years fall into buckets of five") {
  CHECK(year_category(1990) == "year=1990-1994");
  CHECK(year_category(1994) == "year=1990-1994");
  CHECK(year_category(1995) == "year=1995-1999");
}

TEST_CASE("users of MovieLens 100K have gender, age group and occupation") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n");
  const Profiles users = read_movielens_100k_users(folder / "u.user");
  CHECK(users.rows.at("1").categories == Categories{"gender=M", "age=18-24", "occupation=technician"});
  CHECK(users.rows.at("2").categories == Categories{"gender=F", "age=50-55", "occupation=other"});
  CHECK_FALSE(static_cast<bool>(read_movielens_100k_users(folder / "nothing")));

  const auto complaint = [&](const char* rows) {
    write_file(folder / "u.user", rows);
    return message_of<DataError>([&] { read_movielens_100k_users(folder / "u.user"); });
  };
  CHECK_THAT(complaint("1|24|M|technician\n"), ContainsSubstring("u.user:1") && ContainsSubstring("4 columns"));
  CHECK_THAT(complaint("1|24|X|technician|1\n"), ContainsSubstring("u.user:1: gender is 'X', expected F or M"));
  CHECK_THAT(complaint("1|old|M|technician|1\n"), ContainsSubstring("age is 'old', expected a whole number"));
  CHECK_THAT(complaint("1|151|M|technician|1\n"), ContainsSubstring("age is '151'"));
  CHECK_THAT(complaint("1|24|M|a|1\n1|24|M|a|1\n"), ContainsSubstring("u.user:2: user 1 is there twice"));
}

TEST_CASE("items of MovieLens 100K have titles, genres and a year") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.item", film_row("1|Toy Story (1995)|01-Jan-1995", animated_comedy) +
                                    film_row("2|Caf\xE9|09-Feb-1987", unknown_western) +
                                    film_row("267|unknown|", no_genre));
  const Profiles items = read_movielens_100k_items(folder / "u.item");
  CHECK(items.rows.at("1").title == "Toy Story (1995)");
  CHECK(items.rows.at("1").categories == Categories{"genre=Animation", "genre=Comedy", "year=1995-1999"});
  CHECK(items.rows.at("2").title == "Caf\xC3\xA9");
  CHECK(items.rows.at("2").categories == Categories{"genre=Western", "year=1985-1989"});
  CHECK(items.rows.at("267").title == "unknown");
  CHECK(items.rows.at("267").categories.empty());

  const auto complaint = [&](const std::string& rows) {
    write_file(folder / "u.item", rows);
    return message_of<DataError>([&] { read_movielens_100k_items(folder / "u.item"); });
  };
  CHECK_THAT(complaint("1|Toy Story\n"), ContainsSubstring("u.item:1") && ContainsSubstring("2 columns, expected 24"));
  CHECK_THAT(complaint(film_row("1|Heat|", "2" + no_genre.substr(1))),
             ContainsSubstring("u.item:1: genre is '2', expected a whole number from 0 to 1"));
  CHECK_THAT(complaint(film_row("|Heat|", no_genre)), ContainsSubstring("u.item:1: item is '', which is empty"));
}

TEST_CASE("users of MovieLens 1M have their groups, occupations by name") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n");
  const Profiles users = read_movielens_dat_users(folder / "users.dat");
  CHECK(users.rows.at("1").categories == Categories{"gender=F", "age=under 18", "occupation=K-12 student"});
  CHECK(users.rows.at("2").categories == Categories{"gender=M", "age=56+", "occupation=self-employed"});
  write_file(folder / "users.dat", "1::F::1::21::48067\n");
  CHECK_THAT(message_of<DataError>([&] { read_movielens_dat_users(folder / "users.dat"); }),
             ContainsSubstring("users.dat:1: occupation is '21', expected a whole number from 0 to 20"));
}

TEST_CASE("movies.dat may be Latin-1 or UTF-8") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "movies.dat",
             "3::Am\xE9lie (2001)::Comedy|Romance\n4::Am\xC3\xA9lie (2001)::(no genres listed)\n5::Heat::\n");
  const Profiles items = read_movielens_dat_items(folder / "movies.dat");
  CHECK(items.rows.at("3").title == "Am\xC3\xA9lie (2001)");
  CHECK(items.rows.at("3").categories == Categories{"genre=Comedy", "genre=Romance", "year=2000-2004"});
  CHECK(items.rows.at("4").title == items.rows.at("3").title);
  CHECK(items.rows.at("4").categories == Categories{"year=2000-2004"});
  CHECK(items.rows.at("5").categories.empty());
  write_file(folder / "movies.dat", "1::Heat::Action\n2::Heat\n");
  CHECK_THAT(message_of<DataError>([&] { read_movielens_dat_items(folder / "movies.dat"); }),
             ContainsSubstring("movies.dat:2: line '2::Heat' has 2 columns, expected 3"));
}

TEST_CASE("movies.csv has quoted titles") {
  const seqrec_test::TemporaryDirectory folder;
  const std::string header = "movieId,title,genres\n";
  write_file(folder / "movies.csv", header +
                                        "1,Toy Story (1995),Adventure|Comedy\n"
                                        "11,\"American President, The (1995)\",Drama\n"
                                        "12,\"\"\"Great\"\" One, The (2006-2007)\",(no genres listed)\n");
  const Profiles items = read_movielens_csv_items(folder / "movies.csv");
  CHECK(items.rows.size() == 3);
  CHECK(items.rows.at("11").title == "American President, The (1995)");
  CHECK(items.rows.at("12").title == "\"Great\" One, The (2006-2007)");
  CHECK(items.rows.at("12").categories == Categories{"year=2005-2009"});

  const auto complaint = [&](const std::string& text) {
    write_file(folder / "movies.csv", text);
    return message_of<DataError>([&] { read_movielens_csv_items(folder / "movies.csv"); });
  };
  CHECK_THAT(
      complaint("1,Toy Story (1995),Comedy\n"),
      ContainsSubstring("movies.csv:1: the header has no column 'movieId', it has '1', 'Toy Story (1995)', 'Comedy'"));
  CHECK_THAT(complaint(header + "1,American President, The (1995),Drama\n"),
             ContainsSubstring("movies.csv:2") && ContainsSubstring("4 columns, expected 3"));
  CHECK_THAT(complaint(header + "1,\"American President, The (1995),Drama\n"),
             ContainsSubstring("movies.csv:2: field 2 of line") && ContainsSubstring("opens a quote"));
}
