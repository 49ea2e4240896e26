// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "seqrec/core/gradient_blocks.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// The gradient of some of a model's elements in a step: dense, or that of a table's rows that the step has touched
/// while all others have none, or (neither) zero.
template <class Element, class Space>
struct GradientPart {
  VectorView<Element, Space> dense;
  VectorView<const item_t, Space> rows;  ///< (R) ascending
  MatrixView<Element, Space> sums;       ///< (R, D) their gradients

  /// All numbers that may be other than zero.
  constexpr VectorView<Element, Space> numbers() const {
    return dense ? dense : VectorView<Element, Space>{sums.data, sums.size()};
  }
};

/// A step's gradients, as they lie: blocks of the model's elements, each dense or by rows.
template <class Master, class Space>
class StepGradients {
 public:
  /// The gradient of some of a model's elements.
  struct Block {
    ElementRange elements;
    GradientPart<Master, Space> gradient;
  };

  std::vector<Block>& blocks() { return blocks_; }
  /// The block that some elements are part of; null where none is, and their gradient is zero.
  Block* find(const ElementRange& elements) {
    for (Block& block : blocks_)
      if (block.elements.holds(elements)) return &block;
    return nullptr;
  }
  /// The gradient of some elements: part of a dense block, or a whole table.
  GradientPart<Master, Space> of(const ElementRange& elements) const {
    for (const Block& block : blocks_) {
      if (!block.elements.holds(elements)) continue;
      if (!block.gradient.dense) return block.gradient;
      return {block.gradient.dense.row_range(elements.offset - block.elements.offset, elements.size), {}, {}};
    }
    return {};
  }

 private:
  std::vector<Block> blocks_;
};

/// The gradient of some elements among those of a step.
template <class Master, class Space>
GradientPart<Master, Space> gradient_of(const StepGradients<Master, Space>& gradients, const ElementRange& elements) {
  return gradients.of(elements);
}
/// The same among all gradients of a model, where they lie as its values do.
template <class Element, class Space>
GradientPart<Element, Space> gradient_of(const VectorView<Element, Space>& gradients, const ElementRange& elements) {
  return {gradients.row_range(elements.offset, elements.size), {}, {}};
}

}  // namespace seqrec
