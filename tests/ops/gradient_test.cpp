// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/gradient.hpp"

#include <deque>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/core/context_base.hpp"
#include "seqrec/cpu/additive_attention.hpp"
#include "seqrec/cpu/candidate_attention.hpp"
#include "seqrec/cpu/dropout_residual_layer_norm.hpp"
#include "seqrec/cpu/embed_sequence.hpp"
#include "seqrec/cpu/embedding_bag.hpp"
#include "seqrec/cpu/gated_silu.hpp"
#include "seqrec/cpu/gather_rows.hpp"
#include "seqrec/cpu/gru.hpp"
#include "seqrec/cpu/interaction.hpp"
#include "seqrec/cpu/linear.hpp"
#include "seqrec/cpu/moe_ffn.hpp"
#include "seqrec/cpu/moe_route.hpp"
#include "seqrec/cpu/prefix_mean.hpp"
#include "seqrec/cpu/row_dot.hpp"
#include "seqrec/cpu/self_attention.hpp"
#include "seqrec/cpu/unit_activation.hpp"
#include "support/backends.hpp"
#include "support/candidate_lists.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

using Context = ContextBase<float, float, HostSpace>;
using Double = CpuDouble;

/// The gradients of one call of an op, with something in each beforehand; those that are not wanted are null.
class Gradients {
 public:
  /// @param unwanted bit i: the i-th gradient
  explicit Gradients(unsigned unwanted) : unwanted_(unwanted) {}

  Gradient<Double> input(index_t rows, index_t columns) {
    Placed<double, HostSpace>& place = next(rows, columns);
    return {wanted(count() - 1) ? place.matrix() : MatrixView<double, HostSpace>{}, GradientMode::add};
  }
  MatrixView<double, HostSpace> matrix(index_t rows, index_t columns) { return input(rows, columns).view; }
  VectorView<double, HostSpace> vector(index_t size) {
    Placed<double, HostSpace>& place = next(1, size);
    return wanted(count() - 1) ? place.vector() : VectorView<double, HostSpace>{};
  }

  unsigned count() const { return static_cast<unsigned>(places_.size()); }
  bool wanted(unsigned i) const { return (unwanted_ >> i & 1) == 0; }
  Matrix found(unsigned i) const { return places_[i].read(); }
  const Matrix& before(unsigned i) const { return before_[i]; }

 private:
  Placed<double, HostSpace>& next(index_t rows, index_t columns) {
    before_.push_back(random_matrix(rows, columns, 100 + count()));
    return places_.emplace_back(before_.back(), Layout::strided);
  }

  unsigned unwanted_;
  std::deque<Placed<double, HostSpace>> places_;
  std::vector<Matrix> before_;
};

/// Numbers of an op's other arguments, new ones at each call.
class Numbers {
 public:
  MatrixView<double, HostSpace> matrix(index_t rows, index_t columns) {
    places_.emplace_back(random_matrix(rows, columns, places_.size() + 1), Layout::dense);
    return places_.back().matrix();
  }
  VectorView<double, HostSpace> vector(index_t size) {
    const auto one_row = matrix(1, size);
    return {one_row.data, size};
  }

 private:
  std::deque<Placed<double, HostSpace>> places_;
};

struct Case {
  std::string name;
  std::function<void(Double&, Numbers&, Gradients&)> backward;
};

const std::vector<offset_t> histories = {0, 3, 3, 5}, rows_of_x = {-1, 0, 2, 2};
const VectorView<const offset_t, HostSpace> offsets(histories.data(), 4);

UnitActivation<Double> activation(Activation kind, index_t units, Numbers& n, Gradients& g) {
  UnitActivation<Double> f;
  f.kind = kind;
  f.alpha = n.vector(units);
  f.mean = n.vector(units);
  const auto variance = n.vector(units);
  for (index_t i = 0; i < units; ++i) variance(i) = 1 + variance(i) * variance(i);
  f.variance = variance;
  f.dalpha = g.vector(units);
  return f;
}

