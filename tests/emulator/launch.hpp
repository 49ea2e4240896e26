// SPDX-License-Identifier: Apache-2.0
// Runs a grid of blocks, in an order that a seed chooses, on one or several CPU threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "emulator/block.hpp"
#include "emulator/runtime.hpp"
#include "emulator/schedule.hpp"
#include "emulator/streams.hpp"
#include "emulator/workers.hpp"

namespace emulator {

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

/// Counts the blocks of all launches.   @return how many there were, with one more
inline std::uint64_t count_blocks(std::uint64_t of_launch) {
  static std::atomic<std::uint64_t> count = 1;
  return count.fetch_add(of_launch);
}

/// The numbers of the blocks that run, ascending.
inline std::vector<std::uint64_t> blocks_to_run(dim3 grid, std::uint64_t ends) {
  const std::uint64_t all = std::uint64_t{grid.x} * grid.y * grid.z;
  const bool left_out = ends != 0 && all > 2 * ends;
  std::vector<std::uint64_t> blocks(left_out ? 2 * ends : all);
  std::iota(blocks.begin(), blocks.end(), std::uint64_t{0});
  if (left_out) std::iota(blocks.begin() + static_cast<std::ptrdiff_t>(ends), blocks.end(), all - ends);
  return blocks;
}

/// Runs the blocks of a launch. @throws KernelError the first one that a block threw; the others are not begun.
inline void run_grid(const KernelCall& call, const Schedule& during) {
  std::vector<std::uint64_t> order = blocks_to_run(call.grid, during.ends);
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
  workers().run(static_cast<unsigned>(std::min<std::size_t>(during.threads, order.size())), work);
  if (failure) std::rethrow_exception(failure);
}

/// Has a stream run a kernel when its turn has come. Nothing here depends on the kernel: there are hundreds of them.
inline cudaError_t enqueue(const std::shared_ptr<KernelCall>& call, cudaStream_t stream) {
  if (const cudaError_t error = device_status(); error != cudaSuccess) return error;
  const cudaError_t error = check_launch(call->function().kernel, call->grid, call->block, call->shared_bytes);
  if (error != cudaSuccess) return result(error);
  if (!streams().exists(stream)) return result(cudaErrorInvalidResourceHandle);
  streams().give(stream, [call, during = schedule()] {
    call->seed = during.seed;
    call->first_block = count_blocks(std::uint64_t{call->grid.x} * call->grid.y * call->grid.z);
    run_grid(*call, during);
  });
  return cudaSuccess;
}

}  // namespace emulator

/// What `kernel<<<grid, block, shared_bytes, stream>>>(...)` does: the kernel gets copies of the arguments, and runs
/// when the stream's turn has come.
/// @param function    an emulator::Function
/// @param parameters  pointers to one value for each of the kernel's parameters
inline cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** parameters,
                                    std::size_t shared_bytes, cudaStream_t stream) {
  const auto& known = *static_cast<const emulator::Function*>(function);
  return emulator::enqueue(std::make_shared<emulator::KernelCall>(known, grid, block, shared_bytes, parameters),
                           stream);
}
