// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/data/dataset.hpp"

// What the series of scaling.cpp share: data of any size, a clock and a look at the process's memory.

namespace scaling {

using seqrec::index_t;
using seqrec::item_t;

/// Histories as long as Amazon's (5 and a geometric number more, mean 8.9) of random items.
inline seqrec::Dataset amazon_like(index_t users, index_t items) {
  seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, 1);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(std::max(users, items)));
  std::iota(numbers.begin(), numbers.end(), 0);
  seqrec::Dataset data;
  data.name = "amazon-like";
  data.user_ids = seqrec::Vocabulary(std::span(numbers).first(static_cast<std::size_t>(users)));
  data.item_ids = seqrec::Vocabulary(std::span(numbers).first(static_cast<std::size_t>(items)));
  for (index_t user = 0; user < users; ++user) {
    const double more = std::log(1 - random.uniform()) / std::log(1 - 1 / 4.9);
    for (index_t event = 0; event < 5 + static_cast<index_t>(more); ++event)
      data.items.push_back(static_cast<item_t>(random.below(static_cast<std::uint32_t>(items))));
    data.offsets.push_back(std::ssize(data.items));
  }
  return data;
}

/// Bytes of memory that the process has now.   @throws seqrec::DataError where the system does not say
inline double resident_bytes() {
  std::ifstream statistics("/proc/self/statm");
  double pages = 0, resident = 0;
  if (!(statistics >> pages >> resident))
    throw seqrec::DataError("/proc/self/statm: expected the pages of this process");
  return 4096 * resident;
}

/// Milliseconds of the calls: the median, and the fastest, which suffers least from other programs.
struct Times {
  double median, fastest;
};
template <class Call>
Times time_calls(int calls, Call&& call) {
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(i);
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    times.push_back(elapsed.count());
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

/// One curve: points of named columns.
struct Series {
  std::string name, title;
  std::vector<std::string> columns;
  std::vector<std::vector<double>> points;
};

}  // namespace scaling