void backward_of_candidate_attention(Activation kind, bool softmax, Double& context, Numbers& n, Gradients& g) {
  const PlacedCandidates<HostSpace> lists({{3, 0, 2}, {2, 1, 2}, {1, 3, 0, 1, 2}, 2});
  const auto candidates = lists.view();
  AttentionUnit<Double> unit;
  unit.layers = 2;
  index_t inputs = 12;
  for (index_t l = 0; l < 2; ++l) {
    auto& layer = unit.hidden[l];
    layer.weight = n.matrix(4, inputs);
    layer.bias = n.vector(4);
    layer.activation = activation(kind, 4, n, g);
    layer.dweight = g.matrix(4, inputs);
    layer.dbias = g.vector(4);
    inputs = 4;
  }
  const index_t heads = softmax ? 3 : 1;
  unit.weight = n.matrix(heads, 4);
  unit.bias = n.vector(heads);
  unit.dweight = g.matrix(heads, 4);
  static const std::vector<std::int64_t> seconds = {10, 70, 4000, 5, 5};
  const VectorView<const std::int64_t, HostSpace> times(seconds.data(), 5);
  const AttentionWeighting weighting{softmax, 0.5};
  if (softmax) {  // which takes the last bias out
    unit.recency = n.matrix(heads, 2);
    unit.drecency = g.matrix(heads, 2);
    unit.decay = n.matrix(heads, time_buckets);
    unit.ddecay = g.matrix(heads, time_buckets);
  } else {
    unit.dbias = g.vector(1);
  }
  const auto keys = n.matrix(5, 3), queries = n.matrix(5, 3), y = n.matrix(5, 3);
  const auto weights = n.vector(heads * candidates.pairs);
  const auto saved = n.vector(ops::candidate_attention_saved_size<Double>(candidates, unit));
  ops::candidate_attention_forward(context, CandidateAttentionForward<Double>{offsets, candidates, keys, queries, unit,
                                                                              weighting, y, weights, saved, times});
  ops::candidate_attention_backward(
      context, CandidateAttentionBackward<Double>{offsets, candidates, keys, queries, unit, weighting, weights, saved,
                                                  n.matrix(5, 3), g.input(5, 3), g.input(5, 3), times});
}

void backward_of_gru(GruReset reset, Double& context, Numbers& n, Gradients& g) {
  const auto saved = n.vector(ops::gru_saved_size(context, 5, 4));
  const auto x = n.matrix(5, 2), input_weight = n.matrix(12, 2), weight = n.matrix(12, 4), initial = n.matrix(3, 4),
             y = n.matrix(5, 4);
  ops::gru_forward(context,
                   GruForward<Double>{offsets, 3, x, input_weight, {}, weight, {}, initial, y, {}, saved, reset});
  ops::gru_backward(context, GruBackward<Double>{offsets, 3, x, input_weight, weight, initial, y, saved, n.matrix(5, 4),
                                                 g.input(5, 2), g.matrix(12, 2), g.vector(12), g.matrix(12, 4),
                                                 g.vector(12), g.input(3, 4), reset});
}

