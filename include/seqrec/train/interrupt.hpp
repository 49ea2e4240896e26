// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <array>
#include <atomic>
#include <cstddef>

namespace seqrec {

/// While it lives, Ctrl-C (SIGINT) and SIGTERM ask politely: the first sets a flag, on which a Trainer finishes its
/// step, saves its state and returns; the second of a kind ends the process as usual. A signal that the process was
/// told to ignore stays ignored. What handled signals before does so again afterwards. POSIX; one at a time.
///
///     InterruptGuard interrupt;
///     Trainer({.state = "run.state", .stop = &interrupt.requested()}).fit(model, split, objective);
class InterruptGuard {
 public:
  InterruptGuard() {
    flag_ = false;
    struct sigaction action {};
    action.sa_handler = [](int) { flag_.store(true, std::memory_order_relaxed); };
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    for (std::size_t i = 0; i < signals.size(); ++i) {
      ::sigaction(signals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(signals[i], &action, nullptr);
    }
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard() {
    for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
  }

  /// Whether a signal has come; may be asked from any thread.
  const std::atomic<bool>& requested() const { return flag_; }

 private:
  static constexpr std::array<int, 2> signals = {SIGINT, SIGTERM};
  static_assert(std::atomic<bool>::is_always_lock_free, "seqrec: a signal handler may write lock-free atomics only");

  inline static std::atomic<bool> flag_ = false;
  std::array<struct sigaction, 2> before_{};
};

}  // namespace seqrec
