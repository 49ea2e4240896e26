// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/load.hpp"

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "seqrec/data/split.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::write_file;

namespace {

/// A folder of a known name within a temporary one.
struct Folder {
  seqrec_test::TemporaryDirectory parent;
  std::filesystem::path path = parent / "films";
  Folder() { std::filesystem::create_directory(path); }
  const Folder& add(const char* name, std::string_view text) const {
    write_file(path / name, text);
    return *this;
  }
};

const char* const u_data = "1\t2\t3\t4\n";

}  // namespace

TEST_CASE("a folder's format is recognised and the folder names the data") {
  const Folder movielens;
  movielens.add("u.data", u_data).add("u.info", "943 users\n").add("README", "1 2\n").add("notes.txt", "some notes\n");
  CHECK(load_dataset(movielens.path).name == "films");
  CHECK(load_dataset(movielens.path).times.size() == 1);
  CHECK(load_dataset(movielens.path / "").name == "films");
  CHECK(load_dataset(movielens.path / ".").name == "films");
  CHECK(load_dataset(movielens.path / "u.data").name == "films");

  const Folder sequences;
  sequences.add("events.txt", "1 2\n1 3\n")
      .add("item_ids.txt", "1 1\n")
      .add("user_ids.txt", "1 1\n")
      .add("a.txt", "a\n");
  CHECK(load_dataset(sequences.path).name == "films");
  CHECK(load_dataset(sequences.path).num_interactions() == 2);
  CHECK(load_dataset(sequences.path / "events.txt").name == "events");

  sequences.add("films.txt", "1 2\n");  // the folder's namesake wins
  CHECK(load_dataset(sequences.path).num_interactions() == 1);
}

TEST_CASE("a path that holds no data set, or two, is refused with what was looked for") {
  const auto complaint = [](const std::filesystem::path& path) {
    return message_of<DataError>([&] { load_dataset(path); });
  };
  const Folder folder;
  CHECK_THAT(complaint(folder.path / "nothing"), ContainsSubstring("films/nothing: there is no such file or folder"));
  CHECK_THAT(complaint(folder.path),
             ContainsSubstring("films: unknown format, looked for u.data (MovieLens 100K), *.txt ('user item' pairs)"));
  folder.add("data.xyz", "1 2\n").add("item_ids.txt", "1 1\n").add("three.txt", "1 2 3\n").add("empty.txt", "");
  CHECK_THAT(complaint(folder.path), ContainsSubstring("unknown format"));
  CHECK_THAT(complaint(folder.path / "data.xyz"),
             ContainsSubstring("data.xyz: unknown format, expected one of u.data (MovieLens 100K)"));
  folder.add("a.txt", "1 2\n").add("b.txt", "1 2\n");
  CHECK_THAT(complaint(folder.path), ContainsSubstring("more than one data set (a.txt, b.txt), expected one"));

  const Folder both;
  both.add("u.data", u_data).add("films.txt", "1 2\n");
  CHECK_THAT(complaint(both.path), ContainsSubstring("more than one data set (u.data, films.txt)"));
}

TEST_CASE("a recognised file that is wrong is named with its line") {
  const Folder folder;
  folder.add("films.txt", "1 2 3\n");
  CHECK_THAT(message_of<DataError>([&] { load_dataset(folder.path); }), ContainsSubstring("films.txt:1: line '1 2 3'"));
  std::filesystem::remove(folder.path / "films.txt");
  std::filesystem::create_directory(folder.path / "u.data");
  CHECK_THAT(message_of<DataError>([&] { load_dataset(folder.path); }),
             ContainsSubstring("u.data: expected a regular file"));
}

TEST_CASE("the real MovieLens data are what they are known to be") {
  const char* folder = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): one thread
  if (folder == nullptr) {
    WARN("skipped: SEQREC_DATA is not set");
    return;
  }
  const auto exists = [&](const char* name) {
    const bool there = std::filesystem::exists(std::filesystem::path(folder) / name);
    if (!there) WARN("skipped: SEQREC_DATA has no " << name);
    return there;
  };
  if (exists("ml-100k")) {
    const Dataset data = load_dataset(std::filesystem::path(folder) / "ml-100k");
    CHECK(describe(data) == "ml-100k: 943 users, 1682 items, 100000 interactions, hash 0b82934b987b9d81");
    CHECK(data.titles.at(0) == "Toy Story (1995)");
    CHECK(data.titles.at(542) == "Mis\xC3\xA9rables, Les (1995)");
    index_t tied = 0;
    for (std::size_t user = 0; user + 1 < data.offsets.size(); ++user) {
      const std::int64_t* end = data.times.data() + data.offsets[user + 1];
      tied += end[-1] == end[-2];
    }
    CHECK(tied == 415);  // why ties are broken by row
    const Split split = leave_one_out(data);
    CHECK(split.test.size() == 943);
    CHECK(split.hash() == "98e7209bd5988f7b");
  }
  if (exists("ml-1m")) {
    const Dataset data = load_dataset(std::filesystem::path(folder) / "ml-1m");
    CHECK(describe(data) == "ml-1m: 6040 users, 3416 items, 999601 interactions, hash 318d530ef8f8567b");
    CHECK(data.titles.at(0) == "Raiders of the Lost Ark (1981)");
    CHECK(leave_one_out(data).hash() == "5d6563385c9bbbcf");
  }
}
