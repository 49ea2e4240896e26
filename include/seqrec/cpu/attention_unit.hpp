// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/unit_activation.hpp"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cpu::detail {

/// Runs an AttentionUnit over blocks of pairs, forwards and backwards. Memory for a block is taken once.
template <class Ctx>
class AttentionUnitRows {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;
  using ConstView = MatrixView<const S, HostSpace>;
  static constexpr auto most_hidden = static_cast<std::size_t>(AttentionUnit<Ctx>::most_hidden);

  /// What one block keeps for backward: each hidden layer's values before its activation.
  struct Kept {
    View before[most_hidden];
  };

  AttentionUnitRows(Ctx& context, const AttentionUnit<Ctx>& unit, index_t most_pairs) : context_(context), unit_(unit) {
    for (index_t l = 0; l < unit.layers; ++l) {
      after_[l] = context.matrix(most_pairs, unit.units(l));
      activation_[l] = UnitRows<Ctx>(context, unit.hidden[l].activation, unit.units(l));
    }
  }

  /// Memory that keeps a block of at most that many pairs for no longer than the block is worked on.
  Kept scratch(Ctx& context, index_t most_pairs) const {
    Kept kept;
    for (index_t l = 0; l < unit_.layers; ++l) kept.before[l] = context.matrix(most_pairs, unit_.units(l));
    return kept;
  }

  /// The next block's place in `saved`, which moves on.
  template <class Element>
  Kept next(Element*& saved, index_t pairs) const {
    Kept kept;
    for (index_t l = 0; l < unit_.layers; ++l) {
      kept.before[l] = View(const_cast<S*>(saved), pairs, unit_.units(l));
      saved += pairs * unit_.units(l);
    }
    return kept;
  }

  /// @param x            (pairs, D) q * k
  /// @param scores       written: of head h and pair p at [h * stride + p]
  /// @param add_parts(z) adds what the first layer makes of q and of k to its values (pairs, F1)
  template <class AddParts>
  void forward(View x, const Kept& kept, AddParts add_parts, S* scores, index_t stride) const {
    const index_t pairs = x.rows();
    View input = x;
    for (index_t l = 0; l < unit_.layers; ++l) {
      const View z = kept.before[l].row_range(0, pairs), y = after_[l].row_range(0, pairs);
      if (l == 0) {
        gemm(x, transposed(AttentionFirstLayer(unit_.hidden[0].weight).product), z);
        add_parts(z);
      } else {
        gemm_bias(input, transposed(unit_.hidden[l].weight), const_vector_of<Ctx>(unit_.hidden[l].bias), false, z);
      }
      activate(l, z, y);
      input = y;
    }
    for (index_t h = 0; h < unit_.heads(); ++h) {
      const auto weight = row_array(unit_.weight, h);
      for (index_t p = 0; p < pairs; ++p) scores[h * stride + p] = (row_array(input, p) * weight).sum() + unit_.bias(h);
    }
  }

  /// @param dscores as forward's scores   @param dx (pairs, D) written: of q * k   @return (pairs, F1) the gradient of
  /// the first layer's values
  View backward(ConstView x, const Kept& kept, const S* dscores, index_t stride, View dx) {
    const index_t pairs = x.rows(), last = unit_.layers - 1;
    if (!gradient_[0])
      for (index_t l = 0; l < unit_.layers; ++l) gradient_[l] = context_.matrix(after_[l].rows(), unit_.units(l));
    for (index_t l = 0; l <= last; ++l) activate(l, kept.before[l].row_range(0, pairs), after_[l].row_range(0, pairs));
    for (index_t h = 0; h < unit_.heads(); ++h, dscores += stride) {
      const auto weight = row_array(unit_.weight, h);
      for (index_t p = 0; p < pairs; ++p) {
        auto gradient = row_array(gradient_[last], p);
        if (h == 0)
          gradient = dscores[p] * weight;
        else
          gradient += dscores[p] * weight;
        if (unit_.dweight) row_array(unit_.dweight, h) += dscores[p] * row_array(after_[last], p);
        if (unit_.dbias) unit_.dbias(h) += dscores[p];
      }
    }
    for (index_t l = last; l >= 0; --l) {
      const auto& layer = unit_.hidden[l];
      const View dz = gradient_[l].row_range(0, pairs);
      for (index_t p = 0; p < pairs; ++p) activation_[l].backward(kept.before[l].row(p), dz.row(p));
      activation_[l].count(pairs);
      if (layer.dbias)
        for (index_t p = 0; p < pairs; ++p) array(layer.dbias.data, dz.columns()) += row_array(dz, p);
      if (l > 0) {
        const ConstView input = after_[l - 1].row_range(0, pairs);
        if (layer.dweight) gemm(transposed(dz), input, layer.dweight, GradientMode::add);
        gemm(dz, layer.weight, gradient_[l - 1].row_range(0, pairs));
      } else {
        if (layer.dweight) gemm(transposed(dz), x, AttentionFirstLayer(layer.dweight).product, GradientMode::add);
        gemm(dz, AttentionFirstLayer(layer.weight).product, dx);
      }
    }
    return gradient_[0].row_range(0, pairs);
  }

 private:
  void activate(index_t layer, View z, View y) const {
    for (index_t p = 0; p < z.rows(); ++p) activation_[layer].forward(z.row(p), y.row(p));
  }

  Ctx& context_;
  AttentionUnit<Ctx> unit_;
  UnitRows<Ctx> activation_[most_hidden];
  View after_[most_hidden], gradient_[most_hidden];
};

}  // namespace seqrec::cpu::detail
