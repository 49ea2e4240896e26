// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/splits/split.hpp"

// Sizes from real runs. B users a batch, L longest history, D width, V items, K cut-off, H heads.

namespace benchmarks {

/// MovieLens 1M in the form in which SASRec's paper published it.
namespace movielens_1m {
inline constexpr seqrec::index_t items = 3416;
/// Events a user: lognormal with the data's median, clipped to its range, which gives the data's mean of 165 too.
inline constexpr double median = 96, deviation = 1.044;
inline constexpr seqrec::index_t fewest = 20, most = 2314;
}  // namespace movielens_1m

/// A matrix of standard normal values, multiplied by `scale`.
inline seqrec::Tensor<float, 2, seqrec::HostSpace> random_matrix(seqrec::index_t rows, seqrec::index_t columns,
                                                                 std::uint64_t stream, double scale = 1) {
  seqrec::Tensor<float, 2, seqrec::HostSpace> matrix(rows, columns);
  seqrec::RandomStream random(1, seqrec::Purpose::initial_weights, stream);
  for (seqrec::index_t i = 0; i < matrix.size(); ++i)
    matrix.view().data[i] = static_cast<float>(scale * random.normal());
  return matrix;
}

/// The same as a vector.
inline seqrec::Tensor<float, 1, seqrec::HostSpace> random_vector(seqrec::index_t size, std::uint64_t stream) {
  seqrec::Tensor<float, 1, seqrec::HostSpace> vector(size);
  vector.copy_from_host(random_matrix(1, size, stream).view().data);
  return vector;
}

/// A data set as wide as MovieLens 1M, of fewer users: lengths as there, items uniform.
inline seqrec::Dataset movielens_1m_like() {
  constexpr seqrec::index_t users = 1024;
  seqrec::Interactions rows;
  seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, 0);
  for (seqrec::index_t user = 0; user < users; ++user) {
    const double drawn = movielens_1m::median * std::exp(movielens_1m::deviation * random.normal());
    const auto events = static_cast<seqrec::index_t>(
        std::clamp(drawn, static_cast<double>(movielens_1m::fewest), static_cast<double>(movielens_1m::most)));
    for (seqrec::index_t event = 0; event < events; ++event) {
      rows.users.push_back(user);
      rows.items.push_back(random.below(static_cast<std::uint32_t>(movielens_1m::items)));
    }
  }
  seqrec::Dataset data = seqrec::build_dataset("ml-1m-like", rows);
  // A hundred and seventy thousand draws miss none of the items; if the draws ever change, this says so.
  seqrec::check_extent("benchmarks", "number of items", data.num_items(), movielens_1m::items);
  return data;
}

/// A training batch of B users of at most L rows with one negative each, as the trainer would make it.
struct Workload {
  seqrec::Split split;
  seqrec::Batcher batcher;
  const seqrec::HostTrainingBatch& batch;

  Workload(seqrec::index_t users, seqrec::index_t max_length, seqrec::index_t fewest_users)
      : split(seqrec::leave_one_out(movielens_1m_like())),
        batcher(split, {.batch_size = users, .max_length = max_length, .fewest_users = fewest_users, .seed = 1}),
        batch(batcher.make(0, 0)) {}
  Workload(const Workload&) = delete;

  seqrec::index_t rows() const { return batch.num_targets(); }
  /// Pairs of a row and a row of the same history that it may attend to.
  double causal_pairs() const {
    double pairs = 0;
    const auto histories = batch.whole().histories;
    for (seqrec::index_t user = 0; user < histories.users(); ++user) {
      const auto length = static_cast<double>(histories.items.length(user));
      pairs += length * (length + 1) / 2;
    }
    return pairs;
  }
  /// Rows of the longest shard.
  seqrec::index_t most_rows() const {
    seqrec::index_t most = 0;
    for (seqrec::index_t i = 0; i < batch.num_shards(); ++i) most = std::max(most, batch.shard(i).histories.rows());
    return most;
  }
};

/// Built once for each size; lives until the program ends.
/// @param fewest_users  of a shard, as recurrent models want it
inline const Workload& workload(seqrec::index_t users, seqrec::index_t max_length, seqrec::index_t fewest_users = 1) {
  static std::map<std::array<seqrec::index_t, 3>, std::unique_ptr<Workload>> made;
  auto& entry = made[{users, max_length, fewest_users}];
  if (!entry) entry = std::make_unique<Workload>(users, max_length, fewest_users);
  return *entry;
}

}  // namespace benchmarks
