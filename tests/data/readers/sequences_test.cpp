// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/sequences.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::write_file;

TEST_CASE("pairs keep the order of the file, whether or not users stand together") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "pairs.txt", "1 30\n2 10\n1 10\n1 20\n2 30\n");
  const Dataset data = read_sequences(folder / "pairs.txt", "small");
  CHECK(data.user_ids.text() == "1\n2\n");
  CHECK(data.item_ids.text() == "10\n20\n30\n");
  CHECK(data.items == std::vector<item_t>{2, 0, 1, 0, 2});
  CHECK(data.times.empty());
  CHECK(data.titles.empty());
}

TEST_CASE("titles and features of renumbered MovieLens are found by way of the original numbers") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "pairs.txt", "1 1\n1 2\n3 2\n");
  write_file(folder / "item_ids.txt", "1 500\n2 600\n");
  write_file(folder / "user_ids.txt", "1 10\n2 20\n3 30\n");
  CHECK(read_sequences(folder / "pairs.txt", "small").titles.empty());
  write_file(folder / "movies.dat",
             "600::Am\xE9lie (2001)::Comedy\n500::Heat (1995)::Action\n1::Toy Story (1995)::Comedy\n");
  write_file(folder / "users.dat", "10::F::1::10::0\n20::F::18::10::0\n30::M::25::0::0\n");
  const Dataset data = read_sequences(folder / "pairs.txt", "small");
  CHECK(data.titles == std::vector<std::string>{"Heat (1995)", "Am\xC3\xA9lie (2001)"});
  CHECK(data.item_features.names ==
        std::vector<std::string>{"genre=Action", "genre=Comedy", "year=1995-1999", "year=2000-2004"});
  CHECK(data.item_features.values == std::vector<item_t>{0, 2, 1, 3});
  CHECK(data.user_features.names == std::vector<std::string>{"age=25-34", "age=under 18", "gender=F", "gender=M",
                                                             "occupation=K-12 student", "occupation=other"});
  CHECK(data.user_features.values == std::vector<item_t>{1, 2, 4, 0, 3, 5});

  const auto complaint = [&] { return message_of<DataError>([&] { read_sequences(folder / "pairs.txt", "small"); }); };
  write_file(folder / "item_ids.txt", "1 500\n");
  CHECK_THAT(complaint(), ContainsSubstring("item_ids.txt: has no item 2, which has interactions"));
  write_file(folder / "item_ids.txt", "1 500\n2 601\n");
  CHECK_THAT(complaint(), ContainsSubstring("item_ids.txt:2: ") && ContainsSubstring("movies.dat has no item 601"));
  write_file(folder / "item_ids.txt", "1\n");
  CHECK_THAT(complaint(), ContainsSubstring("item_ids.txt:1: line '1' has 1 column"));
}

TEST_CASE("wrong pairs are named") {
  const seqrec_test::TemporaryDirectory folder;
  const auto complaint = [&](const std::string& rows) {
    write_file(folder / "pairs.txt", rows);
    return message_of<DataError>([&] { read_sequences(folder / "pairs.txt", "small"); });
  };
  CHECK_THAT(
      complaint("1 2\n1 2 3\n"),
      ContainsSubstring("pairs.txt:2: line '1 2 3' has 3 columns, expected 2: user and item, one space between"));
  CHECK_THAT(complaint("1 2\n\n\n1 3\n"), ContainsSubstring("pairs.txt:4: a blank line stands before this one"));
  CHECK_THAT(complaint("1 2\n1 \n"), ContainsSubstring("pairs.txt:2: item is '', which is empty"));
  CHECK_THAT(complaint(""), ContainsSubstring("/pairs.txt: the data set is empty"));
  CHECK_THAT(complaint("user item\n1 2\n1 3\n"), ContainsSubstring("pairs.txt:1: looks like a header"));
}

TEST_CASE("what begins like sequences") {
  using detail::begins_like_sequences;
  CHECK(begins_like_sequences("a.txt", "1 2"));
  CHECK(begins_like_sequences("a.txt", "1 2\r"));
  for (const char* line : {"", " ", "1", "1 ", " 1", "1 2 3", "1\t2", "a 1", "1 -2", "users items", "1  2", "1 2 "})
    CHECK_FALSE(begins_like_sequences("a.txt", line));
  CHECK_FALSE(begins_like_sequences("folder/item_ids.txt", "1 2"));
  CHECK_FALSE(begins_like_sequences("folder/user_ids.txt", "1 2"));
}

TEST_CASE("pairs may have names and a blank last line") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "pairs.txt", "u1 tt2\nu1 tt1\n\n");
  const Dataset data = read_sequences(folder / "pairs.txt", "small");
  CHECK(data.item_ids.text() == "tt2\ntt1\n");
  CHECK(data.source == "no times, order of the file");
  CHECK_THROWS_AS(read_sequences(folder / "pairs.txt", "small", {.least_rating = 3}), ArgumentError);
  CHECK_THROWS_AS(read_sequences(folder / "pairs.txt", "small", {.time_column = "time"}), ArgumentError);
}
