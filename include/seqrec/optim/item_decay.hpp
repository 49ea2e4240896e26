// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
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
  /// @param ranges  of the model's elements   @param values, gradients  of all elements
  template <class Team>
  void add(Team& team, const ParameterRanges& ranges, VectorView<const Master, Space> values,
           VectorView<Master, Space> gradients) const {
    team.for_ranges(values.size(), [&](Context& context, index_t first, index_t count) {
      for (const ParameterRange& range : ranges) {
        if (range.role != ParameterRole::table || range.size != range.row_width * shares_.size()) continue;
        const index_t width = range.row_width;
        const auto row_of = [&](index_t element) {  // a row belongs to where its first element lies
          return (std::clamp<index_t>(element - range.offset, 0, range.size) + width - 1) / width;
        };
        const index_t begin = row_of(first), rows = row_of(first + count) - begin;
        if (rows <= 0) continue;
        const index_t element = range.offset + begin * width;
        ops::decay_rows(context, DecayRows<Context>{{values.data + element, rows, width},
                                                    shares_.view().row_range(begin, rows),
                                                    {gradients.data + element, rows, width}});
      }
    });
  }

 private:
  Tensor<Master, 1, Space> shares_;  ///< (V) lambda / n
};

}  // namespace seqrec
