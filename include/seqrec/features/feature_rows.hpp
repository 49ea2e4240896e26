// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/share_work.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/explicit_features.hpp"

namespace seqrec {

/// The rows of many moments, on several threads: what ExplicitFeatures::rows writes for each, with the same bits
/// whatever the number of threads.
/// @param offsets     (M+1) where the candidates of each moment start
/// @param candidates  of all moments, one after another
/// @param moment_at   called with 0 .. M-1 from any thread, returns a FeatureMoment
/// @param out         (candidates, columns) row-major
/// @throws ShapeError for offsets or `out` of another size; what rows() throws, of the first thread that has something
template <class MomentAt>
void feature_rows(const ExplicitFeatures& features, std::span<const index_t> offsets,
                  std::span<const item_t> candidates, MomentAt&& moment_at, std::span<float> out, index_t threads = 1) {
  const index_t moments = std::ssize(offsets) - 1, columns = features.schema().size();
  check_argument(threads >= 1, "feature_rows threads", threads, "a number of at least 1");
  check_argument(moments >= 0, "feature_rows offsets", "empty", "one more than moments");
  check_extent("feature_rows", "first of the offsets", offsets.front(), 0);
  check_extent("feature_rows", "last of the offsets", offsets.back(), std::ssize(candidates));
  check_extent("feature_rows", "size of the rows", std::ssize(out), std::ssize(candidates) * columns);
  share_work(moments, static_cast<int>(threads), [&](index_t first, index_t last) {
    ExplicitFeatures::Workspace workspace(features);
    for (index_t i = first; i < last; ++i) {
      const auto begin = static_cast<std::size_t>(offsets.data()[i]);
      const auto count = static_cast<std::size_t>(offsets.data()[i + 1]) - begin;
      features.rows(moment_at(i), candidates.subspan(begin, count),
                    out.subspan(begin * static_cast<std::size_t>(columns), count * static_cast<std::size_t>(columns)),
                    workspace);
    }
  });
}

}  // namespace seqrec