/// Six rows, four experts, two for each row; the router's gradients or the experts'.
void backward_of_moe(bool router, Double& context, Numbers& n, Gradients& g) {
  std::vector<offset_t> experts(12), places(12), rows(12), starts(5);
  const MoeRouting<Double> routing{
      {experts.data(), 6, 2}, {places.data(), 6, 2}, {rows.data(), 12}, {starts.data(), 5}};
  const auto gates = n.matrix(6, 4), weights = n.matrix(6, 2);
  ops::moe_route_forward(context, MoeRouteForward<Double>{n.matrix(6, 4), {}, routing, gates, weights});
  if (router) {
    ops::moe_route_backward(context, MoeRouteBackward<Double>{gates, weights, routing, n.matrix(6, 2), g.input(6, 4),
                                                              g.vector(4), MoeGate::sigmoid, true, 0.3});
    return;
  }
  const auto x = n.matrix(6, 3), hidden = n.matrix(12, 5), y = n.matrix(6, 3);
  const MoeExperts<Double> weights_of{n.matrix(20, 3), n.matrix(4, 5), n.matrix(12, 5), n.matrix(4, 3)};
  ops::moe_ffn_forward(context, MoeFfnForward<Double>{x, weights, routing, weights_of, {}, hidden, y, mask_of(0.3, 0)});
  ops::moe_ffn_backward(context, MoeFfnBackward<Double>{x, weights, routing, weights_of, hidden, n.matrix(6, 3),
                                                        g.input(6, 3), g.input(6, 2), g.matrix(20, 3), g.matrix(4, 5),
                                                        g.matrix(12, 5), g.matrix(4, 3), mask_of(0.3, 0)});
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"linear",
       [](Double& c, Numbers& n, Gradients& g) {
         LinearBackward<Double> a{
             n.matrix(5, 3), n.matrix(4, 3), {}, n.matrix(5, 4), g.input(5, 3), g.matrix(4, 3), g.vector(4), {}, {}};
         ops::linear_backward(c, a);
       }},
      {"linear with epilogue",
       [](Double& c, Numbers& n, Gradients& g) {
         LinearBackward<Double> a{n.matrix(5, 3), n.matrix(4, 3), n.matrix(5, 4),   n.matrix(5, 4), g.input(5, 3),
                                  g.matrix(4, 3), g.vector(4),    Activation::tanh, mask_of(0.3, 0)};
         ops::linear_backward(c, a);
       }},
      {"embed_sequence",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::embed_sequence_backward(
             c, EmbedSequenceBackward<Double>{offsets, 3, n.matrix(5, 3), g.matrix(4, 3), 1, {}, {}});
       }},
      {"dropout_residual_layer_norm",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::dropout_residual_layer_norm_backward(
             c, DropoutResidualLayerNormBackward<Double>{n.matrix(5, 3), n.vector(3), n.vector(5), n.vector(5),
                                                         n.matrix(5, 3), n.matrix(5, 3), g.input(5, 3), g.input(5, 3),
                                                         g.vector(3), g.vector(3), mask_of(0.3, 0)});
       }},
      {"self_attention",
       [](Double& c, Numbers& n, Gradients& g) {
         const index_t size = ops::self_attention_saved_size(c, offsets, 5, 2);
         ops::self_attention_backward(
             c, SelfAttentionBackward<Double>{offsets, 3, n.matrix(5, 4), n.matrix(5, 4), n.matrix(5, 4),
                                              n.matrix(5, 4), n.vector(size), n.matrix(5, 4), g.input(5, 4),
                                              g.input(5, 4), g.input(5, 4), 2, mask_of(0.3, 0)});
       }},
      {"self_attention with biases and silu",
       [](Double& c, Numbers& n, Gradients& g) {
         static const std::vector<std::int64_t> times = {10, 70, 4000, 5, 5};
         const index_t size = ops::self_attention_saved_size(c, offsets, 5, 2);
         SelfAttentionBackward<Double> a{offsets,        3,
                                         n.matrix(5, 4), n.matrix(5, 4),
                                         n.matrix(5, 4), n.matrix(5, 4),
                                         n.vector(size), n.matrix(5, 4),
                                         g.input(5, 4),  g.input(5, 4),
                                         g.input(5, 4),  2,
                                         mask_of(0.3, 0)};
         a.bias = {n.matrix(2, 3), n.matrix(2, time_buckets), {times.data(), 5}};
         a.dbias = {g.matrix(2, 3), g.matrix(2, time_buckets)};
         a.weights = AttentionWeights::silu;
         ops::self_attention_backward(c, a);
       }},
      {"prefix_mean with recency weights",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::prefix_mean_backward(c, PrefixMeanBackward<Double>{offsets, n.matrix(5, 3), g.input(5, 3), n.matrix(5, 3),
                                                                 n.matrix(5, 3), n.vector(2), g.vector(2)});
       }},
      {"prefix_mean",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::prefix_mean_backward(c, PrefixMeanBackward<Double>{offsets, n.matrix(5, 3), g.input(5, 3)});
       }},
      {"unit_activation, PReLU",
       [](Double& c, Numbers& n, Gradients& g) {
         const auto f = activation(Activation::prelu, 3, n, g);
         ops::unit_activation_backward(
             c, UnitActivationBackward<Double>{n.matrix(5, 3), f, n.matrix(5, 3), g.input(5, 3), {}});
       }},
      {"unit_activation, Dice",
       [](Double& c, Numbers& n, Gradients& g) {
         const auto f = activation(Activation::dice, 3, n, g);
         ops::unit_activation_backward(
             c, UnitActivationBackward<Double>{n.matrix(5, 3), f, n.matrix(5, 3), g.input(5, 3), {}});
       }},
      {"candidate_attention, PReLU",
       [](Double& c, Numbers& n, Gradients& g) { backward_of_candidate_attention(Activation::prelu, false, c, n, g); }},
      {"candidate_attention, Dice, heads and biases",
       [](Double& c, Numbers& n, Gradients& g) { backward_of_candidate_attention(Activation::dice, true, c, n, g); }},
      {"gather_rows",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::gather_rows_backward(c, GatherRowsBackward<Double>{{rows_of_x.data(), 4}, n.matrix(4, 3), g.input(5, 3)});
       }},
      {"additive_attention",
       [](Double& c, Numbers& n, Gradients& g) {
         const auto saved = n.vector(ops::additive_attention_saved_size(c, offsets, 5));
         ops::additive_attention_backward(
             c, AdditiveAttentionBackward<Double>{offsets, n.matrix(5, 4), n.matrix(5, 4), n.vector(4), n.matrix(5, 3),
                                                  saved, n.matrix(5, 3), g.input(5, 4), g.input(5, 4), g.vector(4),
                                                  g.input(5, 3), Squash::sigmoid, true});
       }},
      {"gru, reset after the product",
       [](Double& c, Numbers& n, Gradients& g) { backward_of_gru(GruReset::after_product, c, n, g); }},
      {"gru, reset before the product",
       [](Double& c, Numbers& n, Gradients& g) { backward_of_gru(GruReset::before_product, c, n, g); }},
      {"gated_silu",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::gated_silu_backward(c, GatedSiluBackward<Double>{n.matrix(5, 3), n.matrix(5, 3), n.matrix(5, 3),
                                                               g.input(5, 3), g.input(5, 3), mask_of(0.3, 0)});
       }},
      {"moe_route", [](Double& c, Numbers& n, Gradients& g) { backward_of_moe(true, c, n, g); }},
      {"moe_ffn", [](Double& c, Numbers& n, Gradients& g) { backward_of_moe(false, c, n, g); }},
      {"interaction",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::interaction_backward(c, InteractionBackward<Double>{n.matrix(5, 3), n.matrix(5, 3), n.matrix(5, 11),
                                                                  g.input(5, 3), g.input(5, 3), g.input(5, 2)});
       }},
      {"row_dot",
       [](Double& c, Numbers& n, Gradients& g) {
         ops::row_dot_backward(
             c, RowDotBackward<Double>{n.matrix(5, 3), n.matrix(5, 3), n.matrix(5, 1), g.input(5, 3), g.input(5, 3)});
       }},
      {"embedding_bag",
       [](Double& c, Numbers& n, Gradients& g) {
         static const std::vector<std::int32_t> owners = {2, 0, 1};
         static const std::vector<category_t> categories = {0, 1, 1, 2, 0};
         ops::embedding_bag_backward(
             c, EmbeddingBagBackward<Double>{
                    {owners.data(), 3}, {}, {{categories.data(), 5}, offsets}, n.matrix(3, 2), g.matrix(3, 2)});
       }},
  };
  return all;
}

