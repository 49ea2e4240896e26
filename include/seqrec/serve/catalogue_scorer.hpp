// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "seqrec/core/candidates.hpp"
#include "seqrec/models/candidate_encoder.hpp"

namespace seqrec {

/// Scores every item of the catalogue for some users of one batch, for a model that looks at a user through the
/// candidate: all items are candidates, a chunk at a time. Buffers are kept from call to call.
template <CandidateEncoder Model>
class CatalogueScorer {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  using Space = typename Context::Space;

  /// @param context begun anew for each chunk (begin_shard)   @param batch histories that must not lie in its memory
  /// @param user    of the batch, counted from 0
  /// @return (V) scores, valid until the next call
  std::span<const Scalar> operator()(Context& context, const Model& model, const Batch<Space>& batch, index_t user) {
    return (*this)(context, model, batch, user, model.num_items());
  }
  /// The same of the catalogue's first `num_items` items alone.
  std::span<const Scalar> operator()(Context& context, const Model& model, const Batch<Space>& batch, index_t user,
                                     index_t num_items) {
    scores_.resize(static_cast<std::size_t>(num_items));
    offset_t begin_and_end[2];
    context.copy_to_host(begin_and_end, batch.offsets().data + user, 2);
    const offset_t visible = begin_and_end[1] - begin_and_end[0];
    for (index_t first = 0; first < num_items; first += chunk) {
      const index_t count = std::min(chunk, num_items - first);
      context.begin_shard();
      Tape<Context> tape(context, Mode::inference);
      const auto scores = model.score(tape, batch, candidates(context, batch, user, first, count, visible));
      context.copy_to_host(scores_.data() + first, scores.value().data, count);
    }
    return scores_;
  }

 private:
  static constexpr index_t chunk = 1024;  ///< items at once: their activations should stay in cache

  /// Items first .. first+count-1, all of them for one user.
  Candidates<Space> candidates(Context& context, const Batch<Space>& batch, index_t user, index_t first, index_t count,
                               offset_t visible) {
    items_.resize(static_cast<std::size_t>(count));
    for (index_t i = 0; i < count; ++i) items_.data()[i] = static_cast<item_t>(first + i);
    visible_.assign(static_cast<std::size_t>(count), visible);
    offsets_.assign(static_cast<std::size_t>(batch.users()) + 1, 0);
    std::fill(offsets_.begin() + user + 1, offsets_.end(), static_cast<offset_t>(count));
    Candidates<Space> all;
    all.items = {placed(context, items_), placed(context, offsets_)};
    all.visible = placed(context, visible_);
    all.pairs = count * visible;
    all.window = std::max<index_t>(visible, 1);
    return all;
  }

  template <class T>
  static VectorView<const T, Space> placed(Context& context, const std::vector<T>& values) {
    const auto view = context.template vector<T>(std::ssize(values));
    context.copy_from_host(view.data, values.data(), std::ssize(values));
    return view;
  }

  std::vector<item_t> items_;
  std::vector<offset_t> offsets_, visible_;
  std::vector<Scalar> scores_;
};

}  // namespace seqrec
