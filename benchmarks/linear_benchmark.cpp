// SPDX-License-Identifier: Apache-2.0
// A fully connected layer with its epilogue (bias, ReLU, dropout), forward and backward, over a batch's shards.

#include "harness.hpp"
#include "seqrec/cpu/linear.hpp"

namespace {

using namespace benchmarks;

constexpr double drop_probability = 0.2;

/// Operands of a (D, D) layer; shards share the rows.
class Layer : protected OnBatch {
 protected:
  explicit Layer(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        weight_(random_matrix(width_, width_, 1, 0.1)),
        bias_(random_vector(width_, 2)),
        x_(random_matrix(load_.most_rows(), width_, 3)),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_) {}

  /// The mask of a shard: as the first drawing site of a step.
  seqrec::Dropout mask(const seqrec::TrainingBatch<HostSpace>& shard) {
    return context_.next_dropout(drop_probability, shard.histories.first_row);
  }
  void plain_forward(index_t rows, const seqrec::Dropout& mask) {
    const auto x = x_.view(), weight = weight_.view(), y = expected_y_.view();
    const auto scale = static_cast<float>(mask.scale());
    for (index_t i = 0; i < rows; ++i)
      for (index_t o = 0; o < width_; ++o) {
        float sum = bias_.view()(o);
        for (index_t k = 0; k < width_; ++k) sum += x(i, k) * weight(o, k);
        const bool kept = mask.keeps(mask.first_row + static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(o));
        y(i, o) = sum > 0 && kept ? sum * scale : 0.0f;
      }
  }

  index_t width_;
  Matrix weight_;
  Vector bias_;
  Matrix x_, y_, expected_y_;
};

struct Forward : Layer {
  using Layer::pieces;
  explicit Forward(const benchmark::State& state) : Layer(state) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    seqrec::ops::linear_forward(
        context_, seqrec::LinearForward<Context>{x_.view().row_range(0, rows), weight_.view(), bias_.view(),
                                                 y_.view().row_range(0, rows), seqrec::Activation::relu, mask(shard)});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    plain_forward(shard.histories.rows(), mask(shard));
  }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
  Cost cost() const {
    const auto width = static_cast<double>(width_);
    return {.rows = rows(),
            .operations = 2 * rows() * width * width,
            .bytes = sizeof(float) * (2 * rows() * width + width * width)};
  }
};

struct Backward : Layer {
  using Layer::pieces;
  explicit Backward(const benchmark::State& state)
      : Layer(state),
        dy_(random_matrix(load_.most_rows(), width_, 4)),
        incoming_(load_.most_rows(), width_),
        dx_(load_.most_rows(), width_),
        expected_dx_(load_.most_rows(), width_),
        dweight_(width_, width_),
        expected_dweight_(width_, width_),
        dbias_(width_),
        expected_dbias_(width_) {
    context_.begin_shard();
    y_.copy_from_host(random_matrix(load_.most_rows(), width_, 5).view().data);
  }
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    refill();  // backward works in place
    seqrec::ops::linear_backward(
        context_, seqrec::LinearBackward<Context>{x_.view().row_range(0, rows),
                                                  weight_.view(),
                                                  y_.view().row_range(0, rows),
                                                  incoming_.view().row_range(0, rows),
                                                  {dx_.view().row_range(0, rows), seqrec::GradientMode::write},
                                                  dweight_.view(),
                                                  dbias_.view(),
                                                  seqrec::Activation::relu,
                                                  mask(shard)});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto scale = static_cast<float>(mask(shard).scale());
    refill();
    const auto dy = incoming_.view(), dx = expected_dx_.view(), dweight = expected_dweight_.view();
    for (index_t i = 0; i < shard.histories.rows(); ++i) {
      for (index_t o = 0; o < width_; ++o) dy(i, o) = y_.view()(i, o) > 0 ? dy(i, o) * scale : 0.0f;
      for (index_t k = 0; k < width_; ++k) dx(i, k) = 0;
      for (index_t o = 0; o < width_; ++o) {
        expected_dbias_.view()(o) += dy(i, o);
        for (index_t k = 0; k < width_; ++k) {
          dx(i, k) += dy(i, o) * weight_.view()(o, k);
          dweight(o, k) += dy(i, o) * x_.view()(i, k);
        }
      }
    }
  }
  std::vector<Result> results() const {
    return {{elements(dx_), elements(expected_dx_)},
            {elements(dweight_), elements(expected_dweight_)},
            {elements(dbias_), elements(expected_dbias_)}};
  }
  Cost cost() const {
    const auto width = static_cast<double>(width_);
    return {.rows = rows(),
            .operations = 4 * rows() * width * width,
            .bytes = sizeof(float) * (4 * rows() * width + 2 * width * width)};
  }

 private:
  void refill() { incoming_.copy_from_host(dy_.view().data); }

  Matrix dy_, incoming_, dx_, expected_dx_, dweight_, expected_dweight_;
  Vector dbias_, expected_dbias_;
};

const std::vector<std::string> letters = {"B", "L", "D"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 200, 64}, {128, 200, 50}, {128, 50, 64}};
const bool registered = compare<Forward>("linear/relu_dropout/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("linear/relu_dropout/backward", "plain_loops", letters, sizes);

}  // namespace
