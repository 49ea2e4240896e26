// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/team_gradients.hpp"
#include "seqrec/cpu/thread_pool.hpp"

namespace seqrec::cpu {

/// A team of contexts that makes one step together.
///
/// Shards are dealt to slots (a slot is a context) by a rule that knows neither threads nor time: shard s goes to slot
/// s mod G. Threads take whole slots; sums run over slots 0 .. G-1. So the same seed gives the same bits on any number
/// of threads.
template <class Scalar, int Width>
class BasicTeam {
 public:
  using Context = BasicContext<Scalar, Width>;

  /// @param gradient_size elements of all parameters; 0 for a team that only infers
  /// @throws ArgumentError unless threads >= 0, slots >= 1 and products are full or bf16
  explicit BasicTeam(index_t gradient_size = 0, TeamOptions options = {})
      : gradient_size_(gradient_size), pool_(checked(options).threads) {
    for (int i = 0; i < options.slots; ++i) {
      slots_.push_back(std::make_unique<Context>());
      slots_.back()->set_products(options.products);
      slots_.back()->reserve_gradient_blocks(gradient_size, gradients_.left(), i);
    }
  }

  int threads() const { return pool_.threads(); }
  int slots() const { return static_cast<int>(slots_.size()); }
  /// A context for work outside run() and for_ranges().
  Context& context() { return *slots_.front(); }

  /// Calls work(context, batch.shard(s)) for every shard of a batch, each after context.begin_shard().
  template <class Shards, class Work>
  void run(const Shards& batch, Work&& work) {
    deal(batch, work, [](Context&, int) {});
  }

  /// The same as the start of a training step: gradients and losses begin at zero.
  template <class Shards, class Work>
  void run_step(std::uint64_t seed, std::uint64_t step, const Shards& batch, Work&& work) {
    in_step_ = 0;
    gradients_.begin_step();
    run_further(seed, step, batch, work);
  }

  /// Goes on with the step that run_step began: gradients and losses of a further batch are added to it.
  /// @param number  chooses the batch's masks, as `step` does those of the first
  template <class Shards, class Work>
  void run_further(std::uint64_t seed, std::uint64_t number, const Shards& batch, Work&& work) {
    const int begun = in_step_;
    in_step_ = std::max(begun, slots_needed(batch.num_shards()));
    deal(batch, work, [&](Context& context, int slot) {
      if (slot < begun)
        context.begin_further_batch(seed, number);
      else
        context.begin_step(seed, number);
    });
    gradients_.end_batch(ranges());
  }

  /// Sums gradients and losses of the last step over the slots.
  void reduce() {
    for (int i = 1; i < in_step_; ++i) context().loss_sum()(0) += slots_[static_cast<std::size_t>(i)]->loss_sum()(0);
    gradients_.reduce(slots_, in_step_, ranges());
  }

  /// (1) The summed loss, valid after reduce() until the next step.
  VectorView<double, HostSpace> loss() { return slots_.front()->loss_sum(); }
  /// The step's gradients as they lie: dense blocks, and tables by the rows that the step has touched. Valid after
  /// reduce() until the next step.
  const StepGradients<Scalar, HostSpace>& step_gradients() const { return gradients_.step(); }
  /// A block of them made dense (ParameterEntry::block), for whoever cannot take them by rows.
  VectorView<Scalar, HostSpace> dense_gradient(const ElementRange& block) {
    return gradients_.dense(context(), block, ranges());
  }
  /// All of them made dense, each element where it lies in the model's store: memory of the model's size, for looking
  /// at them. What is written there is the step's gradient from then on.
  VectorView<Scalar, HostSpace> gradients() { return gradients_.whole(gradient_size_, ranges()); }

  /// Calls work(context, first, count) for consecutive ranges that cover 0 .. size-1. Ranges do not depend on threads.
  template <class Work>
  void for_ranges(index_t size, Work&& work) {
    constexpr index_t range = 1 << 14;
    const index_t ranges = (size + range - 1) / range;
    // A context serves one thread at a time, so that each takes a run of neighbouring ranges.
    const index_t runs = std::min<index_t>(ranges, slots());
    pool_.run(static_cast<int>(runs), [&](int run) {
      for (index_t i = ranges * run / runs; i < ranges * (run + 1) / runs; ++i)
        work(*slots_[static_cast<std::size_t>(run)], i * range, std::min(range, size - i * range));
    });
  }

  /// Bytes held for activations in all slots, and for rows that they leave.
  std::size_t memory_held() const {
    std::size_t bytes = gradients_.memory_held();
    for (const auto& slot : slots_) bytes += slot->memory_held();
    return bytes;
  }

 private:
  static const TeamOptions& checked(const TeamOptions& options) {
    check_argument(options.threads >= 0, "threads", options.threads, "at least 0 (0 is one for each core)");
    check_argument(options.slots >= 1, "slots", options.slots, "at least 1");
    check_argument(options.products != ProductPrecision::tf32, "products",
                   names_of(options.products)[static_cast<std::size_t>(options.products)],
                   "full or bf16: tf32 is a GPU's");
    check_argument(!options.graphs, "graphs", "true", "false: they are a GPU's");
    return options;
  }

  template <class Shards, class Work, class Begin>
  void deal(const Shards& batch, Work&& work, Begin begin) {
    const index_t shards = batch.num_shards();
    pool_.run(slots_needed(shards), [&](int slot) {
      Context& context = *slots_[static_cast<std::size_t>(slot)];
      begin(context, slot);
      for (index_t shard = slot; shard < shards; shard += slots()) {
        context.begin_shard();
        work(context, batch.shard(shard));
      }
    });
  }

  /// At least one, so that a step without shards has a sum too.
  int slots_needed(index_t shards) const {
    return static_cast<int>(std::min<index_t>(slots(), std::max<index_t>(shards, 1)));
  }

  /// for_ranges, as others call it.
  auto ranges() {
    return [this](index_t size, auto&& work) { this->for_ranges(size, work); };
  }

  index_t gradient_size_;
  TeamGradients<Scalar, Width> gradients_;
  std::vector<std::unique_ptr<Context>> slots_;
  int in_step_ = 0;  ///< slots that hold sums of the last step
  ThreadPool pool_;
};

using Team = BasicTeam<float, Eigen::internal::packet_traits<float>::size>;

}  // namespace seqrec::cpu
