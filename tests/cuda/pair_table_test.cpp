// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/pair_table.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "support/candidate_lists.hpp"

namespace {

using namespace seqrec;
using namespace seqrec_test;

template <class T>
std::vector<index_t> on_host(VectorView<T, DeviceSpace> view) {
  std::vector<T> values(static_cast<std::size_t>(view.size()));
  Memory<DeviceSpace>::copy_to_host(values.data(), view.data, values.size() * sizeof(T));
  return {values.begin(), values.end()};
}

void check_pairs(const CandidateLists& lists) {
  const PlacedCandidates<DeviceSpace> placed_lists(lists);
  cuda::BasicContext<double> context;
  const auto pairs = cuda::pair_table(context, placed_lists.histories(), placed_lists.view());
  context.synchronize();
  std::vector<index_t> first_pair = {0}, candidate, key;
  for (index_t c = 0; c < lists.size(); ++c) first_pair.push_back(first_pair.back() + lists.seen(c));
  lists.for_each_pair([&](index_t c, index_t row) {
    candidate.push_back(c);
    key.push_back(row);
  });
  CHECK(on_host(pairs.first_pair) == first_pair);
  CHECK(on_host(pairs.candidate) == candidate);
  CHECK(on_host(pairs.key) == key);
}

}  // namespace

TEST_CASE("pairs are listed candidate by candidate, oldest row first", "[cuda]") {
  for (const index_t window : {1, 7, 1000}) check_pairs(random_candidates({20, 3, 33, 0, 1}, 5, window, 7));
  check_pairs({{4}, {0}, {}});
}

TEST_CASE("more candidates than a block lists", "[cuda]") {
  constexpr index_t block = cuda::counting_threads;
  CandidateLists lists{{3, 2}, {block - 1, block + 70}, std::vector<offset_t>(2 * block + 69, 2)};
  lists.visible.front() = 0;
  lists.visible[block - 2] = 3;
  check_pairs(lists);
}
