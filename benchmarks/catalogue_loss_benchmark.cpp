// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy over the whole catalogue with its gradients, beside the obvious way: all logits of a shard in
// one matrix, by Eigen.

#include <Eigen/Core>

#include "harness.hpp"
#include "seqrec/cpu/catalogue_loss.hpp"

namespace {

using namespace benchmarks;

using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <bool bfloat16>
class Loss : protected OnBatch {
 public:
  using OnBatch::pieces;
  explicit Loss(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        states_(random_matrix(load_.most_rows(), width_, 1)),
        table_(random_matrix(movielens_1m::items, width_, 2, 0.1)),
        dstates_(load_.most_rows(), width_),
        expected_dstates_(load_.most_rows(), width_),
        dtable_(movielens_1m::items, width_),
        expected_dtable_(movielens_1m::items, width_) {
    if (bfloat16) context_.set_products(seqrec::ProductPrecision::bf16);
  }

  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    seqrec::ops::catalogue_loss(context_, seqrec::CatalogueLoss<Context>{states_.view().row_range(0, rows),
                                                                         {table_.view()},
                                                                         shard.next.items.column_range(0, 1),
                                                                         shard.loss_scale,
                                                                         context_.vector<double>(rows),
                                                                         dstates_.view().row_range(0, rows),
                                                                         {dtable_.view(), {}}});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const auto states = map(states_, rows);
    logits_.noalias() = states * map(table_, movielens_1m::items).transpose();
    logits_.colwise() -= logits_.rowwise().maxCoeff().eval();
    logits_ = logits_.array().exp();
    logits_.array().colwise() *= static_cast<float>(shard.loss_scale) / logits_.rowwise().sum().array().eval();
    for (index_t row = 0; row < rows; ++row)
      logits_(row, shard.next.items(row, 0)) -= static_cast<float>(shard.loss_scale);
    map(expected_dstates_, rows).noalias() = logits_ * map(table_, movielens_1m::items);
    map(expected_dtable_, movielens_1m::items).noalias() += logits_.transpose() * states;
  }
  std::vector<Result> results() const {
    constexpr double tolerance = bfloat16 ? 8e-3 : 2e-4;
    return {{elements(dstates_), elements(expected_dstates_), tolerance},
            {elements(dtable_), elements(expected_dtable_), tolerance}};
  }
  Cost cost() const {
    const auto width = static_cast<double>(width_), items = static_cast<double>(movielens_1m::items);
    return {.rows = rows(),
            .operations = 6 * rows() * width * items,
            .bytes = sizeof(float) * width * (2 * rows() + 2 * items)};
  }

 private:
  static Eigen::Map<EigenMatrix> map(Matrix& matrix, index_t rows) {
    return {matrix.view().data, rows, matrix.columns()};
  }

  index_t width_;
  Matrix states_, table_, dstates_, expected_dstates_, dtable_, expected_dtable_;
  EigenMatrix logits_;
};

const bool registered = compare<Loss<false>>("catalogue_loss/forward_backward", "whole_logits", {"B", "L", "D"},
                                             {{128, 50, 64}, {128, 200, 64}}),
           also_registered = compare<Loss<true>>("catalogue_loss/bfloat16/forward_backward", "whole_logits",
                                                 {"B", "L", "D"}, {{128, 50, 64}, {128, 200, 64}});

}  // namespace
