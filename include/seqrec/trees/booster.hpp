// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/trees/booster_options.hpp"
#include "seqrec/trees/c_api.hpp"
#include "seqrec/trees/model_text.hpp"
#include "seqrec/trees/tree_nodes.hpp"
#include "seqrec/trees/tree_rows.hpp"

namespace seqrec {

/// Trained trees (train_booster makes them). Read-only, so threads can share one; a copy shares its trees.
///
/// @note 300 trees of 31 leaves over 35 columns on a core of 2.6 GHz (benchmarks/trees_benchmark.cpp): 500 rows 8.6 ms,
/// one row 8 microseconds, half of which is the call (RowScorer: 4), when the trees are in cache; contributions 1.25 ms
/// a row.
class Booster {
 public:
  /// @param text  as text() gave it, or a model that LightGBM itself saved as text
  /// @throws TreeError for what is no whole model of one score a row, with objective lambdarank or binary
  static Booster from_text(std::string_view text, const std::string& source = "a model's text") {
    Booster booster;
    Trees& trees = *booster.trees_;
    trees.model = read_model_text(text, source);
    const std::size_t end = text.find("\nparameters:\n");  // of training, which decide nothing any more: threads, files
    const std::size_t hash = text.rfind(detail::model_hash_key);
    trees.text = detail::with_model_hash(std::string(text.substr(0, std::min(end, hash))));
    detail::quiet_tree_log();
    int rounds = 0;
    void* handle = nullptr;
    detail::check_lightgbm(LGBM_BoosterLoadModelFromString(trees.text.c_str(), &rounds, &handle), source.c_str());
    trees.handle.reset(handle);
    return booster;
  }

  /// @throws TreeError naming the file, if it cannot be read or as from_text
  static Booster load(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw TreeError(concatenate(path.string(), ": cannot be read, expected a booster's text"));
    return from_text(text, path.string());
  }

  /// Whole or not at all.   @throws DataError naming the path and the system's reason
  void save(const std::filesystem::path& path) const { write_file_atomically(path, text()); }

  /// LightGBM's text, which it reads too, and a hash of it: the same training has the same text, on any number of
  /// threads.
  const std::string& text() const { return trees_->text; }
  /// LightGBM's dump of the trees as JSON.
  std::string json() const {
    std::string json;
    std::int64_t size = 0;
    for (int pass = 0; pass < 2; ++pass) {
      json.resize(static_cast<std::size_t>(size));
      call(LGBM_BoosterDumpModel(handle(), 0, -1, C_API_FEATURE_IMPORTANCE_GAIN, size, &size, json.data()));
    }
    if (!json.empty()) json.pop_back();  // the zero at its end
    return json;
  }

  const std::vector<std::string>& columns() const { return trees_->model.columns; }
  TreeObjective objective() const { return trees_->model.objective; }
  const std::vector<TreeNodes>& trees() const { return trees_->model.trees; }
  void* handle() const { return trees_->handle.get(); }  ///< LightGBM's BoosterHandle

  /// @param owner  of the names, for the message   @throws TreeError unless they are those of the trees, in order
  void check_columns(std::span<const std::string> names, const std::string& owner = "rows") const {
    if (names.size() != columns().size())
      throw TreeError(
          concatenate(owner, " have ", names.size(), " columns, expected the ", columns().size(), " of the trees"));
    for (std::size_t c = 0; c < names.size(); ++c)
      if (names[c] != columns()[c])
        throw TreeError(concatenate("column ", c, " of ", owner, " is ", quote_bytes(names[c]), ", expected ",
                                    quote_bytes(columns()[c]), " as in the trees"));
  }

  /// The raw scores of rows: sums of the trees' leaves. They rank; for binary they are log-odds.
  /// @param threads  LightGBM deals rows to so many
  /// @return (N)   @throws TreeError for another number of columns or an infinite value, here and below
  template <class Real>
  std::vector<double> scores(const TreeRows<Real>& rows, index_t threads = 1) const {
    return predict(rows, C_API_PREDICT_RAW_SCORE, 1, threads);
  }

  /// The probability of a label 1.   @return (N)   @throws TreeError also for trees that rank
  template <class Real>
  std::vector<double> probabilities(const TreeRows<Real>& rows, index_t threads = 1) const {
    if (objective() != TreeObjective::binary)
      throw TreeError("probabilities of trees that learned ranks, expected the objective binary");
    return predict(rows, C_API_PREDICT_NORMAL, 1, threads);
  }

  /// What each column contributes to a row's raw score, and last what the trees say on average: Shapley values by
  /// TreeSHAP (Lundberg et al. 2020), with expectations that follow the training rows' paths. A row's sum is its score.
  /// @return (N, columns + 1)
  template <class Real>
  std::vector<double> contributions(const TreeRows<Real>& rows, index_t threads = 1) const {
    return predict(rows, C_API_PREDICT_CONTRIB, std::ssize(columns()) + 1, threads);
  }

  /// The leaf that a row comes to in each tree.   @return (N, trees)
  template <class Real>
  std::vector<index_t> leaves(const TreeRows<Real>& rows, index_t threads = 1) const {
    const std::vector<double> found = predict(rows, C_API_PREDICT_LEAF_INDEX, std::ssize(trees()), threads);
    return {found.begin(), found.end()};
  }

  /// How much the splits on each column gained in training, in all.   @return (columns)
  std::vector<double> gains() const {
    std::vector<double> gains(columns().size());
    call(LGBM_BoosterFeatureImportance(handle(), 0, C_API_FEATURE_IMPORTANCE_GAIN, gains.data()));
    return gains;
  }

 private:
  struct Trees {
    ModelText model;
    std::string text;
    detail::BoosterHandle handle;
  };

  Booster() : trees_(std::make_shared<Trees>()) {}

  static void call(int status) {
    detail::quiet_tree_log();
    detail::check_lightgbm(status, "asking trees");
  }

  template <class Real>
  std::vector<double> predict(const TreeRows<Real>& rows, int kind, index_t width, index_t threads) const {
    check_argument(threads >= 1, "threads of trees", threads, "1 or more");
    detail::check_tree_rows("rows", rows, columns());
    std::vector<double> out(static_cast<std::size_t>(rows.rows() * width));
    if (out.empty()) return out;
    const std::string parameters = concatenate("num_threads=", threads, " verbosity=-1");
    std::int64_t length = 0;
    call(LGBM_BoosterPredictForMat(handle(), rows.values.data(), detail::tree_type<Real>,
                                   static_cast<std::int32_t>(rows.rows()), static_cast<std::int32_t>(rows.columns), 1,
                                   kind, 0, -1, parameters.c_str(), &length, out.data()));
    return out;
  }

  std::shared_ptr<Trees> trees_;
};

}  // namespace seqrec
