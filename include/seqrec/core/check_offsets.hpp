// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/tensor.hpp"

// What whoever makes a batch and the front doors of jagged ops ask of offsets, so that no loop below them runs out of
// its arrays. Host memory is read: B comparisons, nothing beside the work on N rows. Device memory is not (that would
// wait for the stream): there the builder of a batch has checked it, and the front door checks what the host knows.

namespace seqrec {

template <class Space>
inline constexpr bool host_readable = std::is_same_v<Space, HostSpace>;

/// Checks that offsets ascend from 0 to `size`. Without any rows they may be missing altogether.
/// @param name "offsets" or more   @throws ShapeError
template <class Space>
void check_offsets(const char* op, const char* name, VectorView<const offset_t, Space> offsets, index_t size) {
  if (!offsets || offsets.size() == 0) {
    if (size != 0)
      throw ShapeError(
          concatenate(op, ": ", name, " is missing, expected where the segments of ", size, " rows begin"));
    return;
  }
  if constexpr (host_readable<Space>) {
    const index_t last = offsets.size() - 1;
    if (offsets(0) != 0) throw ShapeError(concatenate(op, ": ", name, "(0) is ", offsets(0), ", expected 0"));
    for (index_t b = 0; b < last; ++b)
      if (offsets(b + 1) < offsets(b))
        throw ShapeError(concatenate(op, ": ", name, "(", b + 1, ") is ", offsets(b + 1), ", expected at least ",
                                     offsets(b), ", ", name, "(", b, ")"));
    if (offsets(last) != size)
      throw ShapeError(
          concatenate(op, ": ", name, "(", last, ") is ", offsets(last), ", expected ", size, ", the number of rows"));
  }
}

/// Checks that no history has more rows than `longest`.   @throws ShapeError
template <class Space>
void check_longest(const char* op, VectorView<const offset_t, Space> offsets, index_t rows, index_t longest) {
  if (rows != 0 && longest < 1)
    throw ShapeError(concatenate(op, ": longest is ", longest, ", expected at least 1 for ", rows, " rows"));
  if constexpr (host_readable<Space>)
    for (index_t b = 0; b + 1 < offsets.size(); ++b)
      if (offsets(b + 1) - offsets(b) > longest)
        throw ShapeError(concatenate(op, ": longest is ", longest, ", expected at least ", offsets(b + 1) - offsets(b),
                                     ", the length of history ", b));
}

/// Checks that each candidate sees between none and all rows of its user's history.
/// @param offsets (B+1) of the rows   @param candidate_offsets (B+1)   @param visible (C), checked in host memory
/// @throws ShapeError
template <class Space>
void check_visible(const char* op, VectorView<const offset_t, Space> offsets,
                   VectorView<const offset_t, Space> candidate_offsets, VectorView<const offset_t, Space> visible) {
  if constexpr (host_readable<Space>)
    for (index_t b = 0; b + 1 < candidate_offsets.size(); ++b)
      for (index_t c = candidate_offsets(b); c < candidate_offsets(b + 1); ++c)
        if (visible(c) < 0 || visible(c) > offsets(b + 1) - offsets(b))
          throw ShapeError(concatenate(op, ": visible(", c, ") is ", visible(c), ", expected 0 .. ",
                                       offsets(b + 1) - offsets(b), ", the length of history ", b));
}

}  // namespace seqrec
