// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "seqrec/core/team_options.hpp"
#include "seqrec/cuda/context.cuh"

namespace seqrec::cuda {

/// A team of one context: a device makes a step of a whole batch at once, and is not given shards that a core's cache
/// would hold. What a team of several contexts has to do in steps of their own (dealing shards, summing slots) is
/// nothing here; all that is asked of it is launched in the context's stream, and none of it waits for the host. While
/// one of its calls runs, no other thread may use the team or its context.
template <class Scalar>
class BasicTeam {
 public:
  using Context = BasicContext<Scalar>;
  using Master = typename Context::Master;

  /// Batches are made for it in one shard (rows_of_shard).
  static constexpr bool takes_whole_batches = true;

  /// @param gradient_size elements of all parameters; 0 for a team that only infers
  /// @throws CudaError, for instance without a device
  explicit BasicTeam(index_t gradient_size = 0, const TeamOptions& = {}) { context_.reserve_gradients(gradient_size); }

  int threads() const { return 1; }
  int slots() const { return 1; }
  /// The context, for work outside run() and for_ranges() too.
  Context& context() { return context_; }

  /// Calls work(context, batch.shard(s)) for every shard of a batch, each after context.begin_shard().
  template <class Shards, class Work>
  void run(const Shards& batch, Work&& work) {
    const auto use = context_.use();
    for (index_t shard = 0; shard < batch.num_shards(); ++shard) {
      context_.begin_shard();
      work(context_, batch.shard(shard));
    }
  }

  /// The same as the start of a training step: gradients and losses begin at zero.
  template <class Shards, class Work>
  void run_step(std::uint64_t seed, std::uint64_t step, const Shards& batch, Work&& work) {
    const auto use = context_.use();
    context_.begin_step(seed, step);
    run(batch, work);
  }

  /// Goes on with the step that run_step began: gradients and losses of a further batch are added to it.
  /// @param number  chooses the batch's masks, as `step` does those of the first
  template <class Shards, class Work>
  void run_further(std::uint64_t seed, std::uint64_t number, const Shards& batch, Work&& work) {
    const auto use = context_.use();
    context_.begin_further_batch(seed, number);
    run(batch, work);
  }

  /// There is nothing to sum: the gradients lie where the one context has added to them.
  void reduce() {}

  /// (1) The loss of the step so far.
  VectorView<double, DeviceSpace> loss() { return context_.loss_sum(); }
  /// The step's gradients, where the values lie in the model's store.
  VectorView<Master, DeviceSpace> step_gradients() { return context_.gradients(); }
  VectorView<Master, DeviceSpace> gradients() { return context_.gradients(); }
  /// Those of one block (ParameterEntry::block).
  VectorView<Master, DeviceSpace> dense_gradient(const ElementRange& block) {
    return gradients().row_range(block.offset, block.size);
  }

  /// Calls work(context, 0, size): a device deals elements to its threads itself.
  template <class Work>
  void for_ranges(index_t size, Work&& work) {
    if (size == 0) return;
    const auto use = context_.use();
    work(context_, index_t{0}, size);
  }

  /// Bytes held for activations.
  std::size_t memory_held() const { return context_.memory_held(); }

 private:
  Context context_;
};

using Team = BasicTeam<float>;

}  // namespace seqrec::cuda
