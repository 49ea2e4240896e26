// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/types.hpp"
#include "seqrec/trees/booster_options.hpp"
#include "seqrec/trees/c_api.hpp"
#include "seqrec/trees/tree_rows.hpp"

namespace seqrec {

/// Rows and labels as LightGBM trains on them: each column rounded to bins. The rows given may go afterwards.
class TreeData {
 public:
  /// Rows to train on.
  /// @param options  of the booster that will be trained: they say how many bins, which labels
  /// @throws TreeError for no rows, labels that are no whole numbers or all the same (lambdarank: in each group), other
  ///         extents, an infinite value, a column's name; ArgumentError for an option out of range
  template <class Real>
  TreeData(TreeColumns columns, const TreeRows<Real>& rows, const TreeLabels& labels, const BoosterOptions& options)
      : columns_(std::move(columns)) {
    detail::check_tree_columns(columns_);
    make("training rows", rows, labels, options, nullptr);
  }

  /// Rows to validate on, in the bins of those that are trained on.   @throws as the other
  template <class Real>
  TreeData(const TreeData& training, const TreeRows<Real>& rows, const TreeLabels& labels,
           const BoosterOptions& options)
      : columns_(training.columns_) {
    make("validation rows", rows, labels, options, training.handle());
  }

  const TreeColumns& columns() const { return columns_; }
  index_t rows() const { return rows_; }
  index_t groups() const { return groups_; }
  void* handle() const { return handle_.get(); }  ///< LightGBM's DatasetHandle

 private:
  template <class Real>
  void make(const char* what, const TreeRows<Real>& rows, const TreeLabels& labels, const BoosterOptions& options,
            void* reference) {
    std::string parameters = detail::booster_parameters(options);
    detail::check_tree_rows(what, rows, columns_.names);
    const bool ranks = options.objective == TreeObjective::lambdarank;
    if ((ranks || options.metric == TreeMetric::ndcg) && labels.groups.empty())
      throw TreeError(concatenate(what, " have no groups, expected some: ", ranks ? "lambdarank" : "ndcg",
                                  " compares the rows of a group"));
    detail::check_tree_labels(what, rows.rows(), labels, ranks ? 30.0f : 1.0f);
    if (!columns_.categorical.empty()) {
      parameters += " categorical_feature=";
      for (std::size_t i = 0; i < columns_.categorical.size(); ++i)
        parameters += concatenate(i == 0 ? "" : ",", columns_.categorical[i]);
    }
    rows_ = rows.rows();
    groups_ = std::ssize(labels.groups);

    detail::quiet_tree_log();
    void* made = nullptr;
    detail::check_lightgbm(
        LGBM_DatasetCreateFromMat(rows.values.data(), detail::tree_type<Real>, static_cast<std::int32_t>(rows_),
                                  static_cast<std::int32_t>(columns_.size()), 1, parameters.c_str(), reference, &made),
        what);
    handle_.reset(made);
    if (reference == nullptr) {
      std::vector<const char*> names;
      for (const std::string& name : columns_.names) names.push_back(name.c_str());
      detail::check_lightgbm(LGBM_DatasetSetFeatureNames(made, names.data(), static_cast<int>(names.size())), what);
    }
    set("label", labels.labels, C_API_DTYPE_FLOAT32, what);
    if (!labels.weights.empty()) set("weight", labels.weights, C_API_DTYPE_FLOAT32, what);
    const std::vector<std::int32_t> groups(labels.groups.begin(), labels.groups.end());
    if (!groups.empty()) set("group", groups, C_API_DTYPE_INT32, what);
  }

  template <class Values>
  void set(const char* field, const Values& values, int type, const char* what) {
    detail::check_lightgbm(
        LGBM_DatasetSetField(handle_.get(), field, values.data(), static_cast<int>(values.size()), type), what);
  }

  TreeColumns columns_;
  index_t rows_ = 0, groups_ = 0;
  detail::TreeDataHandle handle_;
};

}  // namespace seqrec
