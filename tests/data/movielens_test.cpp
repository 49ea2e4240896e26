// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/movielens.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::write_file;

namespace {

std::string title_row(const std::string& item, const std::string& title) {
  return item + "|" + title + "|01-Jan-1995||http://us.imdb.com/|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n";
}

}  // namespace

TEST_CASE("u.data is read in order of user, time and row, with its titles") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.data", "2\t10\t5\t300\n1\t30\t3\t200\n1\t20\t1\t200\n1\t10\t4\t100\n");
  write_file(folder / "u.item", title_row("10", "Toy Story (1995)") + title_row("30", "Mis\xE9rables, Les (1995)"));
  const Dataset data = read_movielens_100k(folder / "u.data", "small");
  CHECK(data.name == "small");
  CHECK(data.user_ids == std::vector<std::int64_t>{1, 2});
  CHECK(data.item_ids == std::vector<std::int64_t>{10, 20, 30});
  CHECK(data.items == std::vector<item_t>{0, 2, 1, 0});
  CHECK(data.times == std::vector<std::int64_t>{100, 200, 200, 300});
  CHECK(data.titles == std::vector<std::string>{"Toy Story (1995)", "", "Mis\xC3\xA9rables, Les (1995)"});
}

TEST_CASE("u.data may stand alone, with CRLF and without a final line end") {
  const seqrec_test::TemporaryDirectory folder;
  write_file(folder / "u.data", "1\t30\t3\t200\r\n1\t20\t1\t100");
  const Dataset data = read_movielens_100k(folder / "u.data", "small");
  CHECK(data.items == std::vector<item_t>{0, 1});
  CHECK(data.titles.empty());
}

TEST_CASE("wrong rows of u.data and u.item are named") {
  const seqrec_test::TemporaryDirectory folder;
  const auto complaint = [&](const std::string& rows) {
    write_file(folder / "u.data", rows);
    return message_of<DataError>([&] { read_movielens_100k(folder / "u.data", "small"); });
  };
  const std::string good = "1\t2\t3\t4\n";
  CHECK_THAT(complaint(good + "1\t2\t3\n"),
             ContainsSubstring("u.data:2: line '1\\x092\\x093' has 3 columns, expected 4: "
                               "user, item, rating and time, a tab between"));
  CHECK_THAT(complaint(good + "1\t2\t3\t4\t5\n"), ContainsSubstring("u.data:2") && ContainsSubstring("5 columns"));
  CHECK_THAT(complaint(good + good + "1 2 3 4\n"), ContainsSubstring("u.data:3") && ContainsSubstring("1 column"));
  CHECK_THAT(complaint("x\t2\t3\t4\n"), ContainsSubstring("u.data:1: user is 'x', expected a whole number"));
  CHECK_THAT(complaint("1\t-2\t3\t4\n"), ContainsSubstring("u.data:1: item is '-2', expected a whole number"));
  CHECK_THAT(complaint("1\t99999999999999999999\t3\t4\n"), ContainsSubstring("item is '99999999999999999999'"));
  CHECK_THAT(complaint("1\t2\t6\t4\n"), ContainsSubstring("rating is '6', expected a whole number from 1 to 5"));
  CHECK_THAT(complaint("1\t2\t3\tnow\n"), ContainsSubstring("time is 'now'"));
  CHECK_THAT(complaint(""), ContainsSubstring("small: the data set is empty"));

  write_file(folder / "u.item", "1|Toy Story\n");
  CHECK_THAT(complaint(good), ContainsSubstring("u.item:1") && ContainsSubstring("2 columns, expected 24"));
}
