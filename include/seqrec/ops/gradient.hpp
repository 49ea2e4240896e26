// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// Whether a backward op is the first to reach a gradient or adds to what others left there.
enum class GradientMode { write, add };

/// Where a backward op leaves the gradient of an input. A null view means that nobody wants it.
///
/// The rule, for every op: inputs' gradients follow `mode`; parameters' gradients (master views) are always added to;
/// whichever of them is null is left out, and the others are the same as if it were there; the incoming `dy` may be
/// overwritten, because its node is its last reader.
template <class Context>
struct Gradient {
  matrix_of<Context> view;
  GradientMode mode = GradientMode::write;

  SEQREC_HOST_DEVICE constexpr explicit operator bool() const { return static_cast<bool>(view); }
  SEQREC_HOST_DEVICE constexpr bool adds() const { return mode == GradientMode::add; }

  /// The gradient of a block of columns, under the same rule.
  SEQREC_HOST_DEVICE constexpr Gradient columns(index_t first, index_t count) const {
    return {view.column_range(first, count), mode};
  }
};

}  // namespace seqrec
