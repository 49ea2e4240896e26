// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/text_file.hpp"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "text", text);
  TextFile file(folder / "text");
  std::vector<std::string> lines;
  while (file.next()) lines.emplace_back(file.line());
  return lines;
}

/// What a file of one line says, without the folder, when its two columns are read as numbers.
std::string complaint(std::string_view line) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "pairs", line);
  const std::string message = message_of<DataError>([&] {
    TextFile file(folder / "pairs");
    REQUIRE(file.next());
    const std::array<std::string_view, 2> fields = file.fields<2>(" ", "user and item");
    file.integer(fields[0], "user");
    file.integer(fields[1], "item", 1, 999);
  });
  REQUIRE(message.starts_with(folder.path().string() + "/"));
  return message.substr(folder.path().string().size() + 1);
}

}  // namespace

TEST_CASE("lines end in LF or CRLF, the last one need not end") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of("").empty());
  CHECK(lines_of("\n") == Lines{""});
  CHECK(lines_of("a\nbc\n") == Lines{"a", "bc"});
  CHECK(lines_of("a\nbc") == Lines{"a", "bc"});
  CHECK(lines_of("a\r\nbc\r\n") == Lines{"a", "bc"});
  CHECK(lines_of("a\r\n\r\nbc\r") == Lines{"a", "", "bc"});
}

TEST_CASE("lines are the same however few bytes are read at once") {
  const seqrec_test::TemporaryDirectory folder;
  const std::string text = "1\t2\t3\n\n" + std::string(100, 'x') + "\r\n4\t5\t6\r\n\r\nlast";
  seqrec_test::write_file(folder / "text", text);
  for (std::size_t block = 0; block < text.size() + 2; ++block) {
    TextFile file(folder / "text", block);
    std::vector<std::string> lines;
    while (file.next()) lines.emplace_back(file.line());
    REQUIRE(lines == std::vector<std::string>{"1\t2\t3", "", std::string(100, 'x'), "4\t5\t6", "", "last"});
    REQUIRE_FALSE(file.next());
  }
}

TEST_CASE("a byte order mark is no part of the first line") {
  CHECK(lines_of("\xEF\xBB\xBF"
                 "a\n\xEF\xBB\xBF"
                 "b\n") == std::vector<std::string>{"a",
                                                    "\xEF\xBB\xBF"
                                                    "b"});
  CHECK(lines_of("\xEF\xBB") == std::vector<std::string>{"\xEF\xBB"});
}

TEST_CASE("as many fields as a header says") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "rows", "1\t\t3\n1\t2\n");
  TextFile file(folder / "rows");
  std::vector<std::string_view> fields(3);
  REQUIRE(file.next());
  file.fields("\t", "three", fields);
  CHECK(fields == std::vector<std::string_view>{"1", "", "3"});
  REQUIRE(file.next());
  CHECK_THAT(message_of<DataError>([&] { file.fields("\t", "three", fields); }),
             ContainsSubstring("rows:2: line '1\\x092' has 2 columns, expected 3: three"));
}

TEST_CASE("a line is cut at its delimiter") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "movies", "1::Toy Story::Comedy\n2::::\n:3:::a:\n");
  TextFile file(folder / "movies");
  REQUIRE(file.next());
  CHECK(file.fields<3>("::", "three") == std::array<std::string_view, 3>{"1", "Toy Story", "Comedy"});
  REQUIRE(file.next());
  CHECK(file.fields<3>("::", "three") == std::array<std::string_view, 3>{"2", "", ""});
  REQUIRE(file.next());
  CHECK(file.fields<2>("::", "two") == std::array<std::string_view, 2>{":3", ":a:"});
}

TEST_CASE("whole numbers are read up to the last one") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "numbers", "0\n007\n-5\n999999999999999999\n9223372036854775807\n");
  TextFile file(folder / "numbers");
  std::vector<std::int64_t> numbers;
  while (file.next()) numbers.push_back(file.integer(file.line(), "number", -10));
  CHECK(numbers == std::vector<std::int64_t>{0, 7, -5, 999999999999999999, 9223372036854775807});
}

