// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/atomic_file.hpp"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::read_file;
using seqrec_test::TemporaryDirectory;
using seqrec_test::write_file;

static_assert(!std::is_copy_constructible_v<AtomicFile> && !std::is_copy_assignable_v<AtomicFile>);

namespace {

/// While it lives, this process can write no file of more than `bytes`: a disk that is full, without filling one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) FAIL("cannot limit the size of files");
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

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
