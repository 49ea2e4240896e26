// SPDX-License-Identifier: Apache-2.0
// The ops that a training step or a request spends its time in, at sizes from real runs, each with the least that it
// has to do: floating-point operations, and bytes of operands and results that pass through memory once. The slower of
// both is the floor under its time.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/cuda.cuh"

namespace benchmarks {

/// What an op has to do at least.
struct Work {
  double operations = 0;
  double bytes = 0;

  bool is_memory_bound(double flops, double bandwidth) const { return bytes / bandwidth > operations / flops; }
  /// Seconds on a device of so many FLOP/s and bytes/s.
  double floor(double flops, double bandwidth) const { return std::max(operations / flops, bytes / bandwidth); }
};

/// An op at a size.
class Kernel {
 public:
  using Context = seqrec::cuda::Context;

  Kernel(std::string name, const Work& work) : name_(std::move(name)), work_(work) {}
  Kernel(const Kernel&) = delete;
  virtual ~Kernel() = default;

  const std::string& name() const { return name_; }
  const Work& work() const { return work_; }

  /// Makes operands on the device; nothing has touched one before.
  virtual void prepare() = 0;
  /// Does not wait.
  virtual void launch(Context& context) = 0;

 private:
  std::string name_;
  Work work_;
};

/// All of them, in the order of a step. Makes batches on the host alone.
std::vector<std::unique_ptr<Kernel>> kernels();

}  // namespace benchmarks
