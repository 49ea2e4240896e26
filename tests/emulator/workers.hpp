// SPDX-License-Identifier: Apache-2.0
// System threads that wait for work: a launch that spreads its blocks must not start threads of its own each time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace emulator {

class Workers {
 public:
  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    wake_.notify_all();
  }

  /// Calls work() on `threads` system threads at once, this one among them, and waits for all. While another thread
  /// does the same, on this one alone. `work` must not let an exception escape.
  void run(unsigned threads, const std::function<void()>& work) {
    const std::unique_lock turn(turn_, std::try_to_lock);
    if (threads <= 1 || !turn.owns_lock()) return work();
    {
      const std::lock_guard lock(mutex_);
      while (threads_.size() + 1 < threads) threads_.emplace_back([this] { live(); });
      work_ = &work;
      wanted_ = unfinished_ = threads - 1;
    }
    wake_.notify_all();
    work();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return unfinished_ == 0; });
  }

 private:
  void live() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ends_ || wanted_ > 0; });
      if (ends_) return;
      --wanted_;
      const std::function<void()>& work = *work_;
      lock.unlock();
      work();
      lock.lock();
      if (--unfinished_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_;  ///< held by who has the workers
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void()>* work_ = nullptr;
  unsigned wanted_ = 0;      ///< how many more are to begin
  unsigned unfinished_ = 0;  ///< how many have not ended
  bool ends_ = false;
  std::vector<std::jthread> threads_;  // last: they end before what they use does
};

inline Workers& workers() {
  static Workers all;
  return all;
}

}  // namespace emulator
