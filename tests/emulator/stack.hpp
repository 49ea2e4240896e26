// SPDX-License-Identifier: Apache-2.0
// A stack of one's own, and how to leave one stack for another.
//
// The registers that say how to round are not switched with it: a stack finds them as the other one left them. That is
// not only what the threads of a block want. Saving them waits for all arithmetic before, and made the switch by Boost
// (jump_fcontext) half of the time of emulated training.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

#if !defined(__x86_64__) && !defined(SEQREC_EMULATOR_BOOST)
#define SEQREC_EMULATOR_BOOST  // what knows the other processors
#endif

#ifdef SEQREC_EMULATOR_BOOST
#include <boost/context/detail/fcontext.hpp>
#endif

namespace emulator {

/// Memory for a stack above a page that nobody may touch.
class Stack {
 public:
  /// @param number  of the stack among those in use at once: their tops are spread over a page, or the processor's
  /// cache would have a place for a dozen of them only
  Stack(std::size_t bytes, std::size_t number)
      : guard_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        mapped_((bytes + guard_ - 1) / guard_ * guard_ + 2 * guard_),
        color_(number * 192 % 4096) {
    memory_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory_, guard_, PROT_NONE);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() { munmap(memory_, mapped_); }

  std::byte* low() const { return static_cast<std::byte*>(memory_) + guard_; }
  std::size_t bytes() const { return mapped_ - guard_ - color_; }
  std::byte* top() const { return low() + bytes(); }

 private:
  std::size_t guard_;
  std::size_t mapped_;
  std::size_t color_;
  void* memory_ = nullptr;
};

/// Where a stack was left, and goes on when it is next switched to.
using StackPlace = void*;

#ifdef SEQREC_EMULATOR_BOOST

struct StackTransfer {
  StackPlace* left;
  void* argument;
};

/// Leaves the running stack, whose place is noted in `left`, for `next`; returns when somebody switches back.
/// @param argument  what a fresh stack's entry is called with
inline void switch_stack(StackPlace& left, StackPlace next, void* argument) {
  StackTransfer transfer{&left, argument};
  const boost::context::detail::transfer_t from = boost::context::detail::jump_fcontext(next, &transfer);
  *static_cast<StackTransfer*>(from.data)->left = from.fctx;
}

/// The place of a stack that was never entered. `Entry` must not return, nor let an exception escape.
template <void (*Entry)(void* argument) noexcept>
StackPlace fresh_stack(const Stack& stack) {
  return boost::context::detail::make_fcontext(stack.top(), stack.bytes(), [](boost::context::detail::transfer_t from) {
    const StackTransfer transfer = *static_cast<StackTransfer*>(from.data);
    *transfer.left = from.fctx;
    Entry(transfer.argument);
  });
}

#else

/// Leaves the running stack, whose place is noted in `left`, for `next`; returns when somebody switches back.
/// Inlined, and a jump instead of a call and a return: the processor predicts the returns that follow from the calls
/// before, and threads that run in step were called alike.
/// @param argument  what a fresh stack's entry is called with
[[gnu::always_inline]] inline void switch_stack(StackPlace& left, StackPlace next, void* argument) {
  StackPlace* left_at = &left;
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"  // what lies below the stack pointer belongs to the function around
      "pushq %%rbp\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "movq %%rsp, (%[left])\n\t"
      "movq %[next], %%rsp\n\t"
      "popq %%rax\n\t"
      "jmpq *%%rax\n"
      "1:\n\t"
      "popq %%rbp\n\t"
      "leaq 128(%%rsp), %%rsp"
      : [left] "+S"(left_at), [next] "+d"(next), [argument] "+D"(argument)
      :
      : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15"
#ifdef __AVX512F__
        ,
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#endif
  );
}

/// The place of a stack that was never entered. `Entry` must not return, nor let an exception escape.
template <void (*Entry)(void* argument) noexcept>
StackPlace fresh_stack(const Stack& stack) {
  // As a call would leave it: below a multiple of 16 bytes lies where to return to, which is nowhere.
  const auto top = (reinterpret_cast<std::uintptr_t>(stack.top()) / 16 - 1) * 16;
  auto* const place = reinterpret_cast<void**>(top - 16);  // NOLINT(performance-no-int-to-ptr)
  place[0] = reinterpret_cast<void*>(Entry);
  place[1] = nullptr;
  return place;
}

#endif

}  // namespace emulator
