// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/ops/pack_items.hpp"

namespace seqrec::detail {

/// A model's item table, laid out once for all who score the whole of it (PackItems). Nothing for a model that looks at
/// users through the item: it does not score by its table.
template <Ranker Model>
class PackedCatalogue {
 public:
  using Context = typename Model::Context;

  /// Lays it out, or anew where the table has changed. Nobody may read it meanwhile.
  void pack(Context& context, const Model& model) {
    if constexpr (!CandidateEncoder<Model>) {
      const Tape<Context> tape(context, Mode::inference);
      const auto table = model.item_head().view(tape).table;
      const index_t size = ops::packed_items_size(context, table.rows(), table.columns());
      if (packed_.size() != size) packed_ = decltype(packed_)(size);
      ops::pack_items(context, PackItems<Context>{table, packed_.view()});
    }
  }

  /// Null before it is laid out.
  const_vector_of<Context> view() const { return packed_.view(); }

 private:
  Tensor<typename Context::Scalar, 1, typename Context::Space> packed_;
};

}  // namespace seqrec::detail
