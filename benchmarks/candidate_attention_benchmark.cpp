// SPDX-License-Identifier: Apache-2.0
// Attention of candidates to histories (DIN), forward and backward, beside its formula as it is written down: a matrix
// of all pairs' [q, k, q - k, q * k] and one product, by Eigen. Every row of a history has two candidates, which see
// the last W items up to it, as in training.

#include <Eigen/Core>

#include "harness.hpp"
#include "seqrec/cpu/candidate_attention.hpp"

namespace {

using namespace benchmarks;

using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using EigenVector = Eigen::VectorXf;

/// A linear map with a PReLU after it, and its gradients: ours and the baseline's.
struct Layer {
  Matrix weight, dweight;
  Vector bias, alpha, dbias, dalpha;
  EigenMatrix expected_dweight;
  EigenVector expected_dbias, expected_dalpha;

  Layer(index_t units, index_t inputs, std::uint64_t stream)
      : weight(random_matrix(units, inputs, stream, 1 / std::sqrt(static_cast<double>(inputs)))),
        dweight(units, inputs),
        bias(random_vector(units, stream + 1)),
        alpha(random_vector(units, stream + 2)),
        dbias(units),
        dalpha(units),
        expected_dweight(EigenMatrix::Zero(units, inputs)),
        expected_dbias(EigenVector::Zero(units)),
        expected_dalpha(EigenVector::Zero(units)) {}
};

Eigen::Map<const EigenMatrix> map(const Matrix& matrix) {
  return {matrix.view().data, matrix.rows(), matrix.columns()};
}
Eigen::Map<const EigenVector> map(const Vector& vector) { return {vector.view().data, vector.size()}; }

std::span<const float> elements(const EigenMatrix& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}
using benchmarks::elements;

class Attention : protected OnBatch {
 public:
  using OnBatch::pieces;

 protected:
  explicit Attention(const benchmark::State& state)
      : OnBatch(state),
        window_(state.range(2)),
        width_(state.range(3)),
        keys_(random_matrix(load_.most_rows(), width_, 1)),
        queries_(random_matrix(2 * load_.most_rows(), width_, 2)),
        y_(2 * load_.most_rows(), width_),
        weight_(random_matrix(1, state.range(5) != 0 ? state.range(5) : state.range(4), 3, 0.1)),
        bias_(random_vector(1, 4)),
        dweight_(1, weight_.columns()),
        dbias_(1),
        recency_(random_matrix(1, std::max<index_t>(1, state.range(6)), 6)),
        drecency_(1, recency_.columns()),
        has_recency_(state.range(6) != 0),
        expected_drecency_(EigenMatrix::Zero(1, recency_.columns())),
        expected_dweight_(EigenMatrix::Zero(1, weight_.columns())),
        expected_y_(EigenMatrix::Zero(2 * load_.most_rows(), width_)) {
    layers_.emplace_back(state.range(4), 4 * width_, 10);
    if (state.range(5) != 0) layers_.emplace_back(state.range(5), state.range(4), 20);
  }

  seqrec::Candidates<HostSpace> see(const seqrec::Batch<HostSpace>& histories) {
    offsets_ = {0};
    visible_.clear();
    pairs_ = 0;
    for (index_t user = 0; user < histories.users(); ++user) {
      for (index_t row = 1; row <= histories.items.length(user); ++row)
        for (int candidate = 0; candidate < 2; ++candidate) {
          visible_.push_back(static_cast<seqrec::offset_t>(row));
          pairs_ += std::min(row, window_);
        }
      offsets_.push_back(static_cast<seqrec::offset_t>(visible_.size()));
    }
    items_.resize(visible_.size());
    seqrec::Candidates<HostSpace> candidates;
    candidates.items = {{items_.data(), std::ssize(items_)}, {offsets_.data(), std::ssize(offsets_)}};
    candidates.visible = {visible_.data(), std::ssize(visible_)};
    candidates.window = window_;
    candidates.pairs = pairs_;
    return candidates;
  }
  seqrec::AttentionUnit<Context> unit() {
    seqrec::AttentionUnit<Context> of;
    for (Layer& layer : layers_) {
      auto& hidden = of.hidden[of.layers++];
      hidden.weight = layer.weight.view();
      hidden.bias = layer.bias.view();
      hidden.activation.kind = seqrec::Activation::prelu;
      hidden.activation.alpha = layer.alpha.view();
      hidden.activation.dalpha = layer.dalpha.view();
      hidden.dweight = layer.dweight.view();
      hidden.dbias = layer.dbias.view();
    }
    of.weight = weight_.view();
    of.bias = bias_.view();
    of.dweight = dweight_.view();
    of.dbias = dbias_.view();
    if (has_recency_) {
      of.recency = recency_.view();
      of.drecency = drecency_.view();
    }
    return of;
  }
  seqrec::AttentionWeighting weighting() const { return {true, 1 / std::sqrt(static_cast<double>(width_))}; }

