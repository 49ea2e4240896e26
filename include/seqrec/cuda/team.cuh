// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "seqrec/core/team_options.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/team_gradients.cuh"

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
  explicit BasicTeam(index_t gradient_size = 0, const TeamOptions& options = {}) : gradient_size_(gradient_size) {
    context_.set_products(options.products);
    context_.set_graphs(options.graphs);
    gradients_.left().use_stream(context_.stream());
    context_.reserve_gradient_blocks(gradient_size, gradients_.left(), 0);
  }

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
    gradients_.begin_step();
    context_.begin_step(seed, step);
    run(batch, work);
    gradients_.end_batch(context_, batch);
  }

  /// Goes on with the step that run_step began: gradients and losses of a further batch are added to it.
  /// @param number  chooses the batch's masks, as `step` does those of the first
  template <class Shards, class Work>
  void run_further(std::uint64_t seed, std::uint64_t number, const Shards& batch, Work&& work) {
    const auto use = context_.use();
    context_.begin_further_batch(seed, number);
    run(batch, work);
    gradients_.end_batch(context_, batch);
  }

  /// Puts the gradients of the last step together. (Of one context there is nothing to sum.)
  void reduce() {
    const auto use = context_.use();
    gradients_.reduce(context_);
  }

  /// (1) The loss of the step so far.
  VectorView<double, DeviceSpace> loss() { return context_.loss_sum(); }
  /// The step's gradients as they lie: dense blocks, and tables by the rows that the step has touched. Valid after
  /// reduce() until the next step.
  const StepGradients<Master, DeviceSpace>& step_gradients() const { return gradients_.step(); }
  /// A block of them made dense (ParameterEntry::block), for whoever cannot take them by rows.
  VectorView<Master, DeviceSpace> dense_gradient(const ElementRange& block) {
    const auto use = context_.use();
    return gradients_.dense(context_, block);
  }
  /// All of them made dense, each element where it lies in the model's store: memory of the model's size, for looking
  /// at them. What is written there is the step's gradient from then on.
  VectorView<Master, DeviceSpace> gradients() {
    const auto use = context_.use();
    return gradients_.whole(context_, gradient_size_);
  }

  /// Calls work(context, 0, size): a device deals elements to its threads itself.
  template <class Work>
  void for_ranges(index_t size, Work&& work) {
    if (size == 0) return;
    const auto use = context_.use();
    work(context_, index_t{0}, size);
  }

  /// Bytes held for activations, and for rows that shards leave.
  std::size_t memory_held() const { return context_.memory_held() + gradients_.memory_held(); }

 private:
  index_t gradient_size_;
  TeamGradients<Scalar> gradients_;
  Context context_;
};

using Team = BasicTeam<float>;

}  // namespace seqrec::cuda
