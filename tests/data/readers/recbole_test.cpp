// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/recbole.hpp"

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

const std::string header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";

struct Files {
  seqrec_test::TemporaryDirectory folder;
  const Files& add(const char* ending, const std::string& text) const {
    write_file(folder / (std::string("films.") + ending), text);
    return *this;
  }
  Dataset read() const { return read_recbole(folder / "films.inter", "films"); }
  std::string complaint() const {
    return message_of<DataError>([&] { read(); });
  }
};

}  // namespace

TEST_CASE("interactions with numbers for tokens keep them, in order of time") {
  const Files files;
  const Dataset data = files.add("inter", header + "2\t30\t5\t300\n1\t30\t3.5\t2e2\n1\t4\t1\t100.0\n").read();
  CHECK(data.user_ids.text() == "1\n2\n");
  CHECK(data.item_ids.text() == "4\n30\n");
  CHECK(data.items == std::vector<item_t>{0, 1, 1});
  CHECK(data.times == std::vector<std::int64_t>{100, 200, 300});
  CHECK(data.titles.empty());
}

TEST_CASE("columns may come in any order, and without times the order of the file stays") {
  const Files files;
  const Dataset data = files.add("inter", "item_id:token\tuser_id:token\r\n5\t1\r\n4\t1\r\n").read();
  CHECK(data.items == std::vector<item_t>{1, 0});
  CHECK(data.times.empty());
}

TEST_CASE("tokens that are not numbers are numbered in order of appearance and kept") {
  const Files files;
  const Dataset data = files.add("inter", "user_id:token\titem_id:token\nzoe\tB00\nadam\tA00\nzoe\tA00\n").read();
  CHECK(data.user_ids.text() == "zoe\nadam\n");
  CHECK(data.item_ids.text() == "B00\nA00\n");
  CHECK(data.titles.empty());
  CHECK(data.items == std::vector<item_t>{0, 1, 1});
}

TEST_CASE("items and users come with titles and features") {
  const Files files;
  files.add("inter", "user_id:token\titem_id:token\nzoe\t4\nadam\t30\n")
      .add("item",
           "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
           "30\tToy Story\t1995\tAnimation Children's Comedy\n31\tnot seen\t1995\tWar\n4\tHeat\t\tunknown\n")
      .add("user",
           "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
           "adam\t24\tM\ttechnician\t85711\nzoe\tunder 50\tF\twriter\t94043\n");
  const Dataset data = files.read();
  CHECK(data.titles == std::vector<std::string>{"Heat", "Toy Story"});
  CHECK(data.item_features.names ==
        std::vector<std::string>{"genre=Animation", "genre=Children's", "genre=Comedy", "year=1995-1999"});
  CHECK(data.item_features.offsets == std::vector<offset_t>{0, 0, 4});
  CHECK(data.user_features.names == std::vector<std::string>{"age=18-24", "age=under 50", "gender=F", "gender=M",
                                                             "occupation=technician", "occupation=writer"});
  CHECK(data.user_features.values == std::vector<item_t>{1, 2, 5, 0, 3, 4});  // zoe came first
}

TEST_CASE("wrong interactions are named") {
  const Files files;
  const auto say = [&](const std::string& text) { return files.add("inter", text).complaint(); };
  CHECK_THAT(say(""), ContainsSubstring("films.inter: is empty, expected a header"));
  CHECK_THAT(say("1\t2\t3\t4\n"), ContainsSubstring("films.inter:1: header column '1' is not 'name:type'"));
  CHECK_THAT(say("user_id:text\titem_id:token\n"),
             ContainsSubstring("header column 'user_id:text' is not 'name:type'"));
  CHECK_THAT(
      say("user_id:token\tprice:token\n"),
      ContainsSubstring("films.inter:1: no column of items is known by its name in the header, which has 'user_id', "
                        "'price'; expected one as item_id, or the option item_column to name it"));
  CHECK_THAT(say(header), ContainsSubstring("/films.inter: the data set is empty"));
  CHECK_THAT(say("user_id:token,item_id:token\n1,2\n"),
             ContainsSubstring("films.inter:1: header column 'user_id:token,item_id:token' is not 'name:type'") &&
                 ContainsSubstring("columns separated by tabs"));
  CHECK_THAT(say(header + "1 2 3 4\n"), ContainsSubstring("expected 4: those of the header, separated by tabs"));
  CHECK_THAT(say(header + "1\t2\t3\n"),
             ContainsSubstring("films.inter:2: line '1\\x092\\x093' has 3 columns, expected 4"));
  CHECK_THAT(say(header + "1\t2\t3\t4\t5\n"), ContainsSubstring("films.inter:2") && ContainsSubstring("5 columns"));
  CHECK_THAT(say(header + "1\t2\t3\t4\n\t2\t3\t4\n"),
             ContainsSubstring("films.inter:3: user is '', which is empty, expected some text"));
  CHECK_THAT(say(header + "1\t\t3\t4\n"), ContainsSubstring("films.inter:2: item is ''"));
  for (const char* time : {"", "now", "-1", "nan", "inf", "1e300", "4 ", "0x1"})
    CHECK_THAT(say(header + "1\t2\t3\t" + time + "\n"),
               ContainsSubstring(std::string("films.inter:2: time is '") + time + "', "));
}

