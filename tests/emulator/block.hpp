// SPDX-License-Identifier: Apache-2.0
// One CUDA thread block on one CPU thread. Its threads are fibers that are left only where the hardware would have to
// wait: at a barrier of the block or at an operation of a warp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/fiber.hpp"
#include "emulator/finding.hpp"
#include "emulator/kernel_call.hpp"
#include "emulator/language.hpp"
#include "emulator/rendezvous.hpp"
#include "emulator/shared_memory.hpp"

namespace emulator {

/// Runs blocks, one after another; keeps the fibers.
///
/// The order of threads. Warp after warp runs as far as it can, which is to the block's next barrier; within a warp,
/// lane after lane runs to the next operation of the warp. So two accesses that no barrier orders happen in one order
/// under seed 0 and in the other under seed 1, where warps, lanes and blocks are reversed: if the result depends on
/// it, the bits differ. Other seeds shuffle, and interrupt a warp at random where it waited for its own lanes.
class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Runs one block of a launch from begin to end.
  /// @throws KernelError when threads wait for each other in vain or the kernel threw
  void run(const KernelCall& call, uint3 index) {
    prepare(call, index);
    running_ = this;
    std::string error;
    try {
      schedule();
    } catch (const std::exception& thrown) {
      error = thrown.what();
      abandon();
    }
    running_ = nullptr;
    if (error.empty()) return;
    std::ostringstream text;
    text << "emulator: kernel " << call.kernel() << ", block (" << index.x << "," << index.y << "," << index.z
         << "): " << error;
    throw KernelError(text.str());
  }

  // What follows is called by the kernel's threads.

  /// The block whose thread is running on this system thread.
  static Block& current() {
    if (running_ == nullptr) throw std::logic_error("emulator: a device function was called outside of a kernel");
    return *running_;
  }

  /// Waits for all threads of the block. @return how many of them passed a true `predicate`
  int meet_block(const char* operation, Site site, bool predicate) {
    return static_cast<int>(wait(Waiter::State::at_barrier, operation, site, ~0u, predicate ? 1 : 0, Waiter::no_lane));
  }

  /// Waits for the lanes in `mask`. @return the bits of those that passed a true `predicate`
  unsigned meet_warp(const char* operation, Site site, unsigned mask, bool predicate) {
    return static_cast<unsigned>(
        wait(Waiter::State::at_warp_operation, operation, site, mask, predicate ? 1 : 0, Waiter::no_lane));
  }

  /// Waits for the lanes in `mask`. @return the bits that lane `source` of the warp passed as `value`
  std::uint64_t exchange(const char* operation, Site site, unsigned mask, std::uint64_t value, int source) {
    return wait(Waiter::State::at_warp_operation, operation, site, mask, value, source);
  }

  std::size_t thread() const { return active_; }
  std::uint64_t seed() const { return call_->seed; }
  /// Of this block among those of all launches.
  std::uint64_t number() const { return turn_.now.block; }
  int lane() const { return static_cast<int>(active_ % lanes_per_warp); }

  std::byte* dynamic_shared() const { return dynamic_shared_ ? dynamic_shared_->use() : nullptr; }

  /// Ends the kernel with an error that names the thread which runs.
  [[noreturn]] void fail(const std::string& why) { throw KernelError(waiters_[active_].name() + " " + why); }

 private:
  /// Unwinds the stack of a thread whose block has failed.
  struct Abandoned {};

  /// One thread: its stack, and what it runs there. Never moves, because the fiber holds its address.
  struct Thread final : Fiber::Task {  // NOLINT(cppcoreguidelines-virtual-class-destructor): final
    Thread(Block& owner, std::size_t number_) : block(owner), number(number_), fiber(number_) {}
    void run() override { block.run_kernel(number); }

    Block& block;
    std::size_t number;
    Fiber fiber;
  };

  void prepare(const KernelCall& call, uint3 index) {
    call_ = &call;
    blockIdx = index;
    blockDim = call.block;
    gridDim = call.grid;
    abandoned_ = false;
    failure_ = nullptr;
    const std::uint64_t number = (std::uint64_t{index.z} * call.grid.y + index.y) * call.grid.x + index.x;
    turn_ = {};
    turn_.first_block = call.first_block & 0x3FFFFFFF;
    turn_.now.block = (call.first_block + number) & 0x3FFFFFFF;
    random_.seed(static_cast<unsigned>(((call.seed << 32 ^ number) + 1) * 0x9E3779B97F4A7C15u >> 33));
    prepare_threads();
    prepare_shared_memory();
  }

