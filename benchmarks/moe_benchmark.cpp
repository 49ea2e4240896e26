// SPDX-License-Identifier: Apache-2.0
// A mixture of experts, router and experts together, beside the same by masks: every expert computes every row, and
// what was not chosen is multiplied by zero. Both run in turns, piece by piece, in processor time of their thread, so
// that `times` (by how much the masks are slower) suffers little from what else goes on.

#include <ctime>

#include "harness.hpp"
#include "seqrec/cpu/moe_ffn.hpp"
#include "seqrec/cpu/moe_route.hpp"

namespace {

using namespace benchmarks;
using seqrec::offset_t;
using View = seqrec::MatrixView<float, HostSpace>;

/// Sizes are B, L, D, F (of an expert), X, K.
class Mixture : protected OnBatch {
 public:
  using OnBatch::pieces;

  explicit Mixture(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        units_(state.range(3)),
        experts_(state.range(4)),
        chosen_(state.range(5)),
        logits_(random_matrix(load_.most_rows(), experts_, 1)),
        x_(random_matrix(load_.most_rows(), width_, 2)),
        weight1_(random_matrix(experts_ * units_, width_, 3, 0.1)),
        bias1_(random_matrix(experts_, units_, 4)),
        weight2_(random_matrix(experts_ * width_, units_, 5, 0.1)),
        bias2_(random_matrix(experts_, width_, 6)),
        dy_(random_matrix(load_.most_rows(), width_, 7)),
        sorted_(*this),
        masked_(*this) {}

  void run(index_t piece, bool backward) {
    const index_t rows = begin(piece).histories.rows(), assignments = rows * chosen_;
    const seqrec::MoeRouting<Context> routing{{context_.vector<offset_t>(assignments).data, rows, chosen_},
                                              {context_.vector<offset_t>(assignments).data, rows, chosen_},
                                              context_.vector<offset_t>(assignments),
                                              context_.vector<offset_t>(experts_ + 1)};
    const auto gates = context_.matrix(rows, experts_), weights = context_.matrix(rows, chosen_),
               hidden = context_.matrix(assignments, units_);
    const auto x = x_.view().row_range(0, rows);
    const seqrec::MoeExperts<Context> experts{weight1_.view(), bias1_.view(), weight2_.view(), bias2_.view()};
    seqrec::ops::moe_route_forward(
        context_,
        seqrec::MoeRouteForward<Context>{
            .logits = logits_.view().row_range(0, rows), .routing = routing, .gates = gates, .weights = weights});
    seqrec::ops::moe_ffn_forward(context_, seqrec::MoeFfnForward<Context>{.x = x,
                                                                          .weights = weights,
                                                                          .routing = routing,
                                                                          .experts = experts,
                                                                          .hidden = hidden,
                                                                          .y = sorted_.y.view().row_range(0, rows)});
    if (!backward) return;
    sorted_.clear();
    const auto dweights = context_.matrix(rows, chosen_);
    seqrec::ops::moe_ffn_backward(context_,
                                  seqrec::MoeFfnBackward<Context>{.x = x,
                                                                  .weights = weights,
                                                                  .routing = routing,
                                                                  .experts = experts,
                                                                  .hidden = hidden,
                                                                  .dy = dy_.view().row_range(0, rows),
                                                                  .dx = {sorted_.dx.view().row_range(0, rows)},
                                                                  .dweights = {dweights},
                                                                  .dweight1 = sorted_.dweight1.view(),
                                                                  .dbias1 = sorted_.dbias1.view(),
                                                                  .dweight2 = sorted_.dweight2.view(),
                                                                  .dbias2 = sorted_.dbias2.view()});
    seqrec::ops::moe_route_backward(
        context_, seqrec::MoeRouteBackward<Context>{.gates = gates,
                                                    .weights = weights,
                                                    .routing = routing,
                                                    .dweights = dweights,
                                                    .dlogits = {sorted_.dlogits.view().row_range(0, rows)}});
  }

  void baseline(index_t piece, bool backward) {
    using seqrec::cpu::gemm, seqrec::cpu::transposed, seqrec::cpu::row_array, seqrec::cpu::array;
    const index_t rows = begin(piece).histories.rows();
    const auto gates = context_.matrix(rows, experts_), weights = context_.matrix(rows, experts_),
               hidden = context_.matrix(rows, experts_ * units_), result = context_.matrix(rows, width_);
    const auto sums = context_.vector(rows);
    for (index_t n = 0; n < rows; ++n) {
      for (index_t e = 0; e < experts_; ++e) gates(n, e) = weights(n, e) = 1 / (1 + std::exp(-logits_.view()(n, e)));
      // Zeros where fewer than K others are better.
      const auto least = context_.vector(experts_);
      std::copy_n(gates.row(n), experts_, least.data);
      std::nth_element(least.data, least.data + chosen_ - 1, least.data + experts_, std::greater<>());
      sums(n) = 0;
      for (index_t e = 0; e < experts_; ++e) {
        if (gates(n, e) < least(chosen_ - 1)) weights(n, e) = 0;
        sums(n) += weights(n, e);
      }
      row_array(weights, n) /= sums(n);
    }
    const View x = x_.view().row_range(0, rows), y = masked_.y.view().row_range(0, rows);
    std::fill_n(y.data, y.size(), 0.0f);
    for (index_t e = 0; e < experts_; ++e) {
      const auto h = hidden.column_range(e * units_, units_);
      gemm(x, transposed(weight1_.view().row_range(e * units_, units_)), h);
      for (index_t n = 0; n < rows; ++n) row_array(h, n) = (row_array(h, n) + row_array(bias1_.view(), e)).max(0.0f);
      gemm(h, transposed(weight2_.view().row_range(e * width_, width_)), result);
      for (index_t n = 0; n < rows; ++n)
        row_array(y, n) += weights(n, e) * (row_array(result, n) + row_array(bias2_.view(), e));
    }
    if (!backward) return;
    masked_.clear();
    const auto dweights = context_.matrix(rows, experts_), dh = context_.matrix(rows, units_),
               dz = context_.matrix(rows, width_);
    const View dx = masked_.dx.view().row_range(0, rows), dy = dy_.view().row_range(0, rows);
    for (index_t e = 0; e < experts_; ++e) {
      const auto h = hidden.column_range(e * units_, units_);
      const auto weight2 = weight2_.view().row_range(e * width_, width_);
      gemm(dy, weight2, dh);
      for (index_t n = 0; n < rows; ++n) {
        const auto d = row_array(dh, n);
        dweights(n, e) = (row_array(h, n) * d).sum() + (row_array(bias2_.view(), e) * row_array(dy, n)).sum();
        row_array(dh, n) = (row_array(h, n) > 0.0f).select(weights(n, e) * d, 0.0f);
        row_array(dz, n) = weights(n, e) * row_array(dy, n);
        row_array(masked_.dbias1.view(), e) += row_array(dh, n);
        row_array(masked_.dbias2.view(), e) += row_array(dz, n);
      }
      gemm(transposed(dh), x, masked_.dweight1.view().row_range(e * units_, units_));
      gemm(transposed(dz), h, masked_.dweight2.view().row_range(e * width_, width_));
      gemm(dh, weight1_.view().row_range(e * units_, units_), dx,
           e == 0 ? seqrec::GradientMode::write : seqrec::GradientMode::add);
    }
    for (index_t n = 0; n < rows; ++n) {
      const float mean = (row_array(dweights, n) * row_array(weights, n)).sum();
      for (index_t e = 0; e < experts_; ++e) {
        const float of_gate = weights(n, e) > 0 ? (dweights(n, e) - mean) / sums(n) : 0;
        masked_.dlogits.view()(n, e) = of_gate * gates(n, e) * (1 - gates(n, e));
      }
    }
  }

  std::vector<Result> results(bool backward) const {
    std::vector<Result> all = {{elements(sorted_.y), elements(masked_.y)}};
    if (!backward) return all;
    for (const auto of : {&Gradients::dx, &Gradients::dlogits, &Gradients::dweight1, &Gradients::dbias1,
                          &Gradients::dweight2, &Gradients::dbias2})
      all.push_back({elements(sorted_.*of), elements(masked_.*of)});
    return all;
  }

 private:
  /// What one side leaves.
  struct Gradients {
    Matrix y, dx, dlogits, dweight1, dbias1, dweight2, dbias2;

    explicit Gradients(const Mixture& of)
        : y(of.load_.most_rows(), of.width_),
          dx(of.load_.most_rows(), of.width_),
          dlogits(of.load_.most_rows(), of.experts_),
          dweight1(of.experts_ * of.units_, of.width_),
          dbias1(of.experts_, of.units_),
          dweight2(of.experts_ * of.width_, of.units_),
          dbias2(of.experts_, of.width_) {}
    void clear() {
      for (Matrix* of : {&dweight1, &dbias1, &dweight2, &dbias2}) std::fill_n(of->view().data, of->size(), 0.0f);
    }
  };

  index_t width_, units_, experts_, chosen_;
  Matrix logits_, x_, weight1_, bias1_, weight2_, bias2_, dy_;
  Gradients sorted_, masked_;
};

/// Processor time of this thread.
double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <bool backward>
void in_turns(benchmark::State& state) {
  Mixture work(state);
  for (index_t piece = 0; piece < work.pieces(); ++piece) {
    work.run(piece, backward);
    work.baseline(piece, backward);
    for (const Result& result : work.results(backward))
      if (!agree(result)) return state.SkipWithError("sorted and masked disagree");
  }
  double sorted = 0, masked = 0;  // seconds
  for ([[maybe_unused]] auto _ : state)
    for (index_t piece = 0; piece < work.pieces(); ++piece) {
      const double begin = thread_seconds();
      work.run(piece, backward);
      const double middle = thread_seconds();
      work.baseline(piece, backward);
      sorted += middle - begin;
      masked += thread_seconds() - middle;
    }
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["sorted_us"] = sorted / rounds * 1e6;
  state.counters["masked_us"] = masked / rounds * 1e6;
  state.counters["times"] = masked / sorted;
}

bool add(const char* name, void (*function)(benchmark::State&)) {
  benchmark::internal::Benchmark* entry = benchmark::RegisterBenchmark(name, function);
  entry->ArgNames({"B", "L", "D", "F", "X", "K"})->Unit(benchmark::kMicrosecond);
  for (const std::int64_t experts : {4, 8, 16, 64}) entry->Args({128, 200, 64, 32, experts, 2});
  return true;
}

const bool registered = add("moe/forward/beside_masks/f32", &in_turns<false>) &&
                        add("moe/forward_and_backward/beside_masks/f32", &in_turns<true>);

}  // namespace
