// SPDX-License-Identifier: Apache-2.0
// Gather, scale, positions and dropout in one pass, forward and backward, over a batch's shards.

#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/embed_sequence.hpp"

namespace {

using namespace benchmarks;

class Embed : protected OnBatch {
 public:
  using OnBatch::pieces;

 protected:
  explicit Embed(const benchmark::State& state)
      : OnBatch(state),
        length_(state.range(1)),
        width_(state.range(2)),
        scale_(std::sqrt(static_cast<double>(width_))),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_) {}

  seqrec::Dropout mask(const seqrec::TrainingBatch<HostSpace>& shard) {
    return context_.next_dropout(0.2, shard.histories.first_row);
  }
  /// Calls use(row, item, position, column, factor) for every element, where `factor` is dropout's.
  template <class Use>
  void for_each_element(const seqrec::TrainingBatch<HostSpace>& shard, const seqrec::Dropout& mask, Use use) {
    const auto& histories = shard.histories;
    const auto keep = static_cast<float>(mask.scale());
    for (index_t user = 0; user < histories.users(); ++user)
      for (index_t row = histories.offsets()(user); row < histories.offsets()(user + 1); ++row) {
        const index_t position = length_ - histories.offsets()(user + 1) + row;
        for (index_t d = 0; d < width_; ++d)
          use(row, histories.items.values(row), position, d,
              mask.keeps(mask.first_row + static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(d)) ? keep
                                                                                                          : 0.0f);
      }
  }

  index_t length_, width_;
  double scale_;
  Matrix y_, expected_y_;
};

struct Forward : Embed {
  explicit Forward(const benchmark::State& state)
      : Embed(state),
        table_(random_matrix(movielens_1m::items, width_, 1)),
        positions_(random_matrix(length_, width_, 2)) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    seqrec::ops::embed_sequence_forward(
        context_, seqrec::EmbedSequenceForward<Context>{shard.histories.items.values, shard.histories.offsets(),
                                                        shard.histories.longest, table_.view(), positions_.view(),
                                                        y_.view().row_range(0, shard.histories.rows()), scale_,
                                                        seqrec::PositionOrigin::end, mask(shard)});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto scale = static_cast<float>(scale_);
    for_each_element(shard, mask(shard), [&](index_t row, index_t item, index_t position, index_t d, float factor) {
      expected_y_.view()(row, d) = factor * (scale * table_.view()(item, d) + positions_.view()(position, d));
    });
  }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
  Cost cost() const { return {rows(), 0}; }

 private:
  Matrix table_, positions_;
};

struct Backward : Embed {
  explicit Backward(const benchmark::State& state)
      : Embed(state),
        dy_(random_matrix(load_.most_rows(), width_, 3)),
        dpositions_(length_, width_),
        expected_dpositions_(length_, width_) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    y_.copy_from_host(dy_.view().data);  // backward works in place
    seqrec::ops::embed_sequence_backward(
        context_,
        seqrec::EmbedSequenceBackward<Context>{shard.histories.offsets(), shard.histories.longest,
                                               y_.view().row_range(0, shard.histories.rows()), dpositions_.view(),
                                               scale_, seqrec::PositionOrigin::end, mask(shard)});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto scale = static_cast<float>(scale_);
    expected_y_.copy_from_host(dy_.view().data);
    for_each_element(shard, mask(shard), [&](index_t row, index_t, index_t position, index_t d, float factor) {
      const float dy = expected_y_.view()(row, d) * factor;
      expected_dpositions_.view()(position, d) += dy;
      expected_y_.view()(row, d) = scale * dy;
    });
  }
  std::vector<Result> results() const {
    return {{elements(y_), elements(expected_y_)}, {elements(dpositions_), elements(expected_dpositions_)}};
  }
  Cost cost() const { return {rows(), 0}; }

 private:
  Matrix dy_, dpositions_, expected_dpositions_;
};

const std::vector<std::string> letters = {"B", "L", "D"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 200, 64}, {128, 200, 50}};
const bool registered = compare<Forward>("embed_sequence/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("embed_sequence/backward", "plain_loops", letters, sizes);

}  // namespace
