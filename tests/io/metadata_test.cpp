// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/metadata.hpp"

#include <map>
#include <string>
#include <vector>

#include "seqrec/core/types.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;

namespace {

/// A file with one metadata field, and what is said when it is read as a number.
struct MetadataFile {
  seqrec_test::TemporaryDirectory directory;
  std::string path = (directory.path() / "x.safetensors").string();
  SafetensorsFile file;

  explicit MetadataFile(const std::string& value)
      : file([&] {
          write_safetensors(path, {{"width", value}}, {});
          return path;
        }()) {}

  std::string message() const {
    index_t width = 0;
    try {
      parse_metadata(file, "width", "a test file", width);
    } catch (const DataError& error) {
      return error.what();
    }
    return concatenate(width);
  }
};

}  // namespace

TEST_CASE("a metadata field is read as the option that it is", "[io]") {
  const MetadataFile file("40");
  CHECK(metadata_field(file.file, "width", "a test file") == "40");
  CHECK(file.message() == "40");
}

TEST_CASE("a metadata field that is missing or is no option is named with its file", "[io][errors]") {
  const MetadataFile file("4x");
  CHECK(file.message() == file.path + ": option width is \"4x\", expected a number in range");
  CHECK_THROWS_WITH(metadata_field(file.file, "depth", "a test file"),
                    file.path + ": metadata field depth is missing, expected a test file");
  CHECK_THAT(MetadataFile("4\n").message(),
             ContainsSubstring(": option width is \"4\\x0a\", expected a number in range"));
  CHECK(MetadataFile(std::string(100000, '1')).message().size() < 300);
}

TEST_CASE("an option's text may be as long as its value, and of any characters", "[io]") {
  const std::vector<index_t> list(100, 65536);
  const std::string words = "two words\n\"quoted\" \xC3\xA4" + std::string(200, '-');
  seqrec_test::TemporaryDirectory directory;
  write_safetensors(directory / "x.safetensors", {{"list", option_text(list)}, {"words", words}}, {});
  const SafetensorsFile file(directory / "x.safetensors");
  std::vector<index_t> list_again;
  std::string words_again;
  parse_metadata(file, "list", "a test file", list_again);
  parse_metadata(file, "words", "a test file", words_again);
  CHECK(list_again == list);
  CHECK(words_again == words);
}

namespace {

struct BoxOptions {
  index_t width = 3;
  double weight = 0.5;
  int movers = 1;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("width", width, at_least(1), "of a box");
    visit("weight", weight, positive(), "of a box");
    visit("movers", movers, at_least(1), "who carry it", OptionEffect::none);
  }
};

}  // namespace

TEST_CASE("a struct's options go into metadata and come back, but for those that decide nothing", "[io]") {
  const BoxOptions box{.width = 7, .weight = 0.1 + 0.2, .movers = 2};
  std::map<std::string, std::string> metadata;
  write_options(metadata, "box.", box);
  CHECK(metadata == std::map<std::string, std::string>{{"box.width", "7"}, {"box.weight", "0.30000000000000004"}});

  const seqrec_test::TemporaryDirectory directory;
  const auto message = [&](const char* field, const char* value) {
    std::map<std::string, std::string> changed = metadata;
    changed.erase(field);
    if (*value != '\0') changed[field] = value;
    write_safetensors(directory / "x.safetensors", changed, {});
    BoxOptions found;
    return seqrec_test::message_of<DataError>(
        [&] { read_options(SafetensorsFile(directory / "x.safetensors"), "box.", "a test file", found); });
  };
  CHECK_THAT(message("box.width", "7x"), ContainsSubstring("x.safetensors: option box.width is \"7x\""));
  CHECK_THAT(message("box.weight", ""),
             ContainsSubstring("metadata field box.weight is missing, expected a test file"));

  write_safetensors(directory / "x.safetensors", metadata, {});
  BoxOptions again;
  read_options(SafetensorsFile(directory / "x.safetensors"), "box.", "a test file", again);
  CHECK(again.width == 7);
  CHECK(again.weight == box.weight);
  CHECK(again.movers == 1);
}
