// SPDX-License-Identifier: Apache-2.0
// What a device does at most, measured, because no two cards run at the clocks of their data sheets: multiply-adds in
// float without tensor cores, and bytes through its memory. From both follows a floor under the time of any kernel.
#pragma once

#include <algorithm>
#include <chrono>

#include "seqrec/cuda.cuh"

namespace benchmarks {

/// Independent chains of a thread: more than a multiply-add takes cycles, so that none waits for the one before.
inline constexpr int chains = 16, peak_threads = 256;

/// `rounds` multiply-adds of every chain of every thread.   @param result  (threads of all blocks)
__global__ void multiply_add_kernel(float factor, int rounds, seqrec::VectorView<float, seqrec::DeviceSpace> result) {
  float values[chains];
  for (int i = 0; i < chains; ++i) values[i] = static_cast<float>(threadIdx.x + static_cast<unsigned>(i));
  for (int round = 0; round < rounds; ++round)
    for (int i = 0; i < chains; ++i) values[i] = values[i] * factor + 1.0F;
  float sum = 0;
  for (int i = 0; i < chains; ++i) sum += values[i];
  result(static_cast<seqrec::index_t>(blockIdx.x) * peak_threads + threadIdx.x) = sum;
}

/// Four numbers a thread, of which memory sees whole lines.
__global__ void copy_kernel(const float4* source, float4* target, seqrec::index_t size) {
  const seqrec::index_t i = static_cast<seqrec::index_t>(blockIdx.x) * peak_threads + threadIdx.x;
  if (i < size) target[i] = source[i];
}

/// Seconds of the fastest of `runs` calls of `launch`, each waited for.
template <class Launch>
double fastest(seqrec::cuda::Context& context, int runs, Launch launch) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int run = 0; run < runs; ++run) {
    const auto begin = Clock::now();
    launch();
    context.synchronize();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

/// FLOP/s.   @throws seqrec::CudaError
inline double measure_device_flops(seqrec::cuda::Context& context) {
  constexpr int blocks = 132 * 16, rounds = 4096;  // some milliseconds, and whole waves on 132 multiprocessors
  seqrec::Tensor<float, 1, seqrec::DeviceSpace> result(seqrec::index_t{blocks} * peak_threads);
  const double seconds = fastest(context, 5, [&] {
    seqrec::cuda::launch<multiply_add_kernel>(context, {dim3(blocks), dim3(peak_threads)}, 0.5F, rounds, result.view());
  });
  return 2.0 * chains * rounds * peak_threads * blocks / seconds;
}

/// Bytes read and written a second, of what no cache holds.   @throws seqrec::CudaError
inline double measure_device_bandwidth(seqrec::cuda::Context& context) {
  constexpr seqrec::index_t bytes = seqrec::index_t{1} << 30,
                            fours = bytes / static_cast<seqrec::index_t>(sizeof(float4));
  seqrec::Tensor<float, 1, seqrec::DeviceSpace> source(4 * fours), target(4 * fours);
  const double seconds = fastest(context, 5, [&] {
    seqrec::cuda::launch<copy_kernel>(
        context, {dim3(seqrec::cuda::blocks_for(fours, peak_threads)), dim3(peak_threads)},
        reinterpret_cast<const float4*>(source.view().data), reinterpret_cast<float4*>(target.view().data), fours);
  });
  return 2.0 * static_cast<double>(bytes) / seconds;
}

}  // namespace benchmarks
