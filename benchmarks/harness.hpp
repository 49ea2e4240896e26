// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reporting.hpp"
#include "seqrec/cpu/context.hpp"
#include "shapes.hpp"

// A benchmark is an op at a real size beside a baseline that computes the same: plain loops or the obvious Eigen
// expression, whichever a reader would write first. Before the op is timed the two are compared. Names are sentences
// that `./benchmarks/run --filter` finds: self_attention/forward/cpu/f32/B:128/L:200/D:64/H:1. One thread, unless the
// name says otherwise; operands are as hot in cache as in a training step, because shards share their buffers.

namespace benchmarks {

using Context = seqrec::cpu::Context;
using seqrec::HostSpace;
using seqrec::index_t;
using seqrec::item_t;
using Matrix = seqrec::Tensor<float, 2, HostSpace>;
using Vector = seqrec::Tensor<float, 1, HostSpace>;

/// What an op and its baseline left: compared element by element.
struct Result {
  std::span<const float> found, expected;
  double tolerance = 2e-4;  ///< of the largest element
};

/// Elements of a matrix or vector.
template <class Tensor>
std::span<const float> elements(const Tensor& tensor) {
  return {tensor.view().data, static_cast<std::size_t>(tensor.size())};
}

/// Whether results agree, as a rule to single precision, measured against the largest element.
inline bool agree(const Result& result) {
  if (result.found.size() != result.expected.size()) return false;
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < result.expected.size(); ++i) {
    const auto expected = static_cast<double>(result.expected[i]);
    const double here = std::abs(static_cast<double>(result.found[i]) - expected);
    if (std::isnan(here)) return false;
    largest = std::max(largest, std::abs(expected));
    difference = std::max(difference, here);
  }
  return difference <= result.tolerance * largest;
}

/// A comparison in pieces: each piece is run by the op and by its baseline, and their results compared.
///
/// A Comparison offers: a constructor from const benchmark::State&, pieces(), run(piece), baseline(piece), results()
/// of the piece run last, and cost() of all pieces together.
template <class Comparison>
void time_op(benchmark::State& state) {
  Comparison work(state);
  for (index_t piece = 0; piece < work.pieces(); ++piece) {
    work.run(piece);
    work.baseline(piece);
    for (const Result& result : work.results())
      if (!agree(result)) return state.SkipWithError("the op and its baseline disagree");
  }
  for ([[maybe_unused]] auto _ : state) {
    for (index_t piece = 0; piece < work.pieces(); ++piece) work.run(piece);
    benchmark::ClobberMemory();
  }
  report(state, work.cost());
}

template <class Comparison>
void time_baseline(benchmark::State& state) {
  Comparison work(state);
  for ([[maybe_unused]] auto _ : state) {
    for (index_t piece = 0; piece < work.pieces(); ++piece) work.baseline(piece);
    benchmark::ClobberMemory();
  }
  report(state, work.cost());
}

/// Registers a function as NAME at each size.
inline void add(const std::string& name, void (*function)(benchmark::State&), const std::vector<std::string>& letters,
                const std::vector<std::vector<std::int64_t>>& sizes) {
  benchmark::internal::Benchmark* entry = benchmark::RegisterBenchmark(name.c_str(), function);
  entry->ArgNames(letters)->Unit(benchmark::kMicrosecond);
  for (const auto& size : sizes) entry->Args(size);
}

/// Registers OP/BASELINE/f32 at each size: a further baseline.
template <class Comparison>
bool time_beside(const std::string& op, const std::string& baseline, const std::vector<std::string>& letters,
                 const std::vector<std::vector<std::int64_t>>& sizes) {
  add(op + "/" + baseline + "/f32", &time_baseline<Comparison>, letters, sizes);
  return true;
}

/// Registers OP/cpu/f32 and OP/BASELINE/f32 at each size.
template <class Comparison>
bool compare(const std::string& op, const std::string& baseline, const std::vector<std::string>& letters,
             const std::vector<std::vector<std::int64_t>>& sizes) {
  add(op + "/cpu/f32", &time_op<Comparison>, letters, sizes);
  return time_beside<Comparison>(op, baseline, letters, sizes);
}

/// The part of a comparison that goes through a training batch (B, L) shard by shard, on one context.
class OnBatch {
 public:
  index_t pieces() const { return load_.batch.num_shards(); }

 protected:
  /// The first two sizes of the benchmark are B and L.
  explicit OnBatch(const benchmark::State& state, index_t fewest_users = 1)
      : load_(workload(state.range(0), state.range(1), fewest_users)) {}

  /// A piece's shard, its context made ready.
  seqrec::TrainingBatch<HostSpace> begin(index_t piece) {
    context_.begin_shard();
    return load_.batch.shard(piece);
  }
  double rows() const { return static_cast<double>(load_.rows()); }

  const Workload& load_;
  Context context_;
};

}  // namespace benchmarks
