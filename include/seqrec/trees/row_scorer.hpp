// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/trees/booster.hpp"
#include "seqrec/trees/c_api.hpp"
#include "seqrec/trees/tree_rows.hpp"

namespace seqrec {

/// Raw scores of single rows, with the bits of Booster::scores, by LightGBM's call for them: what a call has to set up
/// is set up once. For one thread at a time. Rows that are there together are scored faster by Booster::scores.
template <class Real>
class RowScorer {
 public:
  explicit RowScorer(Booster booster) : booster_(std::move(booster)) {
    detail::quiet_tree_log();
    void* made = nullptr;
    detail::check_lightgbm(
        LGBM_BoosterPredictForMatSingleRowFastInit(
            booster_.handle(), C_API_PREDICT_RAW_SCORE, 0, -1, detail::tree_type<Real>,
            static_cast<std::int32_t>(booster_.columns().size()), "num_threads=1 verbosity=-1", &made),
        "scoring rows one by one");
    handle_.reset(made);
  }

  /// @param row (columns)   @throws TreeError for another number of columns or an infinite value
  double operator()(std::span<const Real> row) {
    detail::check_tree_rows("a row", TreeRows<Real>{row, std::ssize(row)}, booster_.columns());
    double score = 0;
    std::int64_t length = 0;
    detail::check_lightgbm(LGBM_BoosterPredictForMatSingleRowFast(handle_.get(), row.data(), &length, &score),
                           "scoring a row");
    return score;
  }

 private:
  Booster booster_;  ///< the handle reads its trees
  detail::RowScorerHandle handle_;
};

}  // namespace seqrec
