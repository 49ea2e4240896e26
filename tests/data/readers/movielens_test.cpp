// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/movielens.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::write_file;

namespace {

std::string film_row(const std::string& item, const std::string& title) {
  return item + "|" + title + "|01-Jan-1995||http://us.imdb.com/|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n";
}

using Reader = Dataset (*)(const std::filesystem::path&, std::string, const ReadOptions&);

/// What a reader says of these rows.
std::string complaint(Reader read, const std::string& file_name, const std::string& rows) {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / file_name, rows);
  return message_of<DataError>([&] { read(folder / file_name, "small", {}); });
}

}  // namespace

TEST_CASE("u.data is read in order of user, time and row, with titles and features") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.data", "2\t10\t5\t300\n1\t30\t3\t200\n1\t20\t1\t200\n1\t10\t4\t100\n");
  write_file(folder / "u.item", film_row("10", "Toy Story (1995)") + film_row("20", "Heat") +
                                    film_row("30", "Mis\xE9rables, Les (1935)") + film_row("40", "not rated"));
  write_file(folder / "u.user", "1|24|M|technician|85711\n2|53|F|other|94043\n");
  const Dataset data = read_movielens_100k(folder / "u.data", "small");
  CHECK(data.name == "small");
  CHECK(data.user_ids.text() == "1\n2\n");
  CHECK(data.item_ids.text() == "10\n20\n30\n");
  CHECK(data.items == std::vector<item_t>{0, 2, 1, 0});
  CHECK(data.times == std::vector<std::int64_t>{100, 200, 200, 300});
  CHECK(data.ratings == std::vector<float>{4, 3, 1, 5});
  CHECK(read_movielens_100k(folder / "u.data", "small", {.rating_column = "none"}).ratings.empty());
  CHECK(data.titles == std::vector<std::string>{"Toy Story (1995)", "Heat", "Mis\xC3\xA9rables, Les (1935)"});
  CHECK(data.user_features.rows() == 2);
  CHECK(data.user_features.categories() == 6);
  CHECK(data.item_features.names == std::vector<std::string>{"genre=Animation", "genre=Children's", "genre=Comedy",
                                                             "year=1935-1939", "year=1995-1999"});
  CHECK(data.item_features.values == std::vector<item_t>{0, 1, 2, 4, 0, 1, 2, 4, 0, 1, 2, 3});
}

TEST_CASE("u.data may stand alone, with CRLF and without a final line end") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.data", "1\t30\t3\t200\r\n1\t20\t1\t100");
  const Dataset data = read_movielens_100k(folder / "u.data", "small");
  CHECK(data.items == std::vector<item_t>{0, 1});
  CHECK(data.titles.empty());
  CHECK_FALSE(static_cast<bool>(data.user_features));
  CHECK_FALSE(static_cast<bool>(data.item_features));
}

TEST_CASE("ratings.dat has half stars and '::' between") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "ratings.dat", "1::20::5::200\n1::10::3.5::100\n2::10::0.5::300\n");
  CHECK(read_movielens_dat(folder / "ratings.dat", "small").titles.empty());
  write_file(folder / "movies.dat", "10::Am\xE9lie (2001)::Comedy|Romance\n20::Heat (1995)::Action\n");
  const Dataset tenth = read_movielens_dat(folder / "ratings.dat", "small");  // 10M has no users.dat
  CHECK_FALSE(static_cast<bool>(tenth.user_features));
  write_file(folder / "users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n");
  const Dataset data = read_movielens_dat(folder / "ratings.dat", "small");
  CHECK(data.hash() == tenth.hash());
  CHECK(data.items == std::vector<item_t>{0, 1, 0});
  CHECK(data.times == std::vector<std::int64_t>{100, 200, 300});
  CHECK(data.titles == std::vector<std::string>{"Am\xC3\xA9lie (2001)", "Heat (1995)"});
  CHECK(data.user_features.rows() == 2);
  CHECK(data.item_features.categories() == 5);
}

TEST_CASE("ratings.csv has a header") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "ratings.csv", "userId,movieId,rating,timestamp\r\n1,20,4.0,200\r\n1,10,3.5,100\r\n");
  CHECK(read_movielens_csv(folder / "ratings.csv", "small").items == std::vector<item_t>{0, 1});
  write_file(folder / "movies.csv", "movieId,title,genres\n10,\"Amelie, the (2001)\",Comedy\n20,Heat,Action|War\n");
  const Dataset data = read_movielens_csv(folder / "ratings.csv", "small");
  CHECK(data.titles == std::vector<std::string>{"Amelie, the (2001)", "Heat"});
  CHECK(data.item_features.values == std::vector<item_t>{1, 3, 0, 2});
}

TEST_CASE("every rating in steps of a half is one, anything else is named") {
  const auto rate = [](const std::string& rating) {
    const seqrec_test::TemporaryDirectory folder;
    write_file(folder / "ratings.dat", "1::2::" + rating + "::3\n");
    read_movielens_dat(folder / "ratings.dat", "small");
  };
  for (const char* rating : {"1", "5", "0.5", "1.0", "3.5", "5.0", "3.50"}) CHECK_NOTHROW(rate(rating));
  for (const char* rating : {"", "0", "6", "0.0", "5.5", "3.2", "-1", "x", "3,5", "nan", "inf", "10"})
    CHECK_THAT(
        message_of<DataError>([&] { rate(rating); }),
        ContainsSubstring(std::string("ratings.dat:1: rating is '") + rating +
                          "', expected a number from 0.5 to 5 in steps of 0.5; another scale is given by the option "
                          "rating_scale"));
}

