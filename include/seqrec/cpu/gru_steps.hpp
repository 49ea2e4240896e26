// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/core/tensor.hpp"

// The order in which the CPU walks through packed histories. They are taken from the longest to the shortest, so that
// those with a row at step t are the first active(t) of them: each step is dense products of their states, nothing is
// gathered or masked. What belongs to one step lies together ("by time"): the active(0) rows of step 0, then the
// active(1) rows of step 1, ...
//
// Steps are taken a stretch at a time. What a stretch's inputs add to the gates is made when it begins, and on the way
// back the gates' gradients become those of inputs and weights where it ends: both are small enough for the second
// cache. For all rows at once they would be most of what the layer reads and writes.

namespace seqrec::cpu::detail {

/// The order of histories by length, and the rows of each step.
class TimeSteps {
 public:
  /// Longest histories first, equal ones in their order; a counting sort.
  /// @param longest  no history has more rows
  template <class Context>
  TimeSteps(Context& context, VectorView<const offset_t, HostSpace> offsets, index_t longest)
      : offsets_(offsets), users_(std::max<index_t>(offsets.size() - 1, 0)) {
    order_ = context.template vector<offset_t>(users_);
    at_least_ = context.template vector<offset_t>(longest + 2);
    std::fill_n(at_least_.data, longest + 2, offset_t{0});
    for (index_t user = 0; user < users_; ++user) ++at_least_(length(user));
    for (index_t rows = longest; rows >= 0; --rows) at_least_(rows) += at_least_(rows + 1);
    // Histories of a length stand behind all longer ones.
    const auto next = context.template vector<offset_t>(longest + 1);
    std::copy_n(at_least_.data + 1, longest + 1, next.data);
    for (index_t user = 0; user < users_; ++user) order_(next(length(user))++) = static_cast<offset_t>(user);
    for (steps_ = longest; steps_ > 0 && active(steps_ - 1) == 0;) --steps_;
  }

  index_t users() const { return users_; }
  /// Rows of the longest history.
  index_t steps() const { return steps_; }
  /// How many histories have a row at step t.
  index_t active(index_t step) const { return at_least_(step + 1); }
  /// The user of the i-th longest history.
  index_t user(index_t i) const { return order_(i); }
  /// The row of its step t in the batch.
  index_t row(index_t i, index_t step) const { return offsets_(order_(i)) + step; }

 private:
  index_t length(index_t user) const { return offsets_(user + 1) - offsets_(user); }

  VectorView<const offset_t, HostSpace> offsets_;
  index_t users_, steps_ = 0;
  VectorView<offset_t, HostSpace> order_;     ///< (B)
  VectorView<offset_t, HostSpace> at_least_;  ///< (longest + 2) how many histories have so many rows or more
};

/// Steps that are taken together, and how many rows they have.
struct Stretch {
  index_t begin = 0, end = 0, rows = 0;

  /// One that begins, or ends, at a step: of `most` rows at most, but of one step at least where there is one.
  static Stretch after(const TimeSteps& steps, index_t begin, index_t most) {
    Stretch stretch{begin, begin, 0};
    while (stretch.end < steps.steps() && stretch.takes(steps.active(stretch.end), most)) ++stretch.end;
    return stretch;
  }
  static Stretch before(const TimeSteps& steps, index_t end, index_t most) {
    Stretch stretch{end, end, 0};
    while (stretch.begin > 0 && stretch.takes(steps.active(stretch.begin - 1), most)) --stretch.begin;
    return stretch;
  }

  /// Calls action(row of the stretch, row of the batch) for its rows, by time.
  template <class Action>
  void for_rows(const TimeSteps& steps, Action action) const {
    for (index_t t = begin, place = 0; t < end; ++t)
      for (index_t i = 0; i < steps.active(t); ++i) action(place++, steps.row(i, t));
  }

 private:
  bool takes(index_t active, index_t most) {
    if (rows > 0 && rows + active > most) return false;
    rows += active;
    return true;
  }
};

/// Rows of a stretch: so many that products with weights run near their full speed, and that gates, or their gradients
/// twice, stay in the second cache.
inline constexpr index_t gru_stretch_rows = 128;

/// Most rows that a stretch has.   @param rows  of the batch
inline index_t most_stretch_rows(const TimeSteps& steps, index_t rows) {
  return std::min(rows, std::max(gru_stretch_rows, steps.users()));
}

/// What a step leaves for backward, side by side: r | z | n | k, where k is U_n h + b_n, or r h if the reset comes
/// before the product.
template <class S>
struct GruRow {
  S *r, *z, *n, *k;
  GruRow(S* row, index_t width) : r(row), z(row + width), n(row + 2 * width), k(row + 3 * width) {}
};

/// Rows of the batch as a stretch has them, by time.
template <class S>
void gather_stretch(const TimeSteps& steps, const Stretch& stretch, MatrixView<const S, HostSpace> from,
                    MatrixView<S, HostSpace> to) {
  stretch.for_rows(steps,
                   [&](index_t place, index_t row) { std::copy_n(from.row(row), from.columns(), to.row(place)); });
}

}  // namespace seqrec::cpu::detail
