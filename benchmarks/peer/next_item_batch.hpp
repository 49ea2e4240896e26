// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "backend.hpp"
#include "contender.hpp"
#include "seqrec/data/batches/training_batch.hpp"

namespace peer {

/// A batch that PyTorch trains too: as the library's own Batcher makes it, of given next items and negatives.
class NextItemBatch {
 public:
  /// @param next  (N, columns): each row's target and negatives
  template <class Model, class Objective>
  NextItemBatch(const Model& model, const Objective& objective, const Histories& histories, const std::int32_t* next,
                index_t columns)
      : packed_({.num_items = model.num_items(),
                 .max_length = model.max_length(),
                 .token_budget = token_budget,
                 .fewest_users = std::max(seqrec::users_together(model), users_of_shard<Objective>())},
                objective.plan(), 0) {
    seqrec::check_extent("NextItemBatch", "next items of a row", columns, objective.plan().columns());
    std::vector<std::vector<item_t>> targets(static_cast<std::size_t>(histories.users()));
    std::vector<seqrec::TrainingUser> given;
    for (index_t user = 0; user < histories.users(); ++user) {
      std::vector<item_t>& of_user = targets[static_cast<std::size_t>(user)];
      const auto history = histories.of_user(user);
      const index_t first = histories.offsets[static_cast<std::size_t>(user)];
      for (index_t row = first; row < first + std::ssize(history); ++row) of_user.push_back(next[columns * row]);
      given.push_back({user, history, of_user});
    }
    packed_.pack(given, Negatives{histories, next, columns}, targets_of_step(objective, histories));
    placed_.emplace(packed_);
  }

  index_t num_shards() const { return packed_.num_shards(); }
  seqrec::TrainingBatch<Space> shard(index_t i) const { return placed_->shard(i); }
#ifdef SEQREC_PEER_CUDA
  template <class T>
  auto on_host(const seqrec::VectorView<const T, Space>& view) const {
    return placed_->on_host(view);
  }
#endif

 private:
  /// An objective of few rows may want more users in a shard than the model.
  template <class Objective>
  static constexpr index_t users_of_shard() {
    if constexpr (requires { Objective::users_together; })
      return Objective::users_together;
    else
      return 1;
  }

  struct Negatives {
    Histories histories;
    const item_t* next;
    index_t columns;

    void draw(index_t user, seqrec::MatrixView<item_t, seqrec::HostSpace> negatives) const {
      const item_t* row = next + columns * histories.offsets[static_cast<std::size_t>(user)];
      for (index_t i = 0; i < negatives.rows(); ++i, row += columns)
        for (index_t j = 0; j < negatives.columns(); ++j) negatives(i, j) = row[1 + j];
    }
    void draw_in_batch(std::span<const index_t>, std::span<const seqrec::offset_t>,
                       seqrec::MatrixView<item_t, seqrec::HostSpace>) const {}
    void draw_shared(seqrec::VectorView<item_t, seqrec::HostSpace>) const {}  // nobody shares
    void choose(std::span<const item_t>, seqrec::VectorView<item_t, seqrec::HostSpace>) const {}
  };

  /// Positions over which the loss is a mean; 0 for all rows.
  template <class Objective>
  static index_t targets_of_step(const Objective& objective, const Histories& histories) {
    if constexpr (requires { objective.one_target_a_user; }) return objective.one_target_a_user ? histories.users() : 0;
    return 0;
  }

  seqrec::HostTrainingBatch packed_;
  std::optional<Placed<seqrec::HostTrainingBatch>> placed_;
};

}  // namespace peer
