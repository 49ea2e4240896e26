// SPDX-License-Identifier: Apache-2.0
// One CUDA thread: a function on a stack of its own that is kept and used again, and that tells the sanitizers when the
// stack changes.
#pragma once

#include <cstddef>
#include <cstdlib>

#include "emulator/stack.hpp"

#if defined(SEQREC_EMULATOR_WATCHED)  // compiled with a sanitizer's calls, but without a sanitizer
#elif defined(__SANITIZE_ADDRESS__)
#define SEQREC_EMULATOR_ASAN
#elif defined(__SANITIZE_THREAD__)
#define SEQREC_EMULATOR_TSAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEQREC_EMULATOR_ASAN
#elif __has_feature(thread_sanitizer)
#define SEQREC_EMULATOR_TSAN
#endif
#endif

#ifdef SEQREC_EMULATOR_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SEQREC_EMULATOR_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace emulator {

// Sanitizers make frames several times larger.
#if defined(SEQREC_EMULATOR_ASAN) || defined(SEQREC_EMULATOR_TSAN)
inline constexpr std::size_t stack_bytes = 256 << 10;
#else
inline constexpr std::size_t stack_bytes = 64 << 10;
#endif

/// A function with a stack of its own, entered and left at will. `start` says what to run, `resume` runs it until it
/// calls `suspend` or ends; then the fiber can be started again: its stack (with a guard page) is made only once.
///
/// The running side of a fiber never moves to another system thread; between two runs the object may.
class Fiber {
 public:
  /// What a fiber runs. It must not let an exception escape.
  struct Task {
    virtual void run() = 0;
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

   protected:
    ~Task() = default;
  };

  /// @param number  of the fiber among those in use at once
  explicit Fiber(std::size_t number) : stack_(stack_bytes, number), inside_(fresh_stack<enter>(stack_)) {}
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Lets the stack's first function return, so that nothing on it is torn down by force.
  ~Fiber() {
    task_ = nullptr;
    resume();
  }

  /// What the next `resume` begins. The fiber must have ended what it ran before.
  void start(Task& task) { task_ = &task; }

  /// From outside: runs the fiber until it suspends itself or ends.
  void resume() {
    const TsanVisit visit(*this);
#ifdef SEQREC_EMULATOR_ASAN
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, stack_.low(), stack_.bytes());
#endif
    switch_stack(outside_, inside_, this);
#ifdef SEQREC_EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  }

  /// From inside: back to the caller of `resume`.
  void suspend() {
    void* fake_stack = nullptr;
    leave_inside(&fake_stack);
    switch_stack(inside_, outside_, this);
    arrived_inside(fake_stack);
  }

 private:
  /// The stack's first function. It runs what it is given until there is nothing more, and leaves for good.
  static void enter(void* fiber) noexcept {
    Fiber& self = *static_cast<Fiber*>(fiber);
    self.arrived_inside(nullptr);
    while (self.task_ != nullptr) {
      self.task_->run();
      self.task_ = nullptr;
      self.suspend();
    }
    self.leave_inside(nullptr);
    switch_stack(self.inside_, self.outside_, nullptr);
    std::abort();  // nobody comes back
  }

  /// @param fake_stack where the address sanitizer keeps this stack's shadow, or null when the stack ends here
  void leave_inside([[maybe_unused]] void** fake_stack) {
#ifdef SEQREC_EMULATOR_ASAN
    __sanitizer_start_switch_fiber(fake_stack, caller_low_, caller_bytes_);
#endif
  }
  void arrived_inside([[maybe_unused]] void* fake_stack) {
#ifdef SEQREC_EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, &caller_low_, &caller_bytes_);
#endif
  }

  /// To the thread sanitizer a fiber is a thread of its own, and each visit is ordered after the one before. Entered
  /// and left on the outside only: so every function that it sees begin on a stack also ends on it.
  class TsanVisit {
#ifdef SEQREC_EMULATOR_TSAN
   public:
    explicit TsanVisit(const Fiber& fiber) : outside_(__tsan_get_current_fiber()) {
      __tsan_switch_to_fiber(fiber.tsan_.handle, 0);
    }
    TsanVisit(const TsanVisit&) = delete;
    TsanVisit& operator=(const TsanVisit&) = delete;
    ~TsanVisit() { __tsan_switch_to_fiber(outside_, 0); }

   private:
    void* outside_;
#else
   public:
    explicit TsanVisit(const Fiber&) {}
#endif
  };

  Stack stack_;
  StackPlace outside_ = nullptr;  ///< where the caller is, while the fiber runs
  StackPlace inside_;             ///< where the fiber is, while it waits
  Task* task_ = nullptr;
#ifdef SEQREC_EMULATOR_ASAN
  const void* caller_low_ = nullptr;
  std::size_t caller_bytes_ = 0;
#endif
#ifdef SEQREC_EMULATOR_TSAN
  struct TsanFiber {
    TsanFiber() : handle(__tsan_create_fiber(0)) {}
    TsanFiber(const TsanFiber&) = delete;
    TsanFiber& operator=(const TsanFiber&) = delete;
    ~TsanFiber() { __tsan_destroy_fiber(handle); }
    void* handle;
  };
  TsanFiber tsan_;
#endif
};

}  // namespace emulator
