// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "seqrec/core/compiled.hpp"

namespace seqrec::cpu {

/// A few threads that carry out numbered tasks together. Between rounds they spin, because the next round of a training
/// step is microseconds away; then offer the core to others for as long as the next step may take to come, because it
/// takes longer to wake a thread than a small step takes; and then sleep. (Not OpenMP: its runtimes alarm the thread
/// sanitizer and cost every user a compile flag.)
class ThreadPool {
 public:
  /// @param threads workers including the caller; 0 is one for each core
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() { stop(); }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(0) .. task(count-1), in any order, on any thread, and returns when all are done. What a task throws is
  /// thrown here; of several exceptions the one of the lowest task.
  template <class Task>
  void run(int count, Task&& task) {
    run_all(count, std::ref(task));  // which a std::function holds without memory of its own
  }

 private:
  void run_all(int count, const std::function<void(int)>& task);
  void stop();

  static constexpr int spins_before_yield = 4000;   ///< some ten microseconds
  static constexpr int yields_before_sleep = 1000;  ///< some hundred microseconds, where nobody else wants the core

  void work() {
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) (*task_)(i);
  }

  void serve() {
    std::uint32_t seen = 0;
    while (true) {
      for (int spins = 0; round_.load(std::memory_order_acquire) == seen; ++spins) {
        if (spins > spins_before_yield + yields_before_sleep)
          round_.wait(seen, std::memory_order_acquire);
        else if (spins > spins_before_yield)
          std::this_thread::yield();
      }
      ++seen;
      if (stop_.load(std::memory_order_relaxed)) return;
      work();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  const std::function<void(int)>* task_ = nullptr;
  int count_ = 0;
  std::vector<std::exception_ptr> failures_;
  std::atomic<int> next_{0};
  std::atomic<int> busy_{0};
  std::atomic<std::uint32_t> round_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> workers_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION void ThreadPool::run_all(int count, const std::function<void(int)>& task) {
  failures_.assign(static_cast<std::size_t>(count), nullptr);
  const std::function<void(int)> call = [&](int i) {
    try {
      task(i);
    } catch (...) {
      failures_[static_cast<std::size_t>(i)] = std::current_exception();
    }
  };
  if (workers_.empty() || count == 1) {
    for (int i = 0; i < count; ++i) call(i);
  } else {
    task_ = &call;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    work();
    for (int spins = 0; busy_.load(std::memory_order_acquire) != 0; ++spins)
      if (spins > spins_before_yield) std::this_thread::yield();
  }
  for (const std::exception_ptr& failure : failures_)
    if (failure) std::rethrow_exception(failure);
}

SEQREC_FUNCTION ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = static_cast<int>(std::thread::hardware_concurrency());
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
  } catch (...) {  // the system has no more threads: those that run must not be waited for in vain
    stop();
    throw;
  }
}

SEQREC_FUNCTION void ThreadPool::stop() {
  stop_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  workers_.clear();
}

#endif  // SEQREC_BODIES

}  // namespace seqrec::cpu
