// SPDX-License-Identifier: Apache-2.0
// The matrix product in the forms and at the sizes in which a step uses it: a shard of M = 256 rows through D = 64.

#include "harness.hpp"
#include "seqrec/cpu/gemm.hpp"

namespace {

using namespace benchmarks;

using View = seqrec::MatrixView<float, HostSpace>;
using ConstView = seqrec::MatrixView<const float, HostSpace>;

/// C (M, N) = A (M, K) B (K, N), its operands kept as `Form` wants them.
template <class Form>
class Product {
 public:
  explicit Product(const benchmark::State& state)
      : m_(state.range(0)),
        n_(state.range(1)),
        k_(state.range(2)),
        a_(Form::transposes_a ? random_matrix(k_, m_, 1) : random_matrix(m_, k_, 1)),
        b_(Form::transposes_b ? random_matrix(n_, k_, 2) : random_matrix(k_, n_, 2)),
        c_(m_, n_),
        expected_(m_, n_) {}

  index_t pieces() const { return 1; }
  void run(index_t) {
    const auto a = [this] {
      if constexpr (Form::transposes_a)
        return seqrec::cpu::transposed(ConstView(a_.view()));
      else
        return ConstView(a_.view());
    }();
    const auto b = [this] {
      if constexpr (Form::transposes_b)
        return seqrec::cpu::transposed(ConstView(b_.view()));
      else
        return ConstView(b_.view());
    }();
    seqrec::cpu::gemm(a, b, c_.view());
  }
  void baseline(index_t) {
    const View c = expected_.view();
    for (index_t i = 0; i < m_; ++i) {
      for (index_t j = 0; j < n_; ++j) c(i, j) = 0;
      for (index_t k = 0; k < k_; ++k) {
        const float a = Form::transposes_a ? a_.view()(k, i) : a_.view()(i, k);
        for (index_t j = 0; j < n_; ++j) c(i, j) += a * (Form::transposes_b ? b_.view()(j, k) : b_.view()(k, j));
      }
    }
  }
  std::vector<Result> results() const { return {{elements(c_), elements(expected_)}}; }
  Cost cost() const {
    return {.rows = static_cast<double>(m_),
            .operations = 2.0 * static_cast<double>(m_ * n_ * k_),
            .bytes = sizeof(float) * static_cast<double>(m_ * k_ + k_ * n_ + m_ * n_)};
  }

 protected:
  index_t m_, n_, k_;
  Matrix a_, b_, c_, expected_;
};

/// The same beside Eigen's own product.
template <class Form>
struct BesideEigen : Product<Form> {
  using Base = Product<Form>;
  using Base::Base;

  void baseline(index_t) {
    using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using Strided = Eigen::Map<const Rows, Eigen::Unaligned, Eigen::OuterStride<>>;
    const auto map = [](const ConstView& matrix) {
      return Strided(matrix.data, matrix.rows(), matrix.columns(), Eigen::OuterStride<>(matrix.stride));
    };
    const auto a = map(Base::a_.view()), b = map(Base::b_.view());
    const View c = Base::expected_.view();
    Eigen::Map<Rows, Eigen::Unaligned, Eigen::OuterStride<>> to(c.data, c.rows(), c.columns(),
                                                                Eigen::OuterStride<>(c.stride));
    if constexpr (Form::transposes_a)
      to.noalias() = a.transpose() * b;
    else if constexpr (Form::transposes_b)
      to.noalias() = a * b.transpose();
    else
      to.noalias() = a * b;
  }
};

struct Forward {  ///< x weight'
  static constexpr bool transposes_a = false, transposes_b = true;
};
struct InputGradient {  ///< dy weight
  static constexpr bool transposes_a = false, transposes_b = false;
};
struct WeightGradient {  ///< dy' x
  static constexpr bool transposes_a = true, transposes_b = false;
};

const std::vector<std::string> letters = {"M", "N", "K"};
// A projection, queries, keys and values together, one head's scores, a block of rows against the catalogue.
const std::vector<std::vector<std::int64_t>> forward_sizes = {
    {256, 64, 64}, {256, 50, 50}, {256, 192, 64}, {32, 200, 64}, {76, 3416, 64}};
const std::vector<std::vector<std::int64_t>> input_sizes = {{256, 64, 64}, {256, 64, 192}},
                                             weight_sizes = {{64, 64, 256}, {192, 64, 256}};

const bool registered =
    compare<BesideEigen<Forward>>("gemm/forward", "eigen", letters, forward_sizes) &&
    time_beside<Product<Forward>>("gemm/forward", "plain_loops", letters, forward_sizes) &&
    compare<BesideEigen<InputGradient>>("gemm/input_gradient", "eigen", letters, input_sizes) &&
    time_beside<Product<InputGradient>>("gemm/input_gradient", "plain_loops", letters, input_sizes) &&
    compare<BesideEigen<WeightGradient>>("gemm/weight_gradient", "eigen", letters, weight_sizes) &&
    time_beside<Product<WeightGradient>>("gemm/weight_gradient", "plain_loops", letters, weight_sizes);

}  // namespace
