// SPDX-License-Identifier: Apache-2.0
// One CUDA thread's stack: a Boost.Context fiber that is kept and used again, and that tells the sanitizers when the
// stack changes.
#pragma once

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstddef>
#include <memory>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
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

  Fiber() {
    const TsanVisit visit(*this);  // Boost enters a new stack at once, to set it up
    inside_ = boost::context::fiber(std::allocator_arg, Stack{this}, [this](boost::context::fiber&& caller) {
      outside_ = std::move(caller);
      arrived_inside(nullptr);
      while (task_ != nullptr) {
        task_->run();
        task_ = nullptr;
        suspend();
      }
      leave_inside(nullptr);
      return std::move(outside_);
    });
  }
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
    __sanitizer_start_switch_fiber(&fake_stack, stack_low_, stack_bytes);
#endif
    inside_ = std::move(inside_).resume();
#ifdef SEQREC_EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  }

  /// From inside: back to the caller of `resume`.
  void suspend() {
    void* fake_stack = nullptr;
    leave_inside(&fake_stack);
    outside_ = std::move(outside_).resume();
    arrived_inside(fake_stack);
  }

 private:
  /// Boost's stack with a guard page, whose lowest address is noted for the address sanitizer.
  struct Stack : boost::context::protected_fixedsize_stack {
    explicit Stack(Fiber* owner) : boost::context::protected_fixedsize_stack(stack_bytes), fiber(owner) {}
    boost::context::stack_context allocate() {
      boost::context::stack_context context = boost::context::protected_fixedsize_stack::allocate();
      fiber->stack_low_ = static_cast<char*>(context.sp) - stack_bytes;
      return context;
    }
    Fiber* fiber;
  };

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

  const char* stack_low_ = nullptr;
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
  boost::context::fiber outside_;  ///< the caller, while the fiber runs
  boost::context::fiber inside_;   ///< the fiber, while it waits
};

}  // namespace emulator
