// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <thread>
#include <utility>

#include "seqrec/cuda/check.cuh"

namespace seqrec {

/// Two host threads use one context at the same time. (They may take turns.)
struct ContextInUseError : CudaError {
  using CudaError::CudaError;
};

namespace cuda {

class ContextUser;

/// A thread's use of a context, until its end. Uses of one thread may overlap.
class ContextUse {
 public:
  explicit ContextUse(ContextUser& user);
  ContextUse(ContextUse&& other) noexcept : user_(std::exchange(other.user_, nullptr)) {}
  ContextUse& operator=(ContextUse&&) = delete;
  ~ContextUse();

 private:
  ContextUser* user_;
};

/// The thread that works with a context, if one does. Costs a comparison where it does already.
class ContextUser {
 private:
  friend class ContextUse;

  void begin() {
    const std::thread::id me = std::this_thread::get_id();
    if (thread_.load(std::memory_order_relaxed) != me) {
      std::thread::id nobody;  // acquire and release: who comes next sees what the one before has done
      if (!thread_.compare_exchange_strong(nobody, me, std::memory_order_acquire))
        throw ContextInUseError(
            "a cuda::Context is used by two threads at once, expected one at a time: give each a context of its own, "
            "or let the second wait until the first has ended its tapes and its team's calls");
    }
    ++uses_;
  }
  void end() noexcept {
    if (--uses_ == 0) thread_.store({}, std::memory_order_release);
  }

  std::atomic<std::thread::id> thread_{};
  int uses_ = 0;  ///< of that thread
};

inline ContextUse::ContextUse(ContextUser& user) : user_(&user) { user_->begin(); }
inline ContextUse::~ContextUse() {
  if (user_ != nullptr) user_->end();
}

}  // namespace cuda
}  // namespace seqrec
