// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/self_attention.hpp"

namespace seqrec::cpu::detail {

/// The fewest seconds of each bucket of time_bucket, and after the last one no end.
using TimeBucketBegins = std::array<std::uint64_t, static_cast<std::size_t>(time_buckets) + 1>;

inline TimeBucketBegins find_time_bucket_begins() {
  TimeBucketBegins begins{};
  for (index_t bucket = 1; bucket < time_buckets; ++bucket) {
    std::uint64_t below = 0, in = std::numeric_limits<std::uint64_t>::max();
    while (in - below > 1) {
      const std::uint64_t middle = below + (in - below) / 2;
      (time_bucket(middle) >= bucket ? in : below) = middle;
    }
    begins[static_cast<std::size_t>(bucket)] = in;
  }
  begins.back() = std::numeric_limits<std::uint64_t>::max();
  return begins;
}

inline const TimeBucketBegins& time_bucket_begins() {
  static const TimeBucketBegins begins = find_time_bucket_begins();
  return begins;
}

/// Writes the buckets of the times between row i of a history and its rows 0 .. i. From row to row the bucket moves by
/// little, so that walking to it is cheaper than a logarithm.
inline void time_buckets_of_row(const std::int64_t* times, index_t i, std::uint8_t* buckets) {
  const TimeBucketBegins& begins = time_bucket_begins();
  std::size_t bucket = 0;
  for (index_t j = i; j >= 0; --j) {
    const std::uint64_t seconds = seconds_between(times[i], times[j]);
    while (bucket + 1 < begins.size() - 1 && seconds >= begins[bucket + 1]) ++bucket;
    while (seconds < begins[bucket]) --bucket;
    buckets[j] = static_cast<std::uint8_t>(bucket);
  }
}

/// What is added to the logits of attention, history by history.
template <class Ctx>
class AttentionBiasRows {
 public:
  using S = typename Ctx::Scalar;

  AttentionBiasRows(Ctx& context, const AttentionBias<Ctx>& bias, index_t longest) : bias_(bias), stride_(longest) {
    if (bias.of_time) buckets_ = context.template vector<std::uint8_t>(longest * longest).data;
  }

  /// Whether there is anything to add.
  explicit operator bool() const { return bias_.of_distance || bias_.of_time; }

  /// @param first, length  rows of the history that the calls below are about
  /// @param row            the first of those that they name
  void begin(index_t first, index_t length, index_t row = 0) {
    for (index_t i = row; buckets_ != nullptr && i < length; ++i)
      time_buckets_of_row(bias_.times.data + first, i, buckets_ + i * stride_);
  }

  /// Adds to the logits (0 .. i) of a row.
  void add_to(S* logits, index_t head, index_t i) const {
    if (bias_.of_distance) array(logits, i + 1) += array(bias_.of_distance.row(head), i + 1).reverse();
    if (!bias_.of_time) return;
    const S* const of_time = bias_.of_time.row(head);
    const std::uint8_t* const buckets = buckets_ + i * stride_;
    for (index_t j = 0; j <= i; ++j) logits[j] += of_time[buckets[j]];
  }

  /// Adds the gradients of the logits (0 .. i) of a row to those of the biases.
  void add_gradient(const S* dlogits, index_t head, index_t i, const AttentionBiasGradient<Ctx>& gradient) const {
    if (gradient.of_distance) array(gradient.of_distance.row(head), i + 1) += array(dlogits, i + 1).reverse();
    if (!gradient.of_time) return;
    auto* const of_time = gradient.of_time.row(head);
    const std::uint8_t* const buckets = buckets_ + i * stride_;
    for (index_t j = 0; j <= i; ++j) of_time[buckets[j]] += dlogits[j];
  }

 private:
  AttentionBias<Ctx> bias_;
  index_t stride_;
  std::uint8_t* buckets_ = nullptr;  ///< (longest, longest)
};

}  // namespace seqrec::cpu::detail
