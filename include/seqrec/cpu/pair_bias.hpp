// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/attention_bias.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cpu::detail {

/// The buckets of time between the newest row that a candidate sees and each that it sees. Candidates that follow one
/// another mostly see the same rows, all of a ranking do.
class SeenTimes {
 public:
  template <class Ctx>
  SeenTimes(Ctx& context, VectorView<const std::int64_t, HostSpace> times, bool wanted, index_t most_seen)
      : times_(times), buckets_(wanted ? context.template vector<std::uint8_t>(most_seen).data : nullptr) {}

  /// (seen) buckets, oldest row first.
  const std::uint8_t* of(index_t first, index_t seen) {
    if (seen > 0 && (first != first_ || seen != seen_)) time_buckets_of_row(times_.data + first, seen - 1, buckets_);
    first_ = first;
    seen_ = seen;
    return buckets_;
  }

 private:
  VectorView<const std::int64_t, HostSpace> times_;
  std::uint8_t* buckets_;
  index_t first_ = -1, seen_ = -1;
};

/// What is added to the scores of candidate attention under a softmax.
template <class Ctx>
class PairBias {
 public:
  using S = typename Ctx::Scalar;

  /// @param most_seen no candidate sees more rows
  PairBias(Ctx& context, const AttentionUnit<Ctx>& unit, VectorView<const std::int64_t, HostSpace> times,
           index_t most_seen)
      : by_age_(unit.recency ? context.matrix(unit.heads(), most_seen) : MatrixView<S, HostSpace>{}),
        decay_(unit.decay),
        times_(context, times, static_cast<bool>(unit.decay), most_seen) {
    for (index_t h = 0; h < by_age_.rows(); ++h)  // oldest row first, so that what `seen` rows get is the end of it
      for (index_t d = 0; d < most_seen; ++d)
        by_age_(h, most_seen - 1 - d) = unit.recency(h, std::min(d, unit.recency.columns() - 1));
  }

  explicit operator bool() const { return by_age_ || decay_; }

  /// x = scale x + bias for what one head sees of one candidate, rows first .. first + seen - 1.
  /// @return the scale that is left for the softmax
  S scale_and_add(index_t head, S* x, index_t first, index_t seen, S scale) {
    array(x, seen) *= scale;  // not one expression: fused, it may round otherwise at the end of an array
    if (by_age_) array(x, seen) += array(by_age_.row(head) + by_age_.columns() - seen, seen);
    if (decay_) {
      const std::uint8_t* const buckets = times_.of(first, seen);
      for (index_t j = 0; j < seen; ++j) x[j] += decay_(head, buckets[j]);
    }
    return S(1);
  }

 private:
  MatrixView<S, HostSpace> by_age_;
  MatrixView<const S, HostSpace> decay_;
  SeenTimes times_;
};

/// The sums of the biases' gradients over all candidates.
template <class Ctx>
class PairBiasSums {
 public:
  using S = typename Ctx::Scalar;

  PairBiasSums(Ctx& context, const AttentionUnit<Ctx>& unit, VectorView<const std::int64_t, HostSpace> times,
               index_t most_seen)
      : by_distance_(unit.drecency),
        by_age_(unit.drecency ? context.matrix(unit.heads(), most_seen) : MatrixView<S, HostSpace>{}),
        ddecay_(unit.ddecay),
        times_(context, times, static_cast<bool>(unit.ddecay), most_seen) {
    for (index_t h = 0; h < by_age_.rows(); ++h) row_array(by_age_, h).setZero();
  }

  explicit operator bool() const { return by_age_ || ddecay_; }

  /// @param of_candidate the gradient of what a head's softmax took, of rows first .. first + seen - 1
  template <class Array>
  void add(index_t head, index_t first, const Array& of_candidate) {
    const index_t seen = of_candidate.size();
    if (by_age_) array(by_age_.row(head) + by_age_.columns() - seen, seen) += of_candidate;
    if (!ddecay_) return;
    const std::uint8_t* const buckets = times_.of(first, seen);
    for (index_t j = 0; j < seen; ++j) ddecay_(head, buckets[j]) += of_candidate(j);
  }

  /// Adds the sums to the gradient.
  void finish() {
    for (index_t h = 0; h < by_age_.rows(); ++h)
      for (index_t d = 0; d < by_age_.columns(); ++d)
        by_distance_(h, std::min(d, by_distance_.columns() - 1)) += by_age_(h, by_age_.columns() - 1 - d);
  }

 private:
  MatrixView<S, HostSpace> by_distance_, by_age_, ddecay_;
  SeenTimes times_;
};

}  // namespace seqrec::cpu::detail
