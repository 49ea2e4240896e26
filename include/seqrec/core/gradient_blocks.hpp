// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// A run of a model's elements.
struct ElementRange {
  index_t offset = 0;
  index_t size = 0;

  constexpr bool holds(const ElementRange& other) const {
    return offset <= other.offset && other.offset + other.size <= offset + size;
  }
};

/// The gradients that one context sums up, where parameters ask for them: memory for those blocks of the model's
/// elements that somebody asked for, and for no others. Or one block of all of them, from the start.
///
/// A block begins a step at zero, when it is first asked for in it. (A table whose gradient nobody asks for here costs
/// neither memory nor time: see LeftRows.)
template <class Master, class Space>
class GradientBlocks {
 public:
  using View = VectorView<Master, Space>;
  using Stream = typename Memory<Space>::Stream;

  /// Room for `size` elements; without it nobody wants gradients here.
  /// @param whole  in one block that is there at once, else block by block
  void reserve(index_t size, bool whole) {
    if (size == size_ && whole == whole_) return;
    size_ = size;
    whole_ = whole;
    blocks_.clear();
    if (whole && size != 0) blocks_.push_back({{0, size}, Tensor<Master, 1, Space>(size), true});
  }
  /// Elements that gradients may be asked for.
  index_t size() const { return size_; }
  /// All of them; null unless they were reserved whole.
  View whole() { return whole_ && size_ != 0 ? blocks_.front().values.view() : View{}; }

  /// Everything is zero.
  void begin_step(Stream stream) {
    for (Block& block : blocks_) {
      block.in_step = whole_;
      if (whole_) clear(block, stream);
    }
  }

  /// Where gradients of some elements are summed in this step.
  /// @param block  that they are part of, which is made where there is none
  View at(const ElementRange& elements, const ElementRange& block, Stream stream) {
    for (Block& known : blocks_)
      if (known.elements.holds(elements)) {
        if (!known.in_step) clear(known, stream);
        known.in_step = true;
        return view(known, elements);
      }
    blocks_.push_back({block, Tensor<Master, 1, Space>(block.size), true});
    return view(blocks_.back(), elements);
  }
  /// The same of elements that somebody has asked for in this step; null where nobody has.
  View find(const ElementRange& elements) {
    for (Block& known : blocks_)
      if (known.in_step && known.elements.holds(elements)) return view(known, elements);
    return {};
  }
  /// Calls visit(elements) for each block that somebody has asked for in this step.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Block& block : blocks_)
      if (block.in_step) visit(block.elements);
  }

 private:
  struct Block {
    ElementRange elements;
    Tensor<Master, 1, Space> values;
    bool in_step;
  };

  static View view(Block& block, const ElementRange& elements) {
    return block.values.view().row_range(elements.offset - block.elements.offset, elements.size);
  }
  static void clear(Block& block, Stream stream) {
    Memory<Space>::clear(block.values.view().data, static_cast<std::size_t>(block.values.size()) * sizeof(Master),
                         stream);
  }

  std::vector<Block> blocks_;
  index_t size_ = 0;
  bool whole_ = false;
};

}  // namespace seqrec