  void prepare_threads() {
    const dim3 block = call_->block;
    waiters_.reset(std::size_t{block.x} * block.y * block.z);
    for (std::size_t i = 0; i < waiters_.size(); ++i) {
      if (i == threads_.size()) threads_.push_back(std::make_unique<Thread>(*this, i));
      threads_[i]->fiber.start(*threads_[i]);
      const auto flat = static_cast<unsigned>(i);
      waiters_[i].index = {flat % block.x, flat / block.x % block.y, flat / (block.x * block.y)};
    }
    warp_order_.resize((waiters_.size() + lanes_per_warp - 1) / lanes_per_warp);
    lane_order_.resize(lanes_per_warp);
    for (std::vector<std::size_t>* order : {&warp_order_, &lane_order_}) {
      std::iota(order->begin(), order->end(), std::size_t{0});
      if (call_->seed == 1) std::reverse(order->begin(), order->end());
    }
  }

  void prepare_shared_memory() {
    const std::size_t bytes = call_->shared_bytes;
    if ((dynamic_shared_ ? dynamic_shared_->size() : 0) != bytes)
      dynamic_shared_ = bytes == 0 ? nullptr : std::make_unique<SharedMemory>(bytes);
    if (dynamic_shared_) dynamic_shared_->undefine();
    for (SharedMemory* array : static_shared) array->undefine();
  }

  /// Runs all threads to their end.
  void schedule() {
    do {
      for (bool interrupted = true; interrupted;) {
        interrupted = false;
        put_in_order(warp_order_);
        for (const std::size_t warp : warp_order_) interrupted |= advance(warp);
      }
      if (waiters_.all_have_left()) return;
    } while (waiters_.release_block());
    throw KernelError(waiters_.divergence());
  }

  /// Runs a warp as far as it can. @return whether it was interrupted and could go on
  bool advance(std::size_t warp) {
    const std::size_t first = warp * lanes_per_warp;
    do {
      put_in_order(lane_order_);
      for (const std::size_t lane : lane_order_)
        if (first + lane < waiters_.size() && waiters_[first + lane].state == Waiter::State::runs) enter(first + lane);
      if (!waiters_.release_warp(warp)) return false;
    } while (call_->seed <= 1 || random_() % 4 != 0);
    return true;
  }

  void put_in_order(std::vector<std::size_t>& order) {
    if (call_->seed > 1) std::shuffle(order.begin(), order.end(), random_);
  }

  /// Runs a thread to where it waits next.
  void enter(std::size_t thread) {
    active_ = thread;
    threadIdx = waiters_[thread].index;
    if constexpr (watch::on) take_turn(thread);
    threads_[thread]->fiber.resume();
    if constexpr (watch::on) end_turn(thread);
    if (failure_) std::rethrow_exception(failure_);
  }

  void take_turn(std::size_t thread) {
    turn_.now.thread = thread & 1023;
    turn_.now.barrier = waiters_.barriers() & 4095;
    turn_.now.meeting = waiters_[thread].meetings & 4095;
    watch::set_turn(&turn_);
  }
  void end_turn(std::size_t thread) {
    watch::set_turn(nullptr);
    if (turn_.finding.kind == watch::Finding::Kind::nothing) return;
    throw KernelError(finding_text(turn_, call_->grid, call_->block, waiters_[thread].whereabouts()));
  }

  /// Unwinds the stacks of all threads that have not ended, so that their fibers can be used again.
  void abandon() {
    abandoned_ = true;
    for (std::size_t i = 0; i < waiters_.size(); ++i)
      if (waiters_[i].state != Waiter::State::has_left) threads_[i]->fiber.resume();
  }

  /// A thread's life, on its own stack.
  void run_kernel(std::size_t thread) {
    try {
      if (!abandoned_) (*call_)();
    } catch (const Abandoned&) {
    } catch (const KernelError&) {
      failure_ = std::current_exception();
    } catch (const std::exception& error) {
      failure_ = std::make_exception_ptr(KernelError(waiters_[thread].name() + " threw: " + error.what()));
    }
    waiters_[thread].state = Waiter::State::has_left;
  }

  /// Suspends the running thread until those it must meet have come.
  std::uint64_t wait(Waiter::State state, const char* operation, Site site, unsigned mask, std::uint64_t value,
                     int source) {
    Waiter& me = waiters_[active_];
    me.state = state;
    me.operation = operation;
    me.site = site;
    me.mask = mask;
    me.value = value;
    me.source = source;
    if ((mask >> lane() & 1u) == 0) fail(me.whereabouts() + ", which leaves itself out");
    threads_[active_]->fiber.suspend();
    if (abandoned_) throw Abandoned{};
    return me.result;
  }

  inline static constinit thread_local Block* running_ = nullptr;

  const KernelCall* call_ = nullptr;
  Rendezvous waiters_;
  std::vector<std::unique_ptr<Thread>> threads_;  // at least as many as the block has
  std::size_t active_ = 0;                        // the thread that runs
  bool abandoned_ = false;
  std::exception_ptr failure_;
  std::vector<std::size_t> warp_order_;
  std::vector<std::size_t> lane_order_;
  std::minstd_rand random_;
  std::unique_ptr<SharedMemory> dynamic_shared_;
  watch::Turn turn_;
};

}  // namespace emulator