Gradients called(const Case& of, unsigned unwanted) {
  Double context;
  Numbers numbers;
  Gradients gradients(unwanted);
  of.backward(context, numbers, gradients);
  return gradients;
}

}  // namespace

TEST_CASE("whichever gradients nobody wants are left out, and the others are the same", "[ops]") {
  for (const Case& of : cases()) {
    CAPTURE(of.name);
    const Gradients all = called(of, 0);
    REQUIRE(all.count() > 0);
    for (unsigned i = 0; i < all.count(); ++i) CHECK_FALSE(same_bits(all.found(i), all.before(i)));
    for (unsigned unwanted = 1; unwanted < 1u << all.count(); ++unwanted) {
      CAPTURE(unwanted);
      const Gradients some = called(of, unwanted);
      for (unsigned i = 0; i < all.count(); ++i)
        REQUIRE(same_bits(some.found(i), some.wanted(i) ? all.found(i) : all.before(i)));
    }
  }
}

static_assert(std::is_trivially_copyable_v<Gradient<Context>>);  // captured by tape nodes, passed to kernels
static_assert(!std::is_convertible_v<Gradient<Context>, bool>);  // only where a condition is asked for

TEST_CASE("a gradient without a view is one that nobody wants", "[ops]") {
  float value = 0;
  CHECK_FALSE(Gradient<Context>{});
  CHECK_FALSE(Gradient<Context>{{nullptr, 2, 3}, GradientMode::add});
  CHECK(Gradient<Context>{{&value, 1, 1}});
}

TEST_CASE("a gradient is written unless it is said to be added", "[ops]") {
  CHECK_FALSE(Gradient<Context>{}.adds());
  CHECK_FALSE(Gradient<Context>{{}, GradientMode::write}.adds());
  CHECK(Gradient<Context>{{}, GradientMode::add}.adds());
}

TEST_CASE("a block of a gradient's columns follows the same rule", "[ops]") {
  std::vector<float> values(12);
  for (const GradientMode mode : {GradientMode::write, GradientMode::add}) {
    const Gradient<Context> whole{{values.data(), 2, 6}, mode};
    const Gradient<Context> block = whole.columns(2, 3);
    CHECK(block.mode == mode);
    CHECK(block.view.rows() == 2);
    CHECK(block.view.columns() == 3);
    CHECK(&block.view(1, 0) == &values[8]);
    CHECK_FALSE(Gradient<Context>{{nullptr, 2, 6}, mode}.columns(2, 3));
  }
}
