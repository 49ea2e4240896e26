// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"

namespace seqrec::cpu::detail {

/// A recency bias as a candidate's scores want it: oldest row first, so that what `seen` rows get is the end of it.
template <class Ctx>
class RecencyRows {
 public:
  using S = typename Ctx::Scalar;

  /// @param by_distance (H, R), or null for none   @param most_seen no candidate sees more rows
  RecencyRows(Ctx& context, MatrixView<const S, HostSpace> by_distance, index_t most_seen)
      : by_age_(by_distance ? context.matrix(by_distance.rows(), most_seen) : MatrixView<S, HostSpace>{}) {
    for (index_t h = 0; h < by_age_.rows(); ++h)
      for (index_t d = 0; d < most_seen; ++d)
        by_age_(h, most_seen - 1 - d) = by_distance(h, std::min(d, by_distance.columns() - 1));
  }

  explicit operator bool() const { return static_cast<bool>(by_age_); }

  /// x = scale x + r for what one head sees of one candidate.   @return the scale that is left for the softmax
  S scale_and_add(index_t head, S* x, index_t seen, S scale) const {
    array(x, seen) *= scale;  // not one expression: fused, it may round otherwise at the end of an array
    array(x, seen) += array(by_age_.row(head) + by_age_.columns() - seen, seen);
    return S(1);
  }

 private:
  MatrixView<S, HostSpace> by_age_;
};

/// The sums of a recency bias's gradient over all candidates.
template <class Ctx>
class RecencySums {
 public:
  using S = typename Ctx::Scalar;

  RecencySums(Ctx& context, MatrixView<S, HostSpace> by_distance, index_t most_seen)
      : by_distance_(by_distance),
        by_age_(by_distance ? context.matrix(by_distance.rows(), most_seen) : MatrixView<S, HostSpace>{}) {
    for (index_t h = 0; h < by_age_.rows(); ++h) row_array(by_age_, h).setZero();
  }

  explicit operator bool() const { return static_cast<bool>(by_age_); }

  /// @param of_candidate the gradient of what a head's softmax took, oldest row first
  template <class Array>
  void add(index_t head, const Array& of_candidate) {
    array(by_age_.row(head) + by_age_.columns() - of_candidate.size(), of_candidate.size()) += of_candidate;
  }

  /// Adds the sums to the gradient.
  void finish() {
    for (index_t h = 0; h < by_age_.rows(); ++h)
      for (index_t d = 0; d < by_age_.columns(); ++d)
        by_distance_(h, std::min(d, by_distance_.columns() - 1)) += by_age_(h, by_age_.columns() - 1 - d);
  }

 private:
  MatrixView<S, HostSpace> by_distance_;
  MatrixView<S, HostSpace> by_age_;
};

}  // namespace seqrec::cpu::detail