TEST_CASE("wrong columns are named with file, line and what was expected") {
  CHECK(complaint("1\n") == "pairs:1: line '1' has 1 column, expected 2: user and item");
  CHECK(complaint("1 2 3\n") == "pairs:1: line '1 2 3' has 3 columns, expected 2: user and item");
  CHECK(complaint("\n1 2\n") == "pairs:1: line '' has 1 column, expected 2: user and item");
}

TEST_CASE("wrong numbers are named with file, line, field, value and range") {
  const std::string user_range = ", expected a whole number from 0 to 9223372036854775807";
  CHECK(complaint("x 1") == "pairs:1: user is 'x'" + user_range);
  CHECK(complaint("-1 1") == "pairs:1: user is '-1'" + user_range);
  CHECK(complaint("9223372036854775808 1") == "pairs:1: user is '9223372036854775808'" + user_range);
  CHECK(complaint("1.5 1") == "pairs:1: user is '1.5'" + user_range);
  CHECK(complaint("1e3 1") == "pairs:1: user is '1e3'" + user_range);
  CHECK(complaint(" 1") == "pairs:1: user is ''" + user_range);
  CHECK(complaint("+1 1") == "pairs:1: user is '+1'" + user_range);
  CHECK(complaint("0x1 1") == "pairs:1: user is '0x1'" + user_range);
  CHECK(complaint("1 2a") == "pairs:1: item is '2a', expected a whole number from 1 to 999");
  CHECK(complaint("1 0") == "pairs:1: item is '0', expected a whole number from 1 to 999");
  CHECK(complaint("1 1000") == "pairs:1: item is '1000', expected a whole number from 1 to 999");
}

TEST_CASE("a complaint prints foreign bytes safely") {
  CHECK_THAT(complaint(std::string_view("\x1b[2J\0 1", 6)), ContainsSubstring("user is '\\x1b[2J\\x00'"));
  CHECK_THAT(complaint(std::string(1000, 'a') + " 1"),
             ContainsSubstring("user is '" + std::string(40, 'a') + "...', expected"));
}

TEST_CASE("what has no line breaks is refused before it fills memory") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "zeros", "1 2\n");
  std::filesystem::resize_file(folder / "zeros", TextFile::longest_line + 100);  // takes no space
  TextFile file(folder / "zeros");
  REQUIRE(file.next());
  CHECK(message_of<DataError>([&] { file.next(); }) ==
        (folder / "zeros").string() + ":2: the line has more than 67108863 bytes, expected lines of text");
}

TEST_CASE("files that are not there, not files or not readable are named") {
  const seqrec_test::TemporaryDirectory folder;
  const auto complaint_about = [](const std::filesystem::path& path) {
    return message_of<DataError>([&] { TextFile file(path); });
  };
  CHECK(complaint_about(folder / "nothing") == (folder / "nothing").string() + ": there is no such file");
  CHECK(complaint_about(folder.path()) == folder.path().string() + ": expected a regular file");
  CHECK(complaint_about("/dev/null") == "/dev/null: expected a regular file");
  seqrec_test::write_file(folder / "secret", "1 2\n");
  std::filesystem::permissions(folder / "secret", std::filesystem::perms::none);
  if (::access((folder / "secret").c_str(), R_OK) == 0) {
    WARN("part of this test is skipped: this user may read every file");
  } else {
    CHECK_THAT(complaint_about(folder / "secret"), ContainsSubstring("secret: cannot be read: Permission denied"));
  }
}

TEST_CASE("blank lines at the end of a table are passed over, others are refused") {
  const seqrec_test::TemporaryDirectory folder;
  const auto rows_of = [&](const char* text) {
    seqrec_test::write_file(folder / "rows", text);
    TextFile file(folder / "rows");
    int rows = 0;
    while (file.next_row()) ++rows;
    return rows;
  };
  for (const char* text : {"a\nb", "a\nb\n", "a\nb\n\n", "a\r\nb\r\n\r\n\r\n"}) CHECK(rows_of(text) == 2);
  CHECK(rows_of("") == 0);
  CHECK(rows_of("\n\n") == 0);
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { rows_of("a\n\nb\n"); }),
             ContainsSubstring("rows:3: a blank line stands before this one"));
}
