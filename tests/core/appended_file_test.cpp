// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/appended_file.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::read_file;
using seqrec_test::TemporaryDirectory;

TEST_CASE("bytes are appended behind those that count, and what else was there is gone", "[core]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log";
  append_to_file(path, 0, "one ");
  CHECK(read_file(path) == "one ");
  append_to_file(path, 4, std::string("t\0o", 3));
  CHECK(read_file(path) == std::string("one t\0o", 7));
  append_to_file(path, 4, "2");
  CHECK(read_file(path) == "one 2");
  append_to_file(path, 4, "");
  CHECK(read_file(path) == "one ");
  append_to_file(path, 0, "begun anew");
  CHECK(read_file(path) == "begun anew");
  CHECK(directory.entries() == 1);
}

TEST_CASE("a file that lacks what should count is an error that changes nothing", "[core][errors]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log";
  CHECK(message_of<DataError>([&] { append_to_file(path, 1, "x"); }) ==
        path.string() + ": cannot be written: opening it: No such file or directory");
  CHECK(directory.entries() == 0);
  append_to_file(path, 0, "one");
  CHECK(message_of<DataError>([&] { append_to_file(path, 4, "x"); }) ==
        path.string() + ": cannot be written: appending: it has 3 bytes, expected at least 4");
  CHECK(read_file(path) == "one");
  CHECK_THAT(message_of<DataError>([&] { append_to_file(directory / "absent/log", 0, "x"); }),
             ContainsSubstring("absent/log: cannot be written: opening it: No such file"));
}

TEST_CASE("a full disk leaves what counts", "[core][errors]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log";
  append_to_file(path, 0, std::string(1000, 'a'));
  {
    const seqrec_test::FileSizeLimit limit(1500);
    CHECK(message_of<DataError>([&] { append_to_file(path, 1000, std::string(1000, 'b')); }) ==
          path.string() + ": cannot be written: appending: File too large");
  }
  CHECK(read_file(path).substr(0, 1000) == std::string(1000, 'a'));
  append_to_file(path, 1000, "end");
  CHECK(read_file(path) == std::string(1000, 'a') + "end");
}
