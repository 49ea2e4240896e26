// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/csv.hpp"

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
Fields fields_of(std::string_view line, char delimiter = ',') {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "table.csv", line);
  TextFile file(folder / "table.csv");
  REQUIRE(file.next());
  return csv_fields(file, delimiter);
}

std::string complaint(std::string_view line) {
  return message_of<DataError>([&] { fields_of(line); });
}

}  // namespace

TEST_CASE("values are cut at commas, quotes protect commas and quotes") {
  CHECK(fields_of("1,Toy Story (1995),Comedy\r\n") == Fields{"1", "Toy Story (1995)", "Comedy"});
  CHECK(fields_of(R"csv(11,"American President, The (1995)",Drama)csv") ==
        Fields{"11", "American President, The (1995)", "Drama"});
  CHECK(fields_of(R"("say ""hi"", she said","""","")") == Fields{R"(say "hi", she said)", "\"", ""});
  CHECK(fields_of(",,") == Fields{"", "", ""});
  CHECK(fields_of(R"("")") == Fields{""});
  CHECK(fields_of("1,5;\"a;b\"", ';') == Fields{"1,5", "a;b"});
}

TEST_CASE("wrong quotes are named with the line") {
  CHECK_THAT(complaint(R"(1,"Toy Story,Comedy)"),
             ContainsSubstring("table.csv:1: field 2 of line '1,\"Toy Story,Comedy' opens a quote that the line does "
                               "not close"));
  CHECK_THAT(complaint(R"(1,"Toy" Story,Comedy)"),
             ContainsSubstring("field 2 of line") && ContainsSubstring(" goes on behind its closing quote"));
  CHECK_THAT(complaint(R"(1,"Toy""" "Story",Comedy)"), ContainsSubstring(" goes on behind its closing quote"));
  CHECK_THAT(complaint(R"(1,Toy "Story",Comedy)"), ContainsSubstring("field 2") && ContainsSubstring("a quote inside"));
}

TEST_CASE("the delimiter is the one that stands most often in the header, outside of quotes") {
  CHECK(delimiter_of("user,item,time") == ',');
  CHECK(delimiter_of("user\titem\ttime, UTC") == '\t');
  CHECK(delimiter_of("user;item") == ';');
  CHECK(delimiter_of("user|item") == '|');
  CHECK(delimiter_of("\"a;b;c\",d") == ',');
  CHECK(delimiter_of("user") == ',');
}
