// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/share_work.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("every piece is done once, by whatever number of threads") {
  const int threads = GENERATE(0, 1, 2, 3, 7, 100);
  for (const index_t count : {0, 1, 5, 64}) {
    std::vector<int> done(static_cast<std::size_t>(count), 0);
    share_work(count, threads, [&](index_t first, index_t last) {
      for (index_t i = first; i < last; ++i) ++done[static_cast<std::size_t>(i)];
    });
    for (const int times : done) CHECK(times == 1);
  }
}

TEST_CASE("the first run that throws is heard, after all have ended") {
  std::atomic<int> ended{0};
  const std::string message = seqrec_test::message_of<std::runtime_error>([&] {
    share_work(4, 4, [&](index_t first, index_t) {
      ++ended;
      if (first >= 1) throw std::runtime_error("piece " + std::to_string(first));
    });
  });
  CHECK(message == "piece 1");
  CHECK(ended == 4);
}
