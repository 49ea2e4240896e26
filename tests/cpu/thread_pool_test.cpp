// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using seqrec::cpu::ThreadPool;
using seqrec_test::message_of;

namespace {

const std::vector<int>& thread_counts() {
  static const std::vector<int> counts = {1, 2, 3};
  return counts;
}

}  // namespace

TEST_CASE("a pool has the threads that it is given, or one for each core", "[cpu][threads]") {
  for (const int threads : thread_counts()) CHECK(ThreadPool(threads).threads() == threads);
  CHECK(ThreadPool(0).threads() == std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

TEST_CASE("every task is carried out exactly once before run returns", "[cpu][threads]") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    for (const int count : {0, 1, 2, 3, 7, 100}) {
      CAPTURE(threads, count);
      std::vector<int> calls(static_cast<std::size_t>(count));  // no atomics: run orders the writes before its return
      pool.run(count, [&](int i) { ++calls[static_cast<std::size_t>(i)]; });
      CHECK(calls == std::vector<int>(static_cast<std::size_t>(count), 1));
    }
  }
}

TEST_CASE("rounds follow each other without losing a task", "[cpu][threads]") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    std::vector<long> sums(5);
    for (int round = 0; round < 2000; ++round) pool.run(5, [&](int i) { sums[static_cast<std::size_t>(i)] += round; });
    CHECK(sums == std::vector<long>(5, 1999 * 2000 / 2));
  }
}

TEST_CASE("a pool whose threads have gone to sleep wakes up", "[cpu][threads]") {
  ThreadPool pool(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> calls = 0;
    pool.run(10, [&](int) { ++calls; });
    CHECK(calls == 10);
  }
}

TEST_CASE("a pool that waits for work uses no processor", "[cpu][threads]") {
  ThreadPool pool(3);
  pool.run(3, [](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::clock_t before = std::clock();  // of all threads of the process
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC < 0.05);
}

TEST_CASE("tasks run on several threads, and on one pool's threads only", "[cpu][threads]") {
  ThreadPool pool(2);
  std::atomic<int> arrived = 0;
  std::vector<std::thread::id> ids(2);
  pool.run(2, [&](int i) {
    ids[static_cast<std::size_t>(i)] = std::this_thread::get_id();
    ++arrived;
    while (arrived < 2) std::this_thread::yield();  // returns only if both tasks run at once
  });
  CHECK(ids[0] != ids[1]);
  CHECK(std::count(ids.begin(), ids.end(), std::this_thread::get_id()) == 1);  // the caller works too
}

TEST_CASE("what a task throws is thrown by run; of several the lowest task's", "[cpu][threads]") {
  for (const int threads : thread_counts()) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      std::vector<int> calls(30);
      const auto message = message_of<std::runtime_error>([&] {
        pool.run(30, [&](int i) {
          ++calls[static_cast<std::size_t>(i)];
          if (i >= 11 && i % 3 == 2) throw std::runtime_error("task " + std::to_string(i));
        });
      });
      CHECK(message == "task 11");
      CHECK(calls == std::vector<int>(30, 1));  // the other tasks are carried out all the same
    }
    CHECK_THROWS_AS(pool.run(1, [](int) { throw std::logic_error("alone"); }), std::logic_error);
    int calls = 0;
    pool.run(1, [&](int) { ++calls; });  // and the pool still works
    CHECK(calls == 1);
  }
}

TEST_CASE("a pool ends while its threads spin, sleep or have never worked", "[cpu][threads]") {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(3);
    if (i % 3 == 1) pool.run(3, [](int) {});
    if (i % 10 == 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  SUCCEED("no pool hung");
}