TEST_CASE("wrong rows of ratings are named, whatever stands between the columns") {
  struct Format {
    Reader read;
    std::string file, header, between, shown;
  };
  const Format format =
      GENERATE(Format{read_movielens_100k, "u.data", "", "\t", "\\x09"},
               Format{read_movielens_dat, "ratings.dat", "", "::", "::"},
               Format{read_movielens_csv, "ratings.csv", "userId,movieId,rating,timestamp\n", ",", ","});
  const auto row = [&](const std::vector<std::string>& fields, const std::string& between) {
    std::string text;
    for (const std::string& field : fields) text += (text.empty() ? "" : between) + field;
    return text;
  };
  const auto say = [&](const std::vector<std::string>& fields) {
    return complaint(
        format.read, format.file,
        format.header + row({"1", "2", "3", "4"}, format.between) + "\n" + row(fields, format.between) + "\n");
  };
  const std::string place = format.file + (format.header.empty() ? ":2: " : ":3: ");
  CHECK_THAT(say({"1", "2", "3"}), ContainsSubstring(place + "line '" + row({"1", "2", "3"}, format.shown) +
                                                     "' has 3 columns, expected 4: "));
  CHECK_THAT(say({"1", "2", "3", "4", "5"}), ContainsSubstring(place) && ContainsSubstring("5 columns"));
  CHECK_THAT(say({"1 2 3 4"}), ContainsSubstring(place) && ContainsSubstring("1 column,"));
  CHECK_THAT(say({"1", "", "3", "4"}), ContainsSubstring(place + "item is '', which is empty, expected some text"));
  CHECK_THAT(say({"1", "2\x01", "3", "4"}),
             ContainsSubstring(place + "item is '2\\x01', which has a control character"));
  CHECK_THAT(say({"1", "2", "6", "4"}), ContainsSubstring(place + "rating is '6'"));
  CHECK_THAT(say({"1", "2", "3", "now"}), ContainsSubstring(place + "time is 'now'"));
  CHECK_THAT(say({"1", "2", "3", "-4"}), ContainsSubstring(place + "time is '-4', which is below 0"));
  CHECK_THAT(complaint(format.read, format.file, format.header),
             ContainsSubstring("/" + format.file + ": the data set is empty, expected at least one interaction"));
}

TEST_CASE("a wrong header of ratings.csv is named") {
  CHECK_THAT(complaint(read_movielens_csv, "ratings.csv", ""), ContainsSubstring("ratings.csv: is empty"));
  CHECK_THAT(complaint(read_movielens_csv, "ratings.csv", "1,2,3,4\n"),
             ContainsSubstring("ratings.csv:1: no column of users is known by its name in the header, which has '1', "
                               "'2', '3', '4'; expected one as user_id, or the option user_column to name it"));
}

TEST_CASE("files beside the ratings must cover them") {
  const seqrec_test::TemporaryDirectory folder;
  const auto say = [&] { return message_of<DataError>([&] { read_movielens_100k(folder / "u.data", "small"); }); };
  write_file(folder / "u.data", "1\t2\t3\t4\n1\t7\t3\t4\n");
  write_file(folder / "u.item", film_row("2", "Heat"));
  CHECK_THAT(say(), ContainsSubstring("u.item: has no item 7, which has interactions; expected all 2 items"));
  write_file(folder / "u.user", "3|24|M|technician|85711\n");
  CHECK_THAT(say(), ContainsSubstring("u.user: has no user 1, which has interactions"));
}

TEST_CASE("ratings.csv may have a quoted header, another order, further columns and a blank last line") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "ratings.csv",
             "\"timestamp\",\"movieId\",\"comment\",\"userId\",\"rating\"\n200,20,\"a, b\",1,4.0\n100,10,,1,3.5\n\n");
  const Dataset data = read_movielens_csv(folder / "ratings.csv", "small");
  CHECK(data.items == std::vector<item_t>{0, 1});
  CHECK(data.source == "times: column timestamp, whole seconds from 1970-01-01 to 1970-01-01");
}

TEST_CASE("ids of MovieLens files keep to the rule for all ids") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "ratings.dat", "1011.0::tt01::5::200\n1011::-7::3::100\n\n\n");
  const Dataset data = read_movielens_dat(folder / "ratings.dat", "small");
  CHECK(data.user_ids.text() == "1011\n");
  CHECK(data.item_ids.text() == "tt01\n-7\n");
  CHECK(data.items == std::vector<item_t>{1, 0});
}

TEST_CASE("another scale and a threshold are options; what is left out is counted") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.data", "1\t10\t8\t1\n1\t20\t10\t2\n1\t30\t3\t3\n");
  const Dataset data = read_movielens_100k(folder / "u.data", "small", {.rating_scale = "1..10", .least_rating = 4});
  CHECK(data.item_ids.text() == "10\n20\n");
  CHECK_THAT(data.source, ContainsSubstring("; 1 events rated below 4 left out"));
  CHECK_THAT(message_of<DataError>(
                 [&] { read_movielens_100k(folder / "u.data", "small", {.rating_scale = "any", .least_rating = 11}); }),
             ContainsSubstring("u.data: the data set is empty, 3 events rated below 11 left out"));
}

TEST_CASE("files without a header have no names for columns, but may be in order of time") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.data", "1\t10\t5\t2\n1\t20\t5\t1\n");
  CHECK(read_movielens_100k(folder / "u.data", "small").items == std::vector<item_t>{1, 0});
  const Dataset data = read_movielens_100k(folder / "u.data", "small", {.time_column = "none"});
  CHECK(data.items == std::vector<item_t>{0, 1});
  CHECK(data.source == "no times, order of the file");
  CHECK_THAT(
      message_of<ArgumentError>([&] { read_movielens_100k(folder / "u.data", "small", {.user_column = "user"}); }),
      ContainsSubstring("user_column is 'user', expected none: ") && ContainsSubstring("u.data has no header"));
}
