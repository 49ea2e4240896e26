// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace peer {

using seqrec::index_t;
using seqrec::item_t;
using seqrec::offset_t;

/// What decides a contender beside its model's options.
struct Settings {
  std::string options;     ///< of the model: "items=3416 width=64"
  std::string objective;   ///< a name that the family knows: "bce"
  std::string team;        ///< options of its team: "threads=2 products=full"
  bool lazy_rows = false;  ///< the optimiser moves only the table rows that a step touched
  std::uint64_t seed = 0;  ///< of dropout masks
};

/// Histories that lie one after another, as numpy arrays bring them.
struct Histories {
  std::span<const offset_t> offsets;  ///< (users+1)
  const item_t* items;                ///< (N)

  index_t users() const { return std::ssize(offsets) - 1; }
  index_t rows() const { return offsets.back(); }
  std::span<const item_t> of_user(index_t user) const {
    const auto i = static_cast<std::size_t>(user);
    return {items + offsets[i], items + offsets[i + 1]};
  }
};

/// A model with its optimiser and prepared batches, whatever its type: what the C functions call.
class Contender {
 public:
  Contender() = default;
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  virtual ~Contender() = default;

  virtual index_t parameter_count() const = 0;
  /// Values of a parameter, from the host and to it.
  /// @throws seqrec::ArgumentError for a name that the model does not have   @throws seqrec::ShapeError for other sizes
  virtual void set_parameter(const std::string& name, std::span<const float> values) = 0;
  virtual void get_parameter(const std::string& name, std::span<float> values) = 0;

  /// @param labels  (N, columns) for next items: each row's target and negatives; (users, 2) for clicks: candidate and
  /// label
  /// @return its number
  virtual index_t add_batch(const Histories& histories, const std::int32_t* labels, index_t columns) = 0;
  /// One training step by Adam.   @return its loss
  virtual double step(index_t batch, double learning_rate) = 0;
  /// The same by plain gradient descent: values fall by learning_rate times the gradient, which so can be seen.
  virtual double descend(index_t batch, double learning_rate) = 0;

  /// The best `count` items of each user and their scores, best first.   @param items, scores  (users, count)
  virtual void recommend(const Histories& histories, index_t count, item_t* items, float* scores) = 0;
  /// Scores of candidates under one history.   @param scores (candidates)
  virtual void score(std::span<const item_t> history, std::span<const item_t> candidates, float* scores) = 0;
};

// One file each.
std::unique_ptr<Contender> make_sasrec(const Settings& settings);
std::unique_ptr<Contender> make_gru4rec(const Settings& settings);
std::unique_ptr<Contender> make_narm(const Settings& settings);
std::unique_ptr<Contender> make_din(const Settings& settings);

}  // namespace peer
