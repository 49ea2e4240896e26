// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/self_attention.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::deviation, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

constexpr index_t width = 6;

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  MatrixParameter<DoubleContext> x, queries;
  SelfAttention<DoubleContext> layer;
  bool one_source;

  Probe(const ToyBatch& toy, index_t heads, bool queries_are_rows, double dropout)
      : batch(toy),
        x(store.scope().matrix("x", toy.rows(), width, Initialiser::normal(1))),
        queries(store.scope().matrix("queries", toy.rows(), width, Initialiser::normal(1))),
        layer(store.scope(), width, heads, dropout),
        one_source(queries_are_rows) {
    finish();
    seqrec_test::randomise(*this, 8, 0.6);
  }
  Variable<DoubleContext> forward(T& tape) const {
    const auto rows = seqrec_test::leaf(tape, x), asking = seqrec_test::leaf(tape, queries);
    return one_source ? layer.forward(tape, batch.histories(), rows)
                      : layer.forward(tape, batch.histories(), asking, rows);
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

/// Attention of one history by the definition, in plain loops.
std::vector<double> attention_by_loops(const Probe& probe) {
  const auto histories = probe.batch.histories();
  const auto w = probe.layer.in_proj_weight.view();
  const auto b = probe.layer.in_proj_bias.view();
  const auto out = probe.layer.out_proj.weight.view();
  const auto out_bias = probe.layer.out_proj.bias.view();
  const auto project = [&](const MatrixParameter<DoubleContext>& rows, index_t row, index_t output) {
    double sum = b(output);
    for (index_t i = 0; i < width; ++i) sum += w(output, i) * rows.view()(row, i);
    return sum;
  };
  const index_t head_width = width / probe.layer.heads;
  std::vector<double> result;
  for (index_t user = 0; user < histories.users(); ++user)
    for (index_t row = histories.offsets()(user); row < histories.offsets()(user + 1); ++row) {
      std::vector<double> mixed(width, 0.0);
      for (index_t head = 0; head < probe.layer.heads; ++head) {
        std::vector<double> weights;
        double total = 0;
        for (index_t key = histories.offsets()(user); key <= row; ++key) {
          double score = 0;
          for (index_t i = head * head_width; i < (head + 1) * head_width; ++i)
            score += project(probe.one_source ? probe.x : probe.queries, row, i) * project(probe.x, key, width + i);
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(head_width))));
          total += weights.back();
        }
        for (std::size_t key = 0; key < weights.size(); ++key)
          for (index_t i = head * head_width; i < (head + 1) * head_width; ++i)
            mixed[static_cast<std::size_t>(i)] +=
                weights[key] / total *
                project(probe.x, histories.offsets()(user) + static_cast<index_t>(key), 2 * width + i);
      }
      for (index_t output = 0; output < width; ++output) {
        double sum = out_bias(output);
        for (index_t i = 0; i < width; ++i) sum += out(output, i) * mixed[static_cast<std::size_t>(i)];
        result.push_back(sum);
      }
    }
  return result;
}

const ToyBatch& small_batch() {
  static const ToyBatch batch(seqrec_test::toy_users({3, 0, 1, 5, 2}, 4, 0, 1), 4, 0);
  return batch;
}

}  // namespace

TEST_CASE("self-attention is what its definition says", "[layers]") {
  const ToyBatch longer(seqrec_test::toy_users({1, 0, 37, 70}, 4, 0, 1), 4, 0);  // more rows than a block has
  const Probe probe(GENERATE(true, false) ? small_batch() : longer, GENERATE(1, 2, 6), GENERATE(true, false), 0.3);
  DoubleContext context;
  T tape(context, Mode::inference);
  CHECK(deviation(probe.forward(tape).value(), attention_by_loops(probe)) < 1e-12);
}

TEST_CASE("self-attention computes the same in training without dropout", "[layers]") {
  const Probe probe(small_batch(), 2, GENERATE(true, false), 0);
  DoubleContext context;
  T tape(context, Mode::training);
  CHECK(deviation(probe.forward(tape).value(), attention_by_loops(probe)) < 1e-12);
}

TEST_CASE("self-attention's gradients are its derivatives", "[layers]") {
  Probe probe(small_batch(), GENERATE(1, 2), GENERATE(true, false), GENERATE(0.0, 0.4));
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
  CHECK(check.kinks == 0);
}

TEST_CASE("self-attention has the parameters of PyTorch's MultiheadAttention", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  const SelfAttention<DoubleContext> layer(parameters.scope(), width, 2, 0);
  CHECK(seqrec_test::shown_parameters(parameters) ==
        "in_proj_weight 18 6\nin_proj_bias 18\nout_proj.weight 6 6\nout_proj.bias 6\n");
}

TEST_CASE("heads must divide the width", "[layers]") {
  for (const index_t heads : {0, -1, 4, 7}) {
    ParameterStore<DoubleContext> parameters;
    CHECK_THAT(
        seqrec_test::message_of<ArgumentError>([&] { SelfAttention<DoubleContext>(parameters.scope(), 6, heads, 0); }),
        ContainsSubstring("heads is " + std::to_string(heads)) && ContainsSubstring("divisor of the width"));
  }
}
