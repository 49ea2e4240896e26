// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/names.hpp"

#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;

namespace {

const Names all{Vocabulary(std::vector<std::string>{"tt0114709", "caf\xC3\xA9 \"noir\"", "\\"}),
                Vocabulary(std::vector<std::string>{"gender=F", "gender=M"}),
                Vocabulary(std::vector<std::string>{"genre=Comedy"})};

/// What is read from a file with this metadata.
Names read_from(const std::map<std::string, std::string>& metadata) {
  const seqrec_test::TemporaryDirectory directory;
  write_safetensors(directory / "file", metadata, {});
  return read_names(SafetensorsFile(directory / "file"));
}

std::string message(std::map<std::string, std::string> metadata) {
  return seqrec_test::message_of<DataError>([&] { read_from(metadata); });
}

}  // namespace

TEST_CASE("names survive a file", "[io]") {
  std::map<std::string, std::string> metadata;
  write_names(metadata, all);
  CHECK(metadata.size() == 6);
  CHECK(metadata.at("seqrec.user_categories") == "gender=F\ngender=M\n");
  CHECK(read_from(metadata) == all);
}

TEST_CASE("a file without names has none", "[io]") {
  std::map<std::string, std::string> metadata;
  write_names(metadata, {});
  CHECK(metadata.empty());
  CHECK(read_from(metadata) == Names{});
}

TEST_CASE("damaged names are refused by field", "[io]") {
  std::map<std::string, std::string> metadata;
  write_names(metadata, all);
  auto changed = metadata;
  changed["seqrec.item_ids"] = "tt0114709\ntt0114709\n";
  CHECK_THAT(message(changed), ContainsSubstring("metadata field seqrec.item_ids: id 1, 'tt0114709', is there before"));
  changed["seqrec.item_ids"] = "tt0114709\ntt0113189\n";
  CHECK_THAT(message(changed), ContainsSubstring("metadata field seqrec.item_ids: hash is ") &&
                                   ContainsSubstring("it was changed after it was written"));
  changed = metadata;
  changed.erase("seqrec.item_ids_hash");
  CHECK_THAT(message(changed), ContainsSubstring("metadata field seqrec.item_ids_hash is missing"));
}
