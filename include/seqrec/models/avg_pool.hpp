// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/linear.hpp"
#include "seqrec/layers/mean_pool.hpp"
#include "seqrec/models/history_encoder.hpp"
#include "seqrec/models/output_table.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// What stands between a history's mean and the state.
enum class PoolProjection {
  none,    ///< the mean is the state
  linear,  ///< a fully connected layer
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(PoolProjection) { return {"none", "linear"}; }

/// What an AvgPool is made of.
struct AvgPoolOptions {
  index_t items = 0;  ///< required
  index_t width = 64;
  index_t max_length = 50;
  double dropout = 0;
  OutputTable output_table = OutputTable::separate;
  PoolProjection projection = PoolProjection::none;
  bool recency_weights = false;
  double initial_deviation = 0;
  index_t user_categories = 0;
  index_t item_categories = 0;
  std::uint64_t seed = 0;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, in_range(1, 2147483647), "V, items of the catalogue");
    visit("width", width, in_range(1, 65536), "D, columns of the model's activations");
    visit("max_length", max_length, in_range(1, 1 << 20), "how much of a history is read: its last so many items");
    visit("dropout", dropout, probability(), "of elements of item vectors to be dropped");
    visit("output_table", output_table, any(), "whether items are scored by the vectors that embed them");
    visit("projection", projection, any(), "between the mean of a history and the state");
    visit("recency_weights", recency_weights, any(),
          "weighs items by a learned number for each distance from the newest; else all weigh the same");
    visit("initial_deviation", initial_deviation, not_negative(), "of all initial weights; 0 is Xavier-normal");
    visit("user_categories", user_categories, in_range(0, 1 << 24), "of features of users; 0 for none");
    visit("item_categories", item_categories, in_range(0, 1 << 24), "of features of items; 0 for none");
    visit("seed", seed, any(), "of the initial weights");
  }
};

/// The mean of the vectors of a user's last items, scored with dot products: what a model learns that looks neither at
/// the order of a history nor at the item to be scored. The baseline of DIN's paper (Zhou et al. 2018, "base model"),
/// and YouTube's candidate generation (Covington et al. 2016) without its hidden layers.
///
/// state_r = projection(mean of dropout(item_0), ..., dropout(item_r)).
///
/// With `recency_weights` the mean is a weighted one: softmax of a number for each distance from the newest item, which
/// begins with -0.2 a step.
///
/// A mean scored with a table of its own learns far better than with the tied one, where an item in the history always
/// speaks for itself first: hence the default.
template <class Context_>
class AvgPool : public HistoryEncoder<Context_, AvgPoolOptions> {
  using Base = HistoryEncoder<Context_, AvgPoolOptions>;
  using Base::options_, Base::parameters_;

 public:
  using Context = Context_;
  static constexpr const char* name = "AvgPool";

  /// @throws ArgumentError when an option is out of range
  explicit AvgPool(const AvgPoolOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, options), item_embedding_(Base::item_vectors("item_embedding", initial_weights())) {
    if (options_.projection == PoolProjection::linear)
      projection_.emplace(parameters_.scope("projection"), options_.width, options_.width,
                          LinearOptions{.weights = initial_weights()});
    if (options_.output_table == OutputTable::separate)
      output_embedding_.emplace(Base::item_vectors("output_embedding", initial_weights()));
    if (options_.recency_weights)
      recency_ = parameters_.scope().vector("recency_weights", options_.max_length, Initialiser::ramp(-0.2));
    parameters_.initialise(begin, options_.seed);
  }

  /// The state after every item of every history.
  /// @return (N, D)   @throws ShapeError when a history is longer than max_length
  Variable<Context> encode(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    Base::check_longest(name, batch.longest);
    const Variable<Context> items =
        Base::embed_history(name, tape, batch, item_embedding_, nullptr, {.dropout = options_.dropout});
    const Variable<Context> mean = mean_pool(tape, batch, items, recency_);
    return projection_ ? projection_->forward(tape, mean) : mean;
  }

  ItemHeadParameters<Context> item_head() const {
    return {output_embedding_ ? &output_embedding_->weight : &item_embedding_.weight};
  }

 private:
  Initialiser initial_weights() const {
    return options_.initial_deviation > 0 ? Initialiser::normal(options_.initial_deviation)
                                          : Initialiser::xavier_normal();
  }

  Embedding<Context> item_embedding_;
  std::optional<Linear<Context>> projection_;
  std::optional<Embedding<Context>> output_embedding_;
  VectorParameter<Context> recency_;  ///< (max_length), or none
};

}  // namespace seqrec
