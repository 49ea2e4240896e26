// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/core/for_parts.hpp"
#include "seqrec/core/step_gradients.hpp"
#include "seqrec/ops/decay_rows.hpp"

namespace seqrec {

/// Mini-batch aware regularisation (Zhou et al. 2018, arXiv:1706.06978, equations 4 to 6):
///
///     w_j <- w_j - rate (gradient + lambda (a_j / n_j) w_j),  a_j = 1 if item j is in the batch, else 0
///
/// n_j being how often item j is trained. Over an epoch each item's vector decays about once as much as any other's,
/// and a step costs no more than the rows that it touches. It is part of the gradient: what an optimiser makes of one
/// it makes of this. Applies to all tables with a row for each item; which rows a step has touched their gradients
/// tell.
template <class Context>
class ItemDecay {
 public:
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  /// @param counts (V) how often each item is trained; once at least is assumed
  ItemDecay(double lambda, const std::vector<index_t>& counts) : shares_(static_cast<index_t>(counts.size())) {
    std::vector<Master> shares;
    for (const index_t count : counts)
      shares.push_back(static_cast<Master>(lambda / static_cast<double>(std::max<index_t>(count, 1))));
    shares_.copy_from_host(shares.data());
  }

  /// Adds the decay to the gradients of a step.
  /// @param ranges  of the model's elements   @param values  of all elements
  /// @param gradients  of a step (StepGradients), or of all elements (a vector)
  template <class Team, class Gradients>
  void add(Team& team, const ParameterRanges& ranges, VectorView<const Master, Space> values,
           const Gradients& gradients) const {
    const auto gradient = [&](const ParameterRange& range) { return gradient_of(gradients, range.elements()); };
    const auto elements = [&](const ParameterRange& range) -> index_t {
      if (range.role != ParameterRole::table || range.size != range.row_width * shares_.size()) return 0;
      return gradient(range).numbers().size();
    };
    for_parts([&](index_t size, auto&& work) { team.for_ranges(size, work); }, ranges, elements,
              [&](Context& context, const ParameterRange& range, index_t first, index_t count) {
                const GradientPart<Master, Space> part = gradient(range);
                const index_t width = range.row_width;
                const RowsWithin rows(first, count, width);
                DecayRows<Context> decay{{values.data + range.offset, shares_.size(), width},
                                         shares_.view(),
                                         {part.numbers().data + rows.first * width, rows.count, width}};
                if (part.dense) {
                  decay.table = decay.table.row_range(rows.first, rows.count);
                  decay.shares = decay.shares.row_range(rows.first, rows.count);
                } else {
                  decay.rows = part.rows.row_range(rows.first, rows.count);
                }
                ops::decay_rows(context, decay);
              });
  }

 private:
  Tensor<Master, 1, Space> shares_;  ///< (V) lambda / n
};

}  // namespace seqrec
