// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/layers/embedding.hpp"
#include "seqrec/ops/embedding_bag.hpp"

namespace seqrec {

/// Whose features are embedded, and in how many rows each.
template <class Space>
struct FeatureOwners {
  VectorView<const std::int32_t, Space> owners;  ///< (M) users or items
  VectorView<const offset_t, Space> repeats;     ///< (M+1) rows of each; null: one each
  Jagged<const category_t, Space> features;      ///< categories of every possible owner
};

/// @param model, whose  for the message   @param there whether the batch has features   @param categories of them
/// @param expected      how many categories the model was made for
/// @throws ArgumentError when a batch lacks features that a model reads
inline void check_features(const char* model, const char* whose, bool there, index_t categories, index_t expected) {
  if (!there || categories > expected)
    throw ArgumentError(concatenate(model, ": the batch has features of ", whose, " with ", there ? categories : 0,
                                    " categories, expected those that the model was made for, ", expected));
}

/// The sum of the vectors of an owner's categories (PyTorch's EmbeddingBag with mode "sum"), recorded.
/// @param rows N   @param table a vector for each category   @return (N, D)
template <class Context>
Variable<Context> embed_features(Tape<Context>& tape, const FeatureOwners<typename Context::Space>& of, index_t rows,
                                 const Embedding<Context>& table) {
  const Variable<Context> y = tape.variable(rows, table.width());
  ops::embedding_bag_forward(tape.context(), EmbeddingBagForward<Context>{of.owners, of.repeats, of.features,
                                                                          tape.value(table.weight), y.value()});
  const auto dtable = tape.gradient(table.weight);
  tape.record([of, y, dtable](Tape<Context>& t) {
    const auto dy = t.incoming(y);
    if (dy && dtable)
      ops::embedding_bag_backward(t.context(),
                                  EmbeddingBagBackward<Context>{of.owners, of.repeats, of.features, dy, dtable});
  });
  return y;
}

}  // namespace seqrec
