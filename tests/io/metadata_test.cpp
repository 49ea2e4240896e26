// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/metadata.hpp"

#include <map>
#include <string>

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
  const MetadataFile strange("4\n");
  CHECK_THAT(strange.message(),
             ContainsSubstring("metadata field width is ") && ContainsSubstring("expected the text of an option"));
  CHECK_THAT(MetadataFile(std::string(61, '1')).message(), ContainsSubstring("expected the text of an option"));
}
