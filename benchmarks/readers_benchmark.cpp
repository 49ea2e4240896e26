// SPDX-License-Identifier: Apache-2.0
// Reading a data set in each format, beside std::ifstream and >>. A made-up file of L lines in a temporary folder; rows
// are lines. What is timed is all of reading: columns checked, users and items numbered, events in order; the baseline
// only collects the columns.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "harness.hpp"
#include "seqrec/data/readers/load.hpp"

namespace {

using namespace benchmarks;

/// How a format's lines look.
struct Layout {
  const char* file_name;
  const char* header;
  const char* between;
  bool has_times;
};

constexpr Layout layouts[] = {
    {"u.data", "", "\t", true},
    {"ratings.dat", "", "::", true},
    {"ratings.csv", "userId,movieId,rating,timestamp\n", ",", true},
    {"films.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n", "\t", true},
    {"films.txt", "", " ", false}};

/// A folder with one file, removed at the end.
class File {
 public:
  File(const Layout& layout, index_t lines) {
    std::string folder = (std::filesystem::temp_directory_path() / "seqrec-benchmark-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot create " + folder);
    folder_ = folder;
    path_ = folder_ / layout.file_name;
    std::ofstream file(path_, std::ios::binary);
    file << layout.header;
    seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, 0);
    for (index_t line = 0; line < lines; ++line) {  // each user's lines together, as in most sources
      file << 1 + line / 166 << layout.between << 1 + random.below(movielens_1m::items);
      if (layout.has_times)
        file << layout.between << 1 + random.below(5) << layout.between << 956'703'932 + random.below(90'000'000);
      file << '\n';
    }
    if (!file.flush()) throw std::runtime_error("cannot write " + path_.string());
  }
  File(const File&) = delete;
  ~File() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path folder_, path_;
};

void read_dataset(benchmark::State& state, const Layout& layout) {
  const File file(layout, state.range(0));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(seqrec::load_dataset(file.path()));
  report(state, {static_cast<double>(state.range(0)), 0});
}

void read_columns(benchmark::State& state, const Layout& layout) {
  const File file(layout, state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    std::ifstream stream(file.path());
    std::vector<std::int64_t> users, items, times;
    std::int64_t user = 0, item = 0, time = 0;
    double rating = 0;
    while (stream >> user >> item && (!layout.has_times || stream >> rating >> time)) {
      users.push_back(user);
      items.push_back(item);
      times.push_back(time);
    }
    if (std::ssize(users) != state.range(0)) return state.SkipWithError("the baseline did not read every line");
    benchmark::DoNotOptimize(times.data());
  }
  report(state, {static_cast<double>(state.range(0)), 0});
}

bool add(const char* name, void (*run)(benchmark::State&, const Layout&), const Layout& layout) {
  benchmark::RegisterBenchmark((std::string(name) + layout.file_name).c_str(), run, layout)
      ->ArgName("L")
      ->Arg(200'000)
      ->Unit(benchmark::kMillisecond);
  return true;
}

const bool registered = [] {
  for (const Layout& layout : layouts) add("load_dataset/cpu/", read_dataset, layout);
  return add("load_dataset/ifstream/", read_columns, layouts[0]) &&
         add("load_dataset/ifstream/", read_columns, layouts[4]);  // whose columns >> can tell apart
}();

}  // namespace