TEST_CASE("augmented files are refused, because the first event of a history is in no row") {
  const Files files;
  files.add("inter", "session_id:token\titem_id_list:token_seq\titem_id:token\n1\t10\t20\n1\t10 20\t30\n");
  CHECK_THAT(files.complaint(),
             ContainsSubstring("films.inter:1: column 'item_id_list' holds the items before each row") &&
                 ContainsSubstring("expected the file before augmentation"));
}

TEST_CASE("a column of times is found by its name, or asked for") {
  const Files files;
  const auto read = [&](const std::string& column, const ReadOptions& options = {}) {
    files.add("inter", "user_id:token\titem_id:token\t" + column + "\n1\t2\t300\n1\t3\t200\n");
    return read_recbole(files.folder / "films.inter", "films", options);
  };
  for (const char* name : {"time:float", "Timestamp:float", "datetime:token", "date:float", "created_at:float"}) {
    CHECK(read(name).items == std::vector<item_t>{1, 0});
    CHECK_THAT(read(name).source, ContainsSubstring("times: column " + std::string(name).substr(0, 4)));
  }
  CHECK_THAT(
      message_of<DataError>([&] { read("release_date:float"); }),
      ContainsSubstring("films.inter:1: column 'release_date' looks like a time and is not used: name the column "
                        "of times by the option time_column, or say time_column none"));
  CHECK(read("release_date:float", {.time_column = "release_date"}).items == std::vector<item_t>{1, 0});
  CHECK(read("release_date:float", {.time_column = "none"}).source == "no times, order of the file");
}

TEST_CASE("files of items and users are found by the ids that numbers stand for") {
  const Files files;
  files.add("inter", "user_id:token\titem_id:token\n1\t1011.0\n1\t1012\n")
      .add("item", "item_id:token\ttitle:token_seq\n1011\tHeat\n1012.00\tUp\n\n");
  CHECK(files.read().titles == std::vector<std::string>{"Heat", "Up"});
}

TEST_CASE("wrong files of items and users are named") {
  const Files files;
  files.add("inter", "user_id:token\titem_id:token\n1\t4\n1\tB00\n");
  const auto items = [&](const std::string& text) { return files.add("item", text).complaint(); };
  CHECK_THAT(items("item_id:token\tgenre:token_seq\n4\tWar\n"),
             ContainsSubstring("films.item: has no item B00, which has interactions; expected all 2 items"));
  CHECK_THAT(items("item_id:token\n4\n4\n"), ContainsSubstring("films.item:3: item 4 is there twice"));
  CHECK_THAT(items("id:token\n4\n"), ContainsSubstring("films.item:1: the header has no column 'item_id'"));
  CHECK_THAT(items("item_id:token\tgenre:token_seq\n4\n"),
             ContainsSubstring("films.item:2") && ContainsSubstring("1 column,"));
  CHECK_THAT(items(""), ContainsSubstring("films.item: is empty"));
  files.add("item", "item_id:token\n4\nB00\n").add("user", "user_id:token\tage:token\n2\t30\n");
  CHECK_THAT(files.complaint(), ContainsSubstring("films.user: has no user 1, which has interactions"));
}