  struct Forward {
    seqrec::Candidates<HostSpace> candidates;
    seqrec::vector_of<Context> weights, saved;
  };
  Forward forward(const seqrec::Batch<HostSpace>& histories, bool keep) {
    Forward f{see(histories), {}, {}};
    const auto network = unit();
    const index_t rows = histories.rows();
    f.weights = context_.vector(f.candidates.pairs);
    if (keep) f.saved = context_.vector(seqrec::ops::candidate_attention_saved_size<Context>(f.candidates, network));
    seqrec::ops::candidate_attention_forward(
        context_,
        seqrec::CandidateAttentionForward<Context>{histories.offsets(), f.candidates, keys_.view().row_range(0, rows),
                                                   queries_.view().row_range(0, 2 * rows), network, weighting(),
                                                   y_.view().row_range(0, 2 * rows), f.weights, f.saved});
    return f;
  }

  /// Calls use(candidate, first row, rows seen, first pair) for every candidate.
  template <class Use>
  void for_each_candidate(const seqrec::Batch<HostSpace>& histories, Use use) const {
    index_t candidate = 0, pair = 0;
    for (index_t user = 0; user < histories.users(); ++user)
      for (index_t row = 0; row < histories.items.length(user); ++row)
        for (int i = 0; i < 2; ++i) {
          const index_t seen = std::min(row + 1, window_);
          use(candidate++, histories.offsets()(user) + row + 1 - seen, seen, pair);
          pair += seen;
        }
  }
  /// The formula with a matrix for everything; it stays for plain_backward.
  void plain_forward(const seqrec::Batch<HostSpace>& histories) {
    see(histories);
    const auto k = map(keys_), q = map(queries_);
    x_.resize(pairs_, 4 * width_);
    for_each_candidate(histories, [&](index_t c, index_t row, index_t seen, index_t pair) {
      for (index_t j = 0; j < seen; ++j)
        x_.row(pair + j) << q.row(c), k.row(row + j), q.row(c) - k.row(row + j), q.row(c).cwiseProduct(k.row(row + j));
    });
    before_.resize(layers_.size());
    after_.resize(layers_.size());
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      before_[l].noalias() = (l == 0 ? x_ : after_[l - 1]) * map(layers_[l].weight).transpose();
      before_[l].rowwise() += map(layers_[l].bias).transpose();
      after_[l] = before_[l].cwiseMax(0.0f) + before_[l].cwiseMin(0.0f) * map(layers_[l].alpha).asDiagonal();
    }
    weights_.noalias() = after_.back() * map(weight_).transpose();
    weights_.array() += bias_.view()(0);
    const auto scale = static_cast<float>(weighting().scale);
    for_each_candidate(histories, [&](index_t c, index_t row, index_t seen, index_t pair) {
      auto weights = weights_.col(0).segment(pair, seen);
      weights *= scale;
      if (has_recency_)
        for (index_t j = 0; j < seen; ++j) weights(j) += recency_.view()(0, seen - 1 - j);
      weights = (weights.array() - weights.maxCoeff()).exp();
      weights /= weights.sum();
      expected_y_.row(c).noalias() = weights.transpose() * k.middleRows(row, seen);
    });
  }
  /// @param products of all pairs with the unit, e.g. 3 in forward and backward together
  Cost cost_of(index_t products) const {
    double pairs = 0;
    for (index_t piece = 0; piece < pieces(); ++piece)
      for_each_candidate(load_.batch.shard(piece).histories,
                         [&](index_t, index_t, index_t seen, index_t) { pairs += static_cast<double>(seen); });
    index_t each = layers_.back().weight.rows();
    for (const Layer& layer : layers_) each += layer.weight.rows() * std::min(layer.weight.columns(), width_);
    return {pairs, 2 * static_cast<double>(products * each) * pairs};
  }

  index_t window_, width_;
  Matrix keys_, queries_, y_, weight_;
  Vector bias_;
  Matrix dweight_;
  Vector dbias_;
  Matrix recency_, drecency_;
  bool has_recency_;
  EigenMatrix expected_drecency_;
  std::vector<Layer> layers_;
  std::vector<item_t> items_;
  std::vector<seqrec::offset_t> offsets_, visible_;
  index_t pairs_ = 0;
  EigenMatrix expected_dweight_, expected_y_, x_, weights_;
  std::vector<EigenMatrix> before_, after_;
};

/// Scoring: nothing is kept.
struct Inference : Attention {
  explicit Inference(const benchmark::State& state) : Attention(state) {}
  void run(index_t piece) { forward(begin(piece).histories, false); }
  void baseline(index_t piece) { plain_forward(begin(piece).histories); }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
  Cost cost() const { return cost_of(1); }
};

