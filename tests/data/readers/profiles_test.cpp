// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/profiles.hpp"

#include <string>
#include <vector>

#include "seqrec/data/readers/interactions.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::write_file;

namespace {
Dataset films() { return build_dataset("films", {.users = {7, 9, 9}, .items = {30, 10, 30}, .times = {}}); }
}  // namespace

TEST_CASE("profiles become titles and features in the order of the data, others are passed over") {
  Dataset data = films();
  const std::string hash = data.hash();
  attach_items(data,
               {"films.txt", "item", {{"10", {"Heat", {"genre=War"}}}, {"20", {"?", {"x"}}}, {"30", {"Up", {}}}}});
  attach_users(data, {"users.txt", "user", {{"9", {{}, {"gender=F"}}}, {"7", {{}, {"gender=M"}}}}});
  CHECK(data.titles == std::vector<std::string>{"Heat", "Up"});
  CHECK(data.item_features.names == std::vector<std::string>{"genre=War"});
  CHECK(data.item_features.offsets == std::vector<offset_t>{0, 1, 1});
  CHECK(data.user_features.names == std::vector<std::string>{"gender=F", "gender=M"});
  CHECK(data.user_features.values == std::vector<item_t>{1, 0});
  CHECK(data.hash() == hash);  // what is known beside the interactions does not make other data
}

TEST_CASE("without a file, or without anything in it, there are no features") {
  Dataset data = films();
  attach_items(data, {});
  attach_users(data, {});
  CHECK(data.titles.empty());
  CHECK_FALSE(static_cast<bool>(data.item_features));
  attach_items(data, {"films.txt", "item", {{"10", {}}, {"30", {}}}});
  CHECK(data.titles.empty());
  CHECK_FALSE(static_cast<bool>(data.item_features));
}

TEST_CASE("profiles that do not cover the data are refused with the file and who is missing") {
  Dataset data = films();
  CHECK(message_of<DataError>([&] {
          attach_items(data, {"films.txt", "item", {{"10", {}}}});
        }) == "films.txt: has no item 30, which has interactions; expected all 2 items");
  CHECK(message_of<DataError>([&] {
          attach_users(data, {"users.txt", "user", {{"9", {}}}});
        }) == "users.txt: has no user 7, which has interactions; expected all 2 users");
  data.item_ids = Vocabulary(std::vector<std::string>{"ten", "thirty"});
  CHECK_THAT(message_of<DataError>([&] {
               attach_items(data, {"films.txt", "item", {{"ten", {}}}});
             }),
             ContainsSubstring("has no item thirty"));
}

TEST_CASE("a map leads from new numbers to the profiles of the original ones") {
  const seqrec_test::TemporaryDirectory folder;
  const Profiles originals{"movies.dat", "item", {{"500", {"Heat", {}}}, {"600", {"Up", {}}}}};
  const auto renumbered = [&](const char* map) {
    write_file(folder / "item_ids.txt", map);
    return renumber(originals, folder / "item_ids.txt");
  };
  const Profiles profiles = renumbered("1 600\n2 500\n");
  CHECK(profiles.rows.size() == 2);
  CHECK(profiles.rows.at("1").title == "Up");
  CHECK(profiles.rows.at("2").title == "Heat");

  const auto complaint = [&](const char* map) { return message_of<DataError>([&] { renumbered(map); }); };
  CHECK_THAT(complaint("1 600\n2 700\n"), ContainsSubstring("item_ids.txt:2: movies.dat has no item 700"));
  CHECK_THAT(complaint("1 600\n1 500\n"), ContainsSubstring("item_ids.txt:2: item 1 is there twice"));
  CHECK_THAT(complaint("1\n"), ContainsSubstring("item_ids.txt:1: line '1' has 1 column"));
  CHECK_THAT(complaint("1 \n"), ContainsSubstring("original id is '', which is empty"));
  CHECK(renumbered("1.0 600\n\n").rows.at("1").title == "Up");
}
