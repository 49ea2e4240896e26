// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/csv.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

using Fields = std::vector<std::string>;

/// The fields of a file's only line.
Fields fields_of(std::string_view line, std::size_t count) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "table.csv", line);
  TextFile file(folder / "table.csv");
  REQUIRE(file.next());
  return csv_fields(file, count, "some");
}

std::string complaint(std::string_view line, std::size_t count = 3) {
  return message_of<DataError>([&] { fields_of(line, count); });
}

}  // namespace

TEST_CASE("values are cut at commas, quotes protect commas and quotes") {
  CHECK(fields_of("1,Toy Story (1995),Comedy\r\n", 3) == Fields{"1", "Toy Story (1995)", "Comedy"});
  CHECK(fields_of(R"csv(11,"American President, The (1995)",Drama)csv", 3) ==
        Fields{"11", "American President, The (1995)", "Drama"});
  CHECK(fields_of(R"("say ""hi"", she said","""","")", 3) == Fields{R"(say "hi", she said)", "\"", ""});
  CHECK(fields_of(",,", 3) == Fields{"", "", ""});
  CHECK(fields_of(R"("")", 1) == Fields{""});
}

TEST_CASE("wrong quotes and columns are named with the line") {
  CHECK_THAT(complaint(R"(1,"Toy Story,Comedy)"),
             ContainsSubstring("table.csv:1: field 2 of line '1,\"Toy Story,Comedy' opens a quote that the line does "
                               "not close"));
  CHECK_THAT(complaint(R"(1,"Toy" Story,Comedy)"),
             ContainsSubstring("field 2 of line") && ContainsSubstring(" goes on behind its closing quote"));
  CHECK_THAT(complaint(R"(1,"Toy""" "Story",Comedy)"), ContainsSubstring(" goes on behind its closing quote"));
  CHECK_THAT(complaint(R"(1,Toy "Story",Comedy)"), ContainsSubstring("field 2") && ContainsSubstring("a quote inside"));
  CHECK_THAT(complaint("1,2"), ContainsSubstring("table.csv:1: line '1,2' has 2 columns, expected 3: some"));
  CHECK_THAT(complaint("1,2,3,4"), ContainsSubstring("has 4 columns"));
}

TEST_CASE("a header must be there and be right") {
  const seqrec_test::TemporaryDirectory folder;
  const auto header_complaint = [&](std::string_view text) {
    seqrec_test::write_file(folder / "table.csv", text);
    TextFile file(folder / "table.csv");
    return message_of<DataError>([&] { expect_header(file, "a,b"); });
  };
  CHECK_THAT(header_complaint(""), ContainsSubstring("table.csv: is empty, expected the header 'a,b'"));
  CHECK_THAT(header_complaint("1,2\n"), ContainsSubstring("table.csv:1: the header is '1,2', expected 'a,b'"));
  seqrec_test::write_file(folder / "table.csv",
                          "\xEF\xBB\xBF"
                          "a,b\r\n1,2\r\n");  // a byte order mark
  TextFile file(folder / "table.csv");
  expect_header(file, "a,b");
  REQUIRE(file.next());
  CHECK(file.line() == "1,2");
}
