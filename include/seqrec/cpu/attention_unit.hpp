// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/unit_activation.hpp"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cpu::detail {

/// Runs what lies behind an AttentionUnit's first layer over blocks of pairs, forwards and backwards. Memory for a
/// block is taken once.
template <class Ctx>
class AttentionUnitRows {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;
  static constexpr auto most_hidden = static_cast<std::size_t>(AttentionUnit<Ctx>::most_hidden);

  /// What one block keeps for backward: each hidden layer's values, after its activation where those tell its slope,
  /// otherwise before it.
  struct Kept {
    View values[most_hidden];
  };

  AttentionUnitRows(Ctx& context, const AttentionUnit<Ctx>& unit, index_t most_pairs)
      : context_(context), unit_(unit), most_pairs_(most_pairs) {
    for (index_t l = 0; l < unit.layers; ++l) {
      activation_[l] = UnitRows<Ctx>(context, unit.hidden[l].activation, unit.units(l));
      if (!activation_[l].value_tells_slope()) after_[l] = context.matrix(most_pairs, unit.units(l));
    }
  }

  /// Memory that keeps a block of at most that many pairs for no longer than the block is worked on.
  Kept scratch(Ctx& context, index_t most_pairs) const {
    Kept kept;
    for (index_t l = 0; l < unit_.layers; ++l) kept.values[l] = context.matrix(most_pairs, unit_.units(l));
    return kept;
  }

  /// The next block's place in `saved`, which moves on.
  template <class Element>
  Kept next(Element*& saved, index_t pairs) const {
    Kept kept;
    for (index_t l = 0; l < unit_.layers; ++l) {
      kept.values[l] = View(const_cast<S*>(saved), pairs, unit_.units(l));
      saved += pairs * unit_.units(l);
    }
    return kept;
  }

  /// Everything behind the first layer, whose values before its activation lie in `kept.values[0]` for so many pairs.
  /// @param scores written: of head h and pair p at [h * stride + p]
  void forward(const Kept& kept, index_t pairs, S* scores, index_t stride) const {
    View last = activate(0, kept, pairs);
    for (index_t l = 1; l < unit_.layers; ++l) {
      gemm_bias(last, transposed(unit_.hidden[l].weight), const_vector_of<Ctx>(unit_.hidden[l].bias), false,
                kept.values[l].row_range(0, pairs));
      last = activate(l, kept, pairs);
    }
    for (index_t h = 0; h < unit_.heads(); ++h)
      for (index_t p = 0; p < pairs; ++p)
        scores[h * stride + p] = dot_of_pieces(last.row(p), unit_.weight.row(h), last.columns()) + unit_.bias(h);
  }

  /// @param dscores as forward's scores   @return (pairs, F1) the gradient of the first layer's values before its
  /// activation; those of its weight and bias are not taken here
  View backward(const Kept& kept, index_t pairs, const S* dscores, index_t stride) {
    const index_t last = unit_.layers - 1;
    View after[most_hidden];
    for (index_t l = 0; l <= last; ++l) {
      if (!gradient_[l]) gradient_[l] = context_.matrix(most_pairs_, unit_.units(l));
      after[l] = activation_[l].value_tells_slope() ? kept.values[l] : activate(l, kept, pairs);
    }
    for (index_t h = 0; h < unit_.heads(); ++h, dscores += stride) {
      const auto weight = row_array(unit_.weight, h);
      for (index_t p = 0; p < pairs; ++p) {
        auto gradient = row_array(gradient_[last], p);
        if (h == 0)
          gradient = dscores[p] * weight;
        else
          gradient += dscores[p] * weight;
        if (unit_.dweight) row_array(unit_.dweight, h) += dscores[p] * row_array(after[last], p);
        if (unit_.dbias) unit_.dbias(h) += dscores[p];
      }
    }
    for (index_t l = last;; --l) {
      const View dz = gradient_[l].row_range(0, pairs);
      for (index_t p = 0; p < pairs; ++p) activation_[l].backward(kept.values[l].row(p), after[l].row(p), dz.row(p));
      activation_[l].count(pairs);
      if (l == 0) return dz;
      const auto& layer = unit_.hidden[l];
      if (layer.dbias)
        for (index_t p = 0; p < pairs; ++p) array(layer.dbias.data, dz.columns()) += row_array(dz, p);
      if (layer.dweight) gemm(transposed(dz), after[l - 1], layer.dweight, GradientMode::add);
      gemm(dz, layer.weight, gradient_[l - 1].row_range(0, pairs));
    }
  }

 private:
  /// What a layer's activation makes of its values. @return where that lies
  View activate(index_t layer, const Kept& kept, index_t pairs) const {
    const View& to = activation_[layer].value_tells_slope() ? kept.values[layer] : after_[layer];
    for (index_t p = 0; p < pairs; ++p) activation_[layer].forward(kept.values[layer].row(p), to.row(p));
    return to.row_range(0, pairs);
  }

  Ctx& context_;
  AttentionUnit<Ctx> unit_;
  index_t most_pairs_;
  UnitRows<Ctx> activation_[most_hidden];
  View after_[most_hidden];  ///< of a block; null where it lies in what is kept
  View gradient_[most_hidden];
};

}  // namespace seqrec::cpu::detail
