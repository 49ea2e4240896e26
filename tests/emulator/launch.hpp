// SPDX-License-Identifier: Apache-2.0
// Runs a grid of blocks, in an order that a seed chooses, on one or several CPU threads.
#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "emulator/block.hpp"
#include "emulator/runtime.hpp"

namespace emulator {

/// How launches run. The seed orders blocks, warps and lanes: 0 forward, 1 reversed, others shuffled. With more than
/// one CPU thread the blocks of a launch run side by side; SEQREC_EMULATOR_THREADS sets it for a whole program.
struct Schedule {
  std::uint64_t seed = 0;
  unsigned threads = 1;
};

inline unsigned threads_from_environment() {
  const char* text = std::getenv("SEQREC_EMULATOR_THREADS");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const long threads = text == nullptr ? 1 : std::strtol(text, nullptr, 10);
  return threads > 1 ? static_cast<unsigned>(threads) : 1;
}

/// What the next launch of this program follows. Not to be changed while another system thread launches.
inline Schedule& schedule() {
  static Schedule current{0, threads_from_environment()};
  return current;
}

/// A schedule until the end of a scope.
class WithSchedule {
 public:
  explicit WithSchedule(Schedule during) : before_(std::exchange(schedule(), during)) {}
  explicit WithSchedule(std::uint64_t seed) : WithSchedule(Schedule{seed, schedule().threads}) {}
  WithSchedule(const WithSchedule&) = delete;
  WithSchedule& operator=(const WithSchedule&) = delete;
  ~WithSchedule() { schedule() = before_; }

 private:
  Schedule before_;
};

/// The kernel's name as the compiler writes it (clang 14 leaves out template arguments).
template <auto Kernel>
std::string_view kernel_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("Kernel = ") + 9);
  if (text.front() == '&') text.remove_prefix(1);
  return text.substr(0, text.find_first_of(";]"));
}

/// Blocks that are not in use, with the fibers they have made: a launch borrows one for each of its CPU threads.
class IdleBlocks {
 public:
  std::unique_ptr<Block> borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Block>();
    std::unique_ptr<Block> block = std::move(idle_.back());
    idle_.pop_back();
    return block;
  }
  void give_back(std::unique_ptr<Block> block) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(block));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> idle_;
};

inline IdleBlocks& idle_blocks() {
  static IdleBlocks blocks;
  return blocks;
}

/// What the hardware would answer to such a launch.
inline cudaError_t check_launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.z > 64) return cudaErrorInvalidConfiguration;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaErrorInvalidConfiguration;
  if (grid.x > 0x7FFFFFFFu || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidConfiguration;
  if (shared_bytes > shared_bytes_allowed(kernel)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

/// Runs all blocks of a launch. @throws KernelError the first one that a block threw; the others are not begun.
inline void run_grid(const KernelCall& call, unsigned cpu_threads) {
  std::vector<std::uint64_t> order(std::size_t{call.grid.x} * call.grid.y * call.grid.z);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  if (call.seed == 1) std::reverse(order.begin(), order.end());
  if (call.seed > 1) std::shuffle(order.begin(), order.end(), std::mt19937_64(call.seed));

  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    std::unique_ptr<Block> block = idle_blocks().borrow();
    for (std::size_t i = next++; i < order.size(); i = next++) {
      const auto x = static_cast<unsigned>(order[i] % call.grid.x);
      const auto y = static_cast<unsigned>(order[i] / call.grid.x % call.grid.y);
      const auto z = static_cast<unsigned>(order[i] / call.grid.x / call.grid.y);
      try {
        block->run(call, {x, y, z});
      } catch (...) {
        next = order.size();
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
    idle_blocks().give_back(std::move(block));
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned t = 1; t < cpu_threads && t < order.size(); ++t) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

/// What `Kernel<<<grid, block, shared_bytes, stream>>>(arguments...)` does, to its end.
template <auto Kernel, class... Arguments>
void launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t, const Arguments&... arguments) {
  if (device_status() != cudaSuccess) return;
  const cudaError_t error = check_launch(reinterpret_cast<const void*>(Kernel), grid, block, shared_bytes);
  if (result(error) != cudaSuccess) return;
  const auto body = [&] { Kernel(arguments...); };
  struct Call final : KernelCall {  // NOLINT(cppcoreguidelines-virtual-class-destructor): final
    explicit Call(const decltype(body)& body_) : run(body_) {}
    void operator()() const override { run(); }
    const decltype(body)& run;
  } call(body);
  call.kernel = kernel_name<Kernel>();
  call.grid = grid;
  call.block = block;
  call.shared_bytes = shared_bytes;
  call.seed = schedule().seed;
  run_grid(call, schedule().threads);
}

}  // namespace emulator
