// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/atomic_folder.hpp"

#include <chrono>
#include <filesystem>
#include <string>

#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// A folder of three files that say the same.
void write_generation(const std::filesystem::path& path, const std::string& generation) {
  AtomicFolder folder(path);
  for (const char* name : {"a", "b", "c"}) write_file(folder.temporary() / name, generation);
  folder.commit();
}

/// What the files say, if it is the same.
std::string generation_of(const std::filesystem::path& path) {
  std::string a = read_file(path / "a");
  CHECK(read_file(path / "b") == a);
  CHECK(read_file(path / "c") == a);
  return a;
}

}  // namespace

TEST_CASE("a folder appears whole, and replaces an older one whole") {
  const TemporaryDirectory directory;
  const auto path = directory / "model";
  write_generation(path, "1");
  CHECK(generation_of(path) == "1");
  write_file(path / "d", "only in the first");
  write_generation(path / "", "2");  // "model/"
  CHECK(generation_of(path) == "2");
  CHECK_FALSE(std::filesystem::exists(path / "d"));
  CHECK(directory.entries() == 1);
}

TEST_CASE("a folder that is given up leaves the old one and nothing beside") {
  const TemporaryDirectory directory;
  const auto path = directory / "model";
  write_generation(path, "1");
  {
    AtomicFolder folder(path);
    write_file(folder.temporary() / "a", "2");
    CHECK(directory.entries() == 2);
  }
  CHECK(generation_of(path) == "1");
  CHECK(directory.entries() == 1);
}

TEST_CASE("a folder that cannot be written is named") {
  const TemporaryDirectory directory;
  CHECK_THAT(message_of<DataError>([&] { AtomicFolder(directory / "no" / "model"); }),
             ContainsSubstring("model: cannot be written: making a temporary folder beside it: No such file"));
  write_file(directory / "file", "x");
  CHECK_THAT(message_of<DataError>([&] { write_generation(directory / "file", "1"); }),
             ContainsSubstring("file: cannot be written: renaming the temporary folder"));
  CHECK(read_file(directory / "file") == "x");
  CHECK(directory.entries() == 1);
}

TEST_CASE("who is killed while writing leaves one generation or the other, and leftovers go with the next") {
  const TemporaryDirectory directory;
  const auto path = directory / "model";
  write_generation(path, "0");
  int killed = 0;
  for (int round = 0; round < 20; ++round) {
    killed += run_and_kill(std::chrono::microseconds(300 + 700 * round), [&] {
                for (int i = 1;; ++i) write_generation(path, std::to_string(i));
              }) == Ending::killed;
    CHECK(!generation_of(path).empty());
  }
  CHECK(killed == 20);
  write_generation(path, "last");
  CHECK(generation_of(path) == "last");
  CHECK(directory.entries() == 1);
}

TEST_CASE("two who write at the same time do not disturb each other") {
  const TemporaryDirectory directory;
  const auto path = directory / "model";
  AtomicFolder first(path), second(path);
  for (const char* name : {"a", "b", "c"}) {
    write_file(first.temporary() / name, "first");
    write_file(second.temporary() / name, "second");
  }
  second.commit();
  CHECK(generation_of(path) == "second");
  first.commit();
  CHECK(generation_of(path) == "first");
  CHECK(directory.entries() == 1);
}
