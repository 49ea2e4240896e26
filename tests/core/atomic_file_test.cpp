// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/atomic_file.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::companions_of;
using seqrec_test::Ending;
using seqrec_test::FileSizeLimit;
using seqrec_test::message_of;
using seqrec_test::read_file;
using seqrec_test::run_and_kill;
using seqrec_test::TemporaryDirectory;
using seqrec_test::write_file;

static_assert(!std::is_copy_constructible_v<AtomicFile> && !std::is_copy_assignable_v<AtomicFile>);

TEST_CASE("a file is written and replaced whole, without leftovers", "[core]") {
  const TemporaryDirectory directory;
  const std::string bytes("line\n\0binary\xFF", 13);
  write_file_atomically(directory / "a.json", bytes);
  CHECK(read_file(directory / "a.json") == bytes);
  write_file_atomically(directory / "a.json", "new");
  CHECK(read_file(directory / "a.json") == "new");
  write_file_atomically(directory / "a.json", "");
  CHECK(read_file(directory / "a.json").empty());
  CHECK(directory.entries() == 1);
}

TEST_CASE("a path without a directory means the current one", "[core]") {
  const TemporaryDirectory directory;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  write_file_atomically("plain", "text");
  std::filesystem::current_path(before);
  CHECK(read_file(directory / "plain") == "text");
}

