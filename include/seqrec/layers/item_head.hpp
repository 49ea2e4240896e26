// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/ops/item_head.hpp"
#include "seqrec/ops/score_items.hpp"

namespace seqrec {

/// The parameters that a model scores items with: s = h e_v + b_v. Points to the model's own, tied to the table that
/// embeds its histories or of a table for scoring alone.
template <class Context>
struct ItemHeadParameters {
  const MatrixParameter<Context>* table = nullptr;  ///< (V, D) e
  const VectorParameter<Context>* bias = nullptr;   ///< (V) b, or null for none

  index_t items() const { return table->rows(); }
  index_t width() const { return table->columns(); }

  /// The values as ops see them.
  ItemHead<Context> view(const Tape<Context>& tape) const {
    return {tape.value(*table), bias != nullptr ? tape.value(*bias) : const_vector_of<Context>{}};
  }
  /// Where gradients are summed; null where the context sums none.
  ItemHeadGradient<Context> gradient(const Tape<Context>& tape) const {
    return {tape.gradient(*table), bias != nullptr ? tape.gradient(*bias) : master_vector_of<Context>{}};
  }
};

/// s = h_c e_item(c) + b_item(c) for states of the candidates' own, recorded.   @param states (C, D)   @return (C, 1)
template <class Context>
Variable<Context> score_by_head(Tape<Context>& tape, Variable<Context> states, const ItemHeadParameters<Context>& head,
                                const Candidates<typename Context::Space>& candidates) {
  const Variable<Context> scores = row_dot(tape, states, embed_candidates(tape, candidates, *head.table));
  if (head.bias == nullptr) return scores;
  // Vectors without elements: what is left of a score is the bias.
  const Variable<Context> biases = tape.variable(candidates.size(), 1);
  const ItemHead<Context> values = head.view(tape);
  ops::score_items(tape.context(), ScoreItems<Context>{{nullptr, candidates.items.segments(), 0},
                                                       {values.table.column_range(0, 0), values.bias},
                                                       candidates.items,
                                                       {biases.value().data, candidates.size()}});
  const auto* const bias = head.bias;
  const auto list = candidates.list();
  tape.record([biases, bias, list](Tape<Context>& t) {
    if (const auto dscores = t.incoming(biases)) leave_rows<Context>(t, *bias, dscores, list);
  });
  return sum(tape, scores, biases);
}

}  // namespace seqrec
