// SPDX-License-Identifier: Apache-2.0
// The gradient of the item table: rows summed item by item through an inverse index, beside a loop over the rows that
// adds each to its item (which threads could only share with atomics).

#include "harness.hpp"
#include "seqrec/cpu/add_rows.hpp"

namespace {

using namespace benchmarks;

/// Gathered rows: every history row adds to its item.
class Gathered : protected OnBatch {
 public:
  using OnBatch::pieces;
  explicit Gathered(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        source_(random_matrix(load_.most_rows(), width_, 1)),
        target_(movielens_1m::items, width_),
        expected_(movielens_1m::items, width_) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    seqrec::ops::add_rows(
        context_,
        seqrec::AddRows<Context>{
            source_.view().row_range(0, shard.histories.rows()), shard.histories.item_index, {}, 1, target_.view()});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    for (index_t row = 0; row < shard.histories.rows(); ++row) {
      float* const target = expected_.view().row(shard.histories.items.values(row));
      for (index_t d = 0; d < width_; ++d) target[d] += source_.view()(row, d);
    }
  }
  std::vector<Result> results() const { return {{elements(target_), elements(expected_)}}; }
  Cost cost() const { return {rows(), 0}; }

 private:
  index_t width_;
  Matrix source_, target_, expected_;
};

/// Scored items: target and negative of every row add a multiple of its state.
class Scored : protected OnBatch {
 public:
  using OnBatch::pieces;
  explicit Scored(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        source_(random_matrix(load_.most_rows(), width_, 1)),
        coefficients_(random_vector(2 * load_.most_rows(), 2)),
        target_(movielens_1m::items, width_),
        expected_(movielens_1m::items, width_) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    seqrec::ops::add_rows(context_,
                          seqrec::AddRows<Context>{source_.view().row_range(0, rows), shard.next.index,
                                                   coefficients_.view().row_range(0, 2 * rows), 2, target_.view()});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    for (index_t row = 0; row < shard.histories.rows(); ++row)
      for (index_t j = 0; j < 2; ++j) {
        float* const target = expected_.view().row(shard.next.items(row, j));
        for (index_t d = 0; d < width_; ++d) target[d] += coefficients_.view()(2 * row + j) * source_.view()(row, d);
      }
  }
  std::vector<Result> results() const { return {{elements(target_), elements(expected_)}}; }
  Cost cost() const { return {2 * rows(), 0}; }

 private:
  index_t width_;
  Matrix source_;
  Vector coefficients_;
  Matrix target_, expected_;
};

const std::vector<std::string> letters = {"B", "L", "D"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 200, 64}, {128, 200, 50}};
const bool registered = compare<Gathered>("add_rows/gathered", "row_by_row", letters, sizes) &&
                        compare<Scored>("add_rows/scored", "row_by_row", letters, sizes);

}  // namespace
