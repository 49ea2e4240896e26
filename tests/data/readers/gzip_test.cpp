// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/gzip.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/data/readers/text_file.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

std::string bytes(std::string_view hexadecimal) {
  std::string text;
  for (std::size_t i = 0; i < hexadecimal.size(); i += 2)
    text += static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16));
  return text;
}

/// What `printf '1 2\n3 4\n' | gzip -n` writes.
std::string two_lines() { return bytes("1f8b0800000000000203335430e2325630e102005700d66108000000"); }
/// The same of '5 6\n'.
std::string one_line() { return bytes("1f8b0800000000000203335530e3020004e935b704000000"); }

using Lines = std::vector<std::string>;

Lines lines_of(std::string_view content, std::size_t block_size = TextFile::usual_block) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "text", content);
  TextFile file(folder / "text", block_size);
  Lines lines;
  while (file.next()) lines.emplace_back(file.line());
  return lines;
}

/// What reading such a file says, without the folder.
std::string complaint(std::string_view content) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "text", content);
  const std::string message = message_of<DataError>([&] {
    TextFile file(folder / "text");
    while (file.next()) {
    }
  });
  REQUIRE(message.starts_with(folder.path().string() + "/"));
  return message.substr(folder.path().string().size() + 1);
}

}  // namespace

TEST_CASE("a gzip file is read, or refused by name where there is no zlib") {
  if constexpr (reads_gzip)
    CHECK(lines_of(two_lines()) == Lines{"1 2", "3 4"});
  else
    CHECK(complaint(two_lines()) == "text: is compressed (gzip): unpack it, or build with zlib");
}

TEST_CASE("other packings are refused by name, text that begins like them is read") {
  CHECK(complaint("PK\x03\x04...") == "text: is compressed (zip): unpack it");
  CHECK(complaint("\x28\xB5\x2F\xFD...") == "text: is compressed (Zstandard): unpack it");
  CHECK(complaint(std::string_view("\xFD\x37zXZ\0...", 9)) == "text: is compressed (xz): unpack it");
  CHECK(complaint("BZh91AY&SY...") == "text: is compressed (bzip2): unpack it");
  for (const char* text : {"", "B", "BZh", "BZh9", "PK", "7z", "\x1F", "\x28\xB5"}) {
    INFO(text);
    CHECK(lines_of(text) == (*text == '\0' ? Lines{} : Lines{text}));
  }
}

TEST_CASE("gzip members follow each other, and the last may be padded", "[gzip]") {
  if constexpr (!reads_gzip) return;
  CHECK(lines_of(two_lines() + one_line()) == Lines{"1 2", "3 4", "5 6"});
  CHECK(lines_of(two_lines() + std::string(600, '\0')) == Lines{"1 2", "3 4"});
  CHECK(lines_of(two_lines() + std::string(70000, '\0') + one_line()) == Lines{"1 2", "3 4", "5 6"});
  CHECK(complaint(two_lines() + "1 2\n") == "text: cannot be unpacked (gzip): something else follows behind its end");

  std::string many;  // more than a block of the packed file, and of the text
  constexpr std::size_t members = 5000;
  for (std::size_t i = 0; i < members; ++i) many += two_lines();
  const Lines lines = lines_of(many, 4096);
  REQUIRE(lines.size() == 2 * members);
  for (std::size_t i = 0; i < lines.size(); ++i) REQUIRE(lines[i] == (i % 2 == 0 ? "1 2" : "3 4"));
}

TEST_CASE("a gzip file gives the same lines however few bytes are read at once") {
  if constexpr (!reads_gzip) return;
  for (std::size_t block = 0; block < 16; ++block)
    CHECK(lines_of(two_lines() + one_line(), block) == Lines{"1 2", "3 4", "5 6"});
}

TEST_CASE("a gzip file that is cut or damaged is no shorter file") {
  if constexpr (!reads_gzip) return;
  const std::string whole = two_lines();
  for (std::size_t size = 2; size < whole.size(); ++size) {
    INFO(size);
    CHECK(complaint(whole.substr(0, size)) == "text: cannot be unpacked (gzip): it ends early");
  }
  std::string damaged = whole;
  damaged[whole.size() - 8] ^= 1;  // the checksum
  CHECK(complaint(damaged) == "text: cannot be unpacked (gzip): incorrect data check");
  damaged = whole;
  damaged[10] = '\xFF';
  CHECK(complaint(damaged) == "text: cannot be unpacked (gzip): invalid block type");
}

TEST_CASE("a packed file says nothing about its length, expected_lines is of the first block") {
  if constexpr (!reads_gzip) return;
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "text", two_lines() + one_line());
  TextFile file(folder / "text");
  CHECK(file.expected_lines() == 4);
  REQUIRE(file.next());
  CHECK(file.line() == "1 2");
}

TEST_CASE("a file beside a data set is found packed, and refused where it is there twice") {
  const seqrec_test::TemporaryDirectory folder;
  CHECK(plain_or_packed(folder / "u.item") == folder / "u.item");
  seqrec_test::write_file(folder / "u.item.gz", two_lines());
  CHECK(plain_or_packed(folder / "u.item") == folder / "u.item.gz");
  seqrec_test::write_file(folder / "u.item", "1 2\n");
  CHECK(message_of<DataError>([&] { static_cast<void>(plain_or_packed(folder / "u.item")); }) ==
        (folder / "u.item").string() + ": is there packed as well (u.item.gz), expected one of the two");
}
