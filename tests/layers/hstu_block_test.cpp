// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/hstu_block.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "layers/two_blocks.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

constexpr index_t width = 4;

using Probe = seqrec_test::TwoBlocks<HstuBlock<DoubleContext>, HstuBlockOptions>;

const ToyBatch& timed_batch() {
  static const ToyBatch batch(seqrec_test::with_times(seqrec_test::toy_users({3, 0, 1, 4}, 4, 0, 1)), 4, 0);
  return batch;
}

std::vector<double> normalised(const std::vector<double>& x, const LayerNorm<DoubleContext>& norm) {
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / width;
  for (const double value : x) variance += (value - mean) * (value - mean) / width;
  std::vector<double> y;
  for (index_t d = 0; d < width; ++d)
    y.push_back((x[static_cast<std::size_t>(d)] - mean) / std::sqrt(variance + norm.epsilon) * norm.weight.view()(d) +
                norm.bias.view()(d));
  return y;
}

/// What a block adds to row `row` of the only history that it lies in, `begin` its first row.
std::vector<double> branch_by_loops(const Probe& probe, index_t begin, index_t row) {
  const HstuBlock<DoubleContext>& block = probe.first;
  const auto silu = [](double x) { return x / (1 + std::exp(-x)); };
  const auto uvqk = [&](index_t of, index_t column) {
    std::vector<double> x;
    for (index_t d = 0; d < width; ++d) x.push_back(probe.x.view()(of, d));
    const auto n = normalised(x, block.input_norm);
    double sum = 0;
    for (index_t d = 0; d < width; ++d) sum += n[static_cast<std::size_t>(d)] * block.uvqk.weight.view()(column, d);
    return silu(sum);
  };
  const index_t each = width / block.heads;
  const auto times = probe.batch.histories().times;
  std::vector<double> mixed(width, 0.0);
  for (index_t head = 0; head < block.heads; ++head)
    for (index_t j = begin; j <= row; ++j) {
      double logit = block.bias.position_bias.view()(head, row - j) +
                     block.bias.time_bias.view()(head, time_bucket(seconds_between(times(row), times(j))));
      for (index_t d = head * each; d < (head + 1) * each; ++d)
        logit += uvqk(row, 2 * width + d) * uvqk(j, 3 * width + d);
      for (index_t d = head * each; d < (head + 1) * each; ++d)
        mixed[static_cast<std::size_t>(d)] += silu(logit) / block.divisor * uvqk(j, width + d);
    }
  const auto z = normalised(mixed, block.attention_norm);
  std::vector<double> y;
  for (index_t o = 0; o < width; ++o) {
    double sum = block.o.bias.view()(o);
    for (index_t d = 0; d < width; ++d)
      sum += uvqk(row, d) * z[static_cast<std::size_t>(d)] * block.o.weight.view()(o, d);
    y.push_back(sum);
  }
  return y;
}

}  // namespace

TEST_CASE("an HSTU block is what its definition says", "[layers]") {
  const Probe probe(timed_batch(),
                    {.width = width, .heads = GENERATE(1, 2), .max_length = 5, .dropout = 0.5, .bias = {5, true}});
  DoubleContext context;
  T tape(context, Mode::inference);  // no dropout
  const auto histories = timed_batch().histories();
  const auto [x, branch, dropout] =
      probe.first.forward(tape, histories, ResidualStream<DoubleContext>{seqrec_test::leaf(tape, probe.x), {}});
  CHECK_FALSE(dropout.active());
  for (index_t user = 0; user < histories.users(); ++user)
    for (index_t row = histories.offsets()(user); row < histories.offsets()(user + 1); ++row) {
      const auto expected = branch_by_loops(probe, histories.offsets()(user), row);
      for (index_t d = 0; d < width; ++d) {
        CHECK(branch.value()(row, d) == Approx(expected[static_cast<std::size_t>(d)]).epsilon(1e-9));
        CHECK(x.value()(row, d) == probe.x.view()(row, d));
      }
    }
}

TEST_CASE("an HSTU block's gradients are its derivatives", "[layers]") {
  HstuBlockOptions options{.width = width, .heads = GENERATE(1, 2), .max_length = 5};
  options.dropout = GENERATE(0.0, 0.3);
  if (GENERATE(false, true)) options.bias = {5, true};
  Probe probe(timed_batch(), options);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("heads of an HSTU block must divide the width", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  CHECK_THAT(seqrec_test::message_of<ArgumentError>(
                 [&] { HstuBlock<DoubleContext>(parameters.scope(), {.width = 6, .heads = 4}); }),
             ContainsSubstring("heads is 4, expected a divisor of the width"));
}
