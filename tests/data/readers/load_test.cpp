// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/load.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/gzip.hpp"
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

TEST_CASE("every format is found in its folder") {
  const auto interactions = [](const char* name, const char* text) {
    const Folder folder;
    return load_dataset(folder.add(name, text).path).num_interactions();
  };
  CHECK(interactions("u.data", u_data) == 1);
  CHECK(interactions("ratings.dat", "1::2::3::4\n1::3::3.5::4\n") == 2);
  CHECK(interactions("ratings.csv", "userId,movieId,rating,timestamp\n1,2,3,4\n") == 1);
  CHECK(interactions("other.inter", "user_id:token\titem_id:token\na\tb\n") == 1);
  CHECK(interactions("other.csv", "user,item\na,b\n") == 1);
  CHECK(interactions("other.tsv", "user\titem\na\tb\n") == 1);
  CHECK(interactions("other.txt", "1 2\n") == 1);
  // MovieLens 1M's own folder, with its other files.
  const Folder whole;
  whole.add("ratings.dat", "1::2::3::4\n").add("movies.dat", "2::Heat (1995)::Action\n").add("README", "1 2\n");
  CHECK(load_dataset(whole.path).titles == std::vector<std::string>{"Heat (1995)"});
}

TEST_CASE("packed files are found and read as they would be unpacked") {
  using seqrec_test::gzip;
  const Folder folder;
  folder.add("u.data.gz", gzip(u_data)).add("u.item.gz", gzip("2|A film (1995)|||" + std::string(19, '|') + "\n"));
  if (!reads_gzip) {
    CHECK_THAT(message_of<DataError>([&] { load_dataset(folder.path); }),
               ContainsSubstring("u.data.gz: is compressed"));
    return;
  }
  // The profile is read: it is wrong, which the message says with the packed file's name.
  CHECK_THAT(message_of<DataError>([&] { load_dataset(folder.path); }),
             ContainsSubstring((folder.path / "u.item.gz").string() + ":1: genre is ''"));
  std::filesystem::remove(folder.path / "u.item.gz");
  CHECK(load_dataset(folder.path).name == "films");
  CHECK(load_dataset(folder.path / "u.data.gz").num_interactions() == 1);
  CHECK(load_dataset(folder.path / "u.data.gz").name == "films");
  folder.add("u.data", u_data);
  CHECK_THAT(message_of<DataError>([&] { load_dataset(folder.path); }),
             ContainsSubstring("holds more than one data set (u.data, u.data.gz)"));

  const auto loaded = [](const char* name, const char* text) {
    const Folder one;
    return load_dataset(one.add(name, gzip(text)).path);
  };
  CHECK(loaded("ratings.dat.gz", "1::2::3::4\n").name == "films");
  CHECK(loaded("ratings.csv.gz", "userId,movieId,rating,timestamp\n1,2,3,4\n").times.size() == 1);
  CHECK(loaded("mine.csv.gz", "user,item\na,b\na,c\n").num_items() == 2);
  CHECK(loaded("x.inter.gz", "user_id:token\titem_id:token\na\tb\n").num_interactions() == 1);
  CHECK(loaded("pairs.txt.gz", "1 2\n1 3\n").num_interactions() == 2);
}

TEST_CASE("tables beside a data set are not taken for one") {
  const Folder movielens;
  movielens.add("ratings.csv", "userId,movieId,rating,timestamp\n1,2,3,4\n")
      .add("tags.csv", "userId,movieId,tag,timestamp\n1,2,fun,4\n1,2,sad,5\n")
      .add("links.csv", "movieId,imdbId\n2,3\n");
  CHECK(load_dataset(movielens.path).num_interactions() == 1);
  const Folder own;
  own.add("prices.csv", "item_id,price\n1,2\n").add("events.csv", "\"user_id\";\"item_id\"\na;b\nc;d\n");
  CHECK(load_dataset(own.path).num_interactions() == 2);
  CHECK(load_dataset(own.path / "events.csv").name == "events");
}

TEST_CASE("options reach the reader") {
  const Folder folder;
  folder.add("any.csv", "\"who\",what,when\n1,2,20\n1,3,10\n");
  const ReadOptions options{.user_column = "who", .item_column = "what", .time_column = "when"};
  CHECK(load_dataset(folder.path, options).items == std::vector<item_t>{1, 0});
  CHECK_THROWS_AS(load_dataset(folder.path), DataError);
}

TEST_CASE("a path that holds no data set, or two, is refused with what was looked for") {
  const auto complaint = [](const std::filesystem::path& path) {
    return message_of<DataError>([&] { load_dataset(path); });
  };
  const Folder folder;
  CHECK_THAT(complaint(folder.path / "nothing"), ContainsSubstring("films/nothing: there is no such file or folder"));
  CHECK_THAT(
      complaint(folder.path),
      ContainsSubstring("films: unknown format, looked for u.data (MovieLens 100K), ratings.dat (MovieLens 1M and "
                        "10M), ratings.csv (MovieLens 20M, 25M, 32M, latest), *.inter (RecBole atomic files), "
                        "*.csv (named columns), *.tsv (named columns), *.txt ('user item' pairs)"));
  folder.add("data.xyz", "1 2\n").add("item_ids.txt", "1 1\n").add("three.txt", "1 2 3\n").add("empty.txt", "");
  CHECK_THAT(complaint(folder.path), ContainsSubstring("unknown format"));
  CHECK_THAT(complaint(folder.path / "data.xyz"),
             ContainsSubstring("data.xyz: unknown format, expected one of u.data (MovieLens 100K)"));
  folder.add("a.txt", "1 2\n").add("b.txt", "1 2\n");
  CHECK_THAT(complaint(folder.path), ContainsSubstring("more than one data set (a.txt, b.txt), expected one"));

  const Folder both;
  both.add("u.data", u_data).add("films.txt", "1 2\n");
  CHECK_THAT(complaint(both.path), ContainsSubstring("more than one data set (u.data, films.txt)"));
  both.add("ratings.csv", "");
  CHECK_THAT(complaint(both.path), ContainsSubstring("more than one data set (u.data, ratings.csv, films.txt)"));

  const Folder parts;
  parts.add("train.inter", "user_id:token\titem_id:token\n").add("test.inter", "user_id:token\titem_id:token\n");
  CHECK_THAT(complaint(parts.path), ContainsSubstring("more than one data set (test.inter, train.inter)"));
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