struct Training : Attention {
  explicit Training(const benchmark::State& state)
      : Attention(state),
        dy_(random_matrix(2 * load_.most_rows(), width_, 5)),
        dkeys_(load_.most_rows(), width_),
        dqueries_(2 * load_.most_rows(), width_),
        expected_dkeys_(EigenMatrix::Zero(load_.most_rows(), width_)),
        expected_dqueries_(EigenMatrix::Zero(2 * load_.most_rows(), width_)) {}

  void run(index_t piece) {
    const auto histories = begin(piece).histories;
    const index_t rows = histories.rows();
    const Forward f = forward(histories, true);
    seqrec::ops::candidate_attention_backward(
        context_, seqrec::CandidateAttentionBackward<Context>{histories.offsets(),
                                                              f.candidates,
                                                              keys_.view().row_range(0, rows),
                                                              queries_.view().row_range(0, 2 * rows),
                                                              unit(),
                                                              weighting(),
                                                              f.weights,
                                                              f.saved,
                                                              dy_.view().row_range(0, 2 * rows),
                                                              {dkeys_.view().row_range(0, rows)},
                                                              {dqueries_.view().row_range(0, 2 * rows)}});
  }
  void baseline(index_t piece) {
    const auto histories = begin(piece).histories;
    plain_forward(histories);
    const auto k = map(keys_), q = map(queries_), dy = map(dy_);
    expected_dkeys_.topRows(histories.rows()).setZero();
    const auto scale = static_cast<float>(weighting().scale);
    EigenMatrix dscores(pairs_, 1);
    for_each_candidate(histories, [&](index_t c, index_t row, index_t seen, index_t pair) {
      const auto weights = weights_.col(0).segment(pair, seen);
      auto ds = dscores.col(0).segment(pair, seen);
      ds.noalias() = k.middleRows(row, seen) * dy.row(c).transpose();
      ds = (weights.array() * (ds.array() - weights.dot(ds))).matrix().eval();
      for (index_t j = 0; has_recency_ && j < seen; ++j) expected_drecency_(0, seen - 1 - j) += ds(j);
      ds *= scale;
      expected_dkeys_.middleRows(row, seen).noalias() += weights * dy.row(c);
    });
    expected_dweight_.noalias() += dscores.transpose() * after_.back();
    EigenMatrix gradient = dscores * map(weight_);
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      layer.expected_dalpha += gradient.cwiseProduct(before_[l].cwiseMin(0.0f)).colwise().sum().transpose();
      gradient = (before_[l].array() > 0.0f)
                     .select(gradient.array(), (gradient * map(layer.alpha).asDiagonal()).array())
                     .matrix()
                     .eval();
      layer.expected_dbias += gradient.colwise().sum().transpose();
      layer.expected_dweight.noalias() += gradient.transpose() * (l == 0 ? x_ : after_[l - 1]);
      gradient = (gradient * map(layer.weight)).eval();
    }
    const auto part = [&](index_t i, index_t pair, index_t seen) {
      return gradient.block(pair, i * width_, seen, width_);
    };
    for_each_candidate(histories, [&](index_t c, index_t row, index_t seen, index_t pair) {
      expected_dqueries_.row(c) =
          (part(0, pair, seen) + part(2, pair, seen) + part(3, pair, seen).cwiseProduct(k.middleRows(row, seen)))
              .colwise()
              .sum();
      expected_dkeys_.middleRows(row, seen) +=
          part(1, pair, seen) - part(2, pair, seen) + part(3, pair, seen) * q.row(c).asDiagonal();
    });
  }
  std::vector<Result> results() const {
    std::vector<Result> all = {{elements(y_), elements(expected_y_)},
                               {elements(dkeys_), elements(expected_dkeys_)},
                               {elements(dqueries_), elements(expected_dqueries_)},
                               {elements(dweight_), elements(expected_dweight_)},
                               {elements(drecency_), elements(expected_drecency_)}};
    for (const Layer& layer : layers_) all.push_back({elements(layer.dweight), elements(layer.expected_dweight)});
    return all;
  }
  Cost cost() const { return cost_of(3); }

 private:
  Matrix dy_, dkeys_, dqueries_;
  EigenMatrix expected_dkeys_, expected_dqueries_;
};

// B users, L items of history, a window of W, D wide, hidden layers of F1 and F2 units (0: there is one), a recency
// bias for R distances (0: none).
const std::vector<std::string> letters = {"B", "L", "W", "D", "F1", "F2", "R"};
const std::vector<std::vector<std::int64_t>> sizes = {
    {8, 100, 20, 64, 32, 0, 0}, {8, 100, 20, 64, 32, 0, 20}, {8, 100, 50, 64, 32, 0, 0}, {8, 100, 50, 64, 80, 40, 0}};
const bool registered = compare<Inference>("candidate_attention/forward", "written_out_pairs", letters, sizes) &&
                        compare<Training>("candidate_attention/forward_backward", "written_out_pairs", letters, sizes);

}  // namespace
