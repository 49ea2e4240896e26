// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// What trees learn: LambdaMART's pairs within each group (Burges 2010), or the log loss of a label of 0 or 1.
enum class TreeObjective { lambdarank, binary };
constexpr std::array<const char*, 2> names_of(TreeObjective) { return {"lambdarank", "binary"}; }

/// What is watched on the validation rows: NDCG by groups, log loss, or AUC over all pairs of rows.
enum class TreeMetric { ndcg, log_loss, auc };
constexpr std::array<const char*, 3> names_of(TreeMetric) { return {"ndcg", "log_loss", "auc"}; }

/// How LightGBM (Ke et al. 2017) grows its trees. The defaults re-rank well on MovieLens.
struct BoosterOptions {
  TreeObjective objective = TreeObjective::lambdarank;
  TreeMetric metric = TreeMetric::ndcg;
  double rate = 0.05;
  index_t leaves = 31;
  index_t min_rows = 200;
  double column_share = 0.5;
  double row_share = 0.8;
  double l2 = 10;
  index_t bins = 255;
  index_t cutoff = 10;
  index_t rounds = 600;
  index_t patience = 80;
  index_t seed = 1;
  index_t threads = 1;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("objective", objective, any(), "what trees learn: ranks within each group, or a probability");
    visit("metric", metric, any(), "what early stopping watches on the validation rows");
    visit("rate", rate, share(), "how much of its correction a tree makes");
    visit("leaves", leaves, in_range(2, 131072), "of a tree, at most");
    visit("min_rows", min_rows, in_range(1, 1 << 30), "training rows of a leaf, at least");
    visit("column_share", column_share, share(), "of the columns that a tree may split on, drawn for each");
    visit("row_share", row_share, share(), "of the rows that a tree learns from, drawn for each");
    visit("l2", l2, not_negative(), "added to the divisor of each leaf's value");
    visit("bins", bins, in_range(2, 65535), "different values that a column is rounded to, at most");
    visit("cutoff", cutoff, in_range(1, 1000), "K of the validation's NDCG@K");
    visit("rounds", rounds, in_range(1, 100000), "trees, at most");
    visit("patience", patience, in_range(1, 100000), "trees without a better validation after which training stops");
    visit("seed", seed, in_range(0, 2147483647), "of the drawn rows and columns");
    visit("threads", threads, in_range(1, 1024), "of training", OptionEffect::none);
  }
};

namespace detail {

/// The options as LightGBM's parameters. Histograms are made column by column, each by one thread in the order of rows:
/// together with `deterministic` the same bits come from any number of threads. Row by row, each thread would sum rows
/// of its own, and the number of threads would decide how sums are rounded.
inline std::string booster_parameters(const BoosterOptions& options) {
  check_options("booster", options);
  static constexpr const char* metrics[] = {"ndcg", "binary_logloss", "auc"};
  return concatenate("objective=", names_of(options.objective)[static_cast<std::size_t>(options.objective)],
                     " metric=", metrics[static_cast<std::size_t>(options.metric)], " eval_at=", options.cutoff,
                     " learning_rate=", option_text(options.rate), " num_leaves=", options.leaves,
                     " min_data_in_leaf=", options.min_rows, " feature_fraction=", option_text(options.column_share),
                     " bagging_fraction=", option_text(options.row_share),
                     " bagging_freq=1 lambda_l2=", option_text(options.l2), " max_bin=", options.bins,
                     " seed=", options.seed, " num_threads=", options.threads,
                     " deterministic=true force_col_wise=true feature_pre_filter=false verbosity=1");
}

}  // namespace detail

}  // namespace seqrec
