// SPDX-License-Identifier: Apache-2.0
// A full disk, and processes that are killed while they save: the checkpoint that was there before is whole.
#include <chrono>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::Ending, seqrec_test::weights_of;
using Model = AvgPool<cpu::Context>;

namespace {

/// A model of some hundred kilobytes that follows from a number, which its options hold too.
Model model_of(std::uint64_t seed) { return Model({.items = 2000, .width = 16, .seed = seed}); }

}  // namespace

TEST_CASE("a disk that is full at any byte of a checkpoint leaves the one that was there", "[io][errors]") {
  const seqrec_test::TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  const Model old = model_of(1), replacement = model_of(2);
  save(path, replacement);
  const std::uint64_t size = seqrec_test::read_file(path).size();
  save(path, old);
  const std::string bytes = seqrec_test::read_file(path);
  for (std::uint64_t limit = 0; limit < size; limit += size / 23) {
    CAPTURE(limit);
    const seqrec_test::FileSizeLimit full(limit);
    CHECK_THAT(seqrec_test::message_of<DataError>([&] { save(path, replacement); }),
               ContainsSubstring("model.safetensors: cannot be written: writing: File too large"));
    CHECK((seqrec_test::read_file(path) == bytes));
    CHECK(directory.entries() == 1);
  }
  CHECK(load<Model>(path).options().seed == 1);
}

TEST_CASE("a checkpoint that killed processes save again and again loads at all times", "[io]") {
  const seqrec_test::TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  std::vector<Model> models;
  for (std::uint64_t seed = 0; seed < 5; ++seed) models.push_back(model_of(seed));
  save(path, models.front());
  std::minstd_rand random(2);
  std::set<std::uint64_t> seen;
  int leftovers = 0, most_microseconds = 4000;
  for (int kill = 0; kill < 150; ++kill) {
    const Ending ending =
        seqrec_test::run_and_kill(std::chrono::microseconds(random() % static_cast<unsigned>(most_microseconds)), [&] {
          for (std::size_t next = seen.size();; ++next) save(path, models[next % models.size()]);
        });
    REQUIRE(ending == Ending::killed);
    const Model found = load<Model>(path);
    REQUIRE((weights_of(found) == weights_of(models.at(found.options().seed))));
    seen.insert(found.options().seed);
    const int left = seqrec_test::companions_of(path);
    REQUIRE(left <= 1);
    leftovers += left;
    if (leftovers == 0 || seen.size() < models.size()) most_microseconds += 500;  // on a slow machine
  }
  CHECK(seen.size() == models.size());
  CHECK(leftovers > 0);  // some were killed in the middle of it
  save(path, models.front());
  CHECK(directory.entries() == 1);
}
