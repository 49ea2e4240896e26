// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Shares pieces 0 .. count-1 among threads: each takes a run of them. Who calls takes the first, so that one thread
/// starts none. What a piece writes must be its own.
///
/// @param threads  0 is one for each core   @param work  work(first, last) does pieces first .. last-1
/// @throws what the first run that throws throws, when all have ended
template <class Work>
void share_work(index_t count, int threads, Work&& work) {
  const index_t cores = std::max<index_t>(1, static_cast<index_t>(std::thread::hardware_concurrency()));
  const index_t runs = std::clamp<index_t>(threads > 0 ? threads : cores, 1, std::max<index_t>(count, 1));
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(runs));
  const auto run = [&](index_t i) {
    try {
      work(count * i / runs, count * (i + 1) / runs);
    } catch (...) {
      errors[static_cast<std::size_t>(i)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (index_t i = 1; i < runs; ++i) helpers.emplace_back(run, i);
    run(0);
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace seqrec