TEST_CASE("pieces follow one another and are seen only after commit", "[core]") {
  const TemporaryDirectory directory;
  write_file(directory / "m", "old");
  {
    AtomicFile file(directory / "m");
    file.write("one ");
    file.write(std::string(300'000, 'x'));
    file.write(nullptr, 0);
    CHECK(read_file(directory / "m") == "old");
    file.commit();
    CHECK(read_file(directory / "m") == "one " + std::string(300'000, 'x'));
    CHECK_THAT(message_of<DataError>([&] { file.write("more"); }), ContainsSubstring("already closed"));
    CHECK_THROWS_AS(file.commit(), DataError);
  }
  CHECK(read_file(directory / "m").size() == 300'004);
  CHECK(directory.entries() == 1);
}

TEST_CASE("a file that is not committed leaves nothing", "[core]") {
  const TemporaryDirectory directory;
  write_file(directory / "m", "old");
  {
    AtomicFile file(directory / "m");
    file.write("half");
    CHECK(directory.entries() == 2);  // the temporary lies in the same directory, so that it can be renamed
  }
  CHECK(read_file(directory / "m") == "old");
  CHECK(directory.entries() == 1);
}

TEST_CASE("a full disk is an error that leaves the old file and no temporary", "[core][errors]") {
  const TemporaryDirectory directory;
  write_file(directory / "m", "old");
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of<DataError>([&] { write_file_atomically(directory / "m", std::string(5000, 'x')); });
  }
  CHECK(message == (directory / "m").string() + ": cannot be written: writing: File too large");
  CHECK(read_file(directory / "m") == "old");
  CHECK(directory.entries() == 1);
}

TEST_CASE("places that cannot be written are named with the system's reason", "[core][errors]") {
  const TemporaryDirectory directory;
  const auto error_of = [](const std::filesystem::path& path) {
    return message_of<DataError>([&] { write_file_atomically(path, "text"); });
  };
  CHECK(error_of(directory / "absent/m") ==
        (directory / "absent/m").string() +
            ": cannot be written: creating a temporary file beside it: No such file or directory");
  write_file(directory / "file", "");
  CHECK_THAT(error_of(directory / "file/m"), ContainsSubstring("Not a directory"));
  CHECK_THAT(error_of(directory / std::string(300, 'x')), ContainsSubstring("File name too long"));
  CHECK_THAT(error_of(directory / "file/"), ContainsSubstring("Is a directory"));
  CHECK_THAT(error_of(""), ContainsSubstring("cannot be written"));

  std::filesystem::create_directory(directory / "taken");
  CHECK_THAT(error_of(directory / "taken"), ContainsSubstring("renaming the temporary file: Is a directory"));
  CHECK(directory.entries() == 2);
}

TEST_CASE("of writers at the same time one wins, whole", "[core]") {
  const TemporaryDirectory directory;
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c'})
    writers.emplace_back([&directory, letter] {
      for (int round = 0; round < 10; ++round) write_file_atomically(directory / "m", std::string(10'000, letter));
    });
  for (std::thread& writer : writers) writer.join();
  const std::string content = read_file(directory / "m");
  CHECK(content == std::string(10'000, content[0]));
  CHECK(directory.entries() == 1);
}

TEST_CASE("a file gets the permissions that new files get", "[core]") {
  const TemporaryDirectory directory;
  write_file(directory / "plain", "");
  write_file_atomically(directory / "atomic", "");
  CHECK(std::filesystem::status(directory / "atomic").permissions() ==
        std::filesystem::status(directory / "plain").permissions());
}

TEST_CASE("what a killed process left is removed by the next that writes the file", "[core]") {
  const TemporaryDirectory directory;
  write_file(directory / "m", "old");
  const Ending ending = run_and_kill(std::chrono::seconds(10), [&] {
    AtomicFile file(directory / "m");
    file.write("half");
    ::raise(SIGKILL);
  });
  REQUIRE(ending == Ending::killed);
  CHECK(read_file(directory / "m") == "old");
  CHECK(directory.entries() == 2);
  write_file_atomically(directory / "n", "another file");
  CHECK(directory.entries() == 3);
  write_file_atomically(directory / "m", "new");
  CHECK(read_file(directory / "m") == "new");
  CHECK(directory.entries() == 2);
}

TEST_CASE("only leftovers are removed: no file that is being written, none of another name", "[core]") {
  const TemporaryDirectory directory;
  AtomicFile slow(directory / "m");
  slow.write("slow");
  const std::vector<const char*> others = {"m.1-2.tmp.old", "m.tmp",     "m.12.tmp", "m.a-1.tmp",
                                           "m.1-.tmp",      "n.1-2.tmp", "m1-2.tmp", "xm.1-2.tmp"};
  for (const char* const name : others) write_file(directory / name, "");
  std::filesystem::create_directory(directory / "m.3-4.tmp");
  write_file(directory / "m.123-45.tmp", "left by a process that is no more");
  write_file_atomically(directory / "m", "quick");
  CHECK_FALSE(std::filesystem::exists(directory / "m.123-45.tmp"));
  CHECK(directory.entries() == 3 + std::ssize(others));  // m, the directory, and the temporary of `slow`
  slow.commit();
  CHECK(read_file(directory / "m") == "slow");
}

TEST_CASE("a file that is written again and again by processes that are killed is whole at all times", "[core]") {
  const TemporaryDirectory directory;
  const auto path = directory / "results.json";
  const auto content = [](int value) { return "[" + std::string(200'000, static_cast<char>('a' + value % 26)) + "]"; };
  write_file_atomically(path, content(0));
  std::minstd_rand random(1);
  int leftovers = 0, most_microseconds = 4000;
  for (int kill = 0; kill < 150; ++kill) {
    const Ending ending =
        run_and_kill(std::chrono::microseconds(random() % static_cast<unsigned>(most_microseconds)), [&] {
          for (int value = 0;; ++value) write_file_atomically(path, content(value));
        });
    REQUIRE(ending == Ending::killed);
    const std::string found = read_file(path);
    REQUIRE(found.size() == 200'002);
    REQUIRE((found == content(found[1] - 'a')));
    const int left = companions_of(path);
    REQUIRE(left <= 1);  // that of this process; those before it are gone
    leftovers += left;
    if (leftovers == 0) most_microseconds += 500;  // on a slow machine
  }
  CHECK(leftovers > 0);  // some were killed in the middle of it
}
