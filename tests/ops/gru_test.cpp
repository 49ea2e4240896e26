// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/gru.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/cpu/gru.hpp"
#include "seqrec/cuda/gru.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  std::vector<index_t> lengths;
  GruReset reset = GruReset::after_product;
  Matrix x, input_weight, input_bias, weight, bias, initial, dy;  ///< biases and initial may be empty
  Layout layout = Layout::dense;

  index_t rows() const { return x.rows; }
  index_t users() const { return static_cast<index_t>(lengths.size()); }
  index_t width() const { return weight.columns; }
  index_t longest() const { return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end()); }
};

constexpr index_t inputs = 6;

Problem problem(const std::vector<index_t>& lengths, index_t width, GruReset reset, bool bias = true,
                bool initial = true) {
  index_t rows = 0;
  for (const index_t length : lengths) rows += length;
  Problem p{lengths,
            reset,
            random_matrix(rows, inputs, 1),
            random_matrix(3 * width, inputs, 6, 0.4),
            {},
            random_matrix(3 * width, width, 2, 0.4),
            {},
            {},
            {}};
  if (bias) p.input_bias = random_matrix(1, 3 * width, 7, 0.5);
  if (bias) p.bias = random_matrix(1, 3 * width, 3, 0.5);
  if (initial) p.initial = random_matrix(static_cast<index_t>(lengths.size()), width, 4, 0.5);
  p.dy = random_matrix(rows, width, 5);
  return p;
}

struct States {
  Matrix y, final;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// The formulas, one history and one number after the other.
States by_loops(const Problem& p) {
  const index_t width = p.width();
  States states{Matrix(p.rows(), width), Matrix(p.users(), width)};
  const auto u = [&](index_t gate, index_t d, const std::vector<double>& h) {
    double sum = 0;
    for (index_t e = 0; e < width; ++e) sum += p.weight(gate * width + d, e) * h[static_cast<std::size_t>(e)];
    return sum;
  };
  const auto bias = [&](index_t gate, index_t d) { return p.bias.size() > 0 ? p.bias(gate * width + d) : 0.0; };
  const auto of_x = [&](index_t row, index_t gate, index_t d) {
    const index_t i = gate * width + d;
    double sum = p.input_bias.size() > 0 ? p.input_bias(i) : 0.0;
    for (index_t e = 0; e < p.x.columns; ++e) sum += p.input_weight(i, e) * p.x(row, e);
    return sum;
  };
  index_t row = 0;
  for (index_t user = 0; user < p.users(); ++user) {
    std::vector<double> h(static_cast<std::size_t>(width), 0.0);
    for (index_t d = 0; d < width && p.initial.size() > 0; ++d) h[static_cast<std::size_t>(d)] = p.initial(user, d);
    for (index_t t = 0; t < p.lengths[static_cast<std::size_t>(user)]; ++t, ++row) {
      std::vector<double> next(h), reset(h), r(h);
      for (index_t d = 0; d < width; ++d) {
        const auto i = static_cast<std::size_t>(d);
        r[i] = sigmoid(of_x(row, 0, d) + u(0, d, h) + bias(0, d));
        reset[i] = r[i] * h[i];
      }
      for (index_t d = 0; d < width; ++d) {
        const auto i = static_cast<std::size_t>(d);
        const double z = sigmoid(of_x(row, 1, d) + u(1, d, h) + bias(1, d)), x = of_x(row, 2, d);
        if (p.reset == GruReset::after_product) {
          const double n = std::tanh(x + r[i] * (u(2, d, h) + bias(2, d)));
          next[i] = (1 - z) * n + z * h[i];
        } else {
          const double n = std::tanh(x + u(2, d, reset) + bias(2, d));
          next[i] = (1 - z) * h[i] + z * n;
        }
        states.y(row, d) = next[i];
      }
      h = next;
    }
    for (index_t d = 0; d < width; ++d) states.final(user, d) = h[static_cast<std::size_t>(d)];
  }
  return states;
}

/// What forward leaves, and what a backward pass reads of it.
template <class Context>
struct Run {
  using Space = typename Context::Space;
  Context context;
  Tensor<offset_t, 1, Space> offsets;
  PlacedScalars<Context> x, input_weight, input_bias, weight, bias, initial, y, final;
  index_t longest;
  Tensor<typename Context::Scalar, 1, Space> saved;

  /// @param shared_bytes  what CUDA's blocks may have, where it is to be less than there is
  explicit Run(const Problem& p, [[maybe_unused]] std::size_t shared_bytes = 0)
      : offsets(placed<Space>(offsets_of(p.lengths))),
        x(p.x, p.layout),
        input_weight(p.input_weight, p.layout),
        input_bias(p.input_bias, Layout::dense),
        weight(p.weight, p.layout),
        bias(p.bias, Layout::dense),
        initial(p.initial, p.layout),
        y(unwritten(p.rows(), p.width()), p.layout),
        final(unwritten(p.users(), p.width()), p.layout),
        longest(p.longest()),
        saved(ops::gru_saved_size(context, p.rows(), p.width())) {
    GruForward<Context> a = arguments(p);
    a.y = y.matrix();
    a.final = final.matrix();
    a.saved = saved.view();
    bool done = false;
    if constexpr (std::is_same_v<Space, DeviceSpace>)
      if (done = shared_bytes != 0; done)
        cuda::gru_forward_in_memory(context, cuda::gru_walk(context, a), shared_bytes);
    if (!done) ops::gru_forward(context, a);
  }
  /// What the forward pass reads.
  GruForward<Context> arguments(const Problem& p) {
    GruForward<Context> a{};
    a.offsets = offsets.view();
    a.longest = longest;
    a.x = x.matrix();
    a.input_weight = input_weight.matrix();
    a.weight = weight.matrix();
    if (p.input_bias.size() > 0) a.input_bias = input_bias.vector();
    if (p.bias.size() > 0) a.bias = bias.vector();
    if (p.initial.size() > 0) a.initial = initial.matrix();
    a.reset = p.reset;
    return a;
  }
  States states() const { return {y.read(), final.read()}; }
};

/// The gradients of backward(): so many, of these in turn.
constexpr std::size_t of_x = 0, of_initial = 1, of_input_weight = 2, of_weight = 3, of_input_bias = 4, of_bias = 5,
                      all_gradients = 6;

/// Gradients of dot(y, dy) added to what is there, all but the `missing`-th.
template <class Context>
std::vector<Matrix> backward(const Problem& p, GradientMode mode, double there,
                             [[maybe_unused]] std::size_t shared_bytes = 0, std::size_t missing = all_gradients) {
  Run<Context> run(p);
  PlacedScalars<Context> dy(p.dy, p.layout);
  PlacedScalars<Context> dx(Matrix(p.rows(), p.x.columns, there), p.layout);
  PlacedScalars<Context> dinitial(Matrix(p.users(), p.width(), there), p.layout);
  PlacedMasters<Context> dinput_weight(Matrix(3 * p.width(), p.x.columns, there), p.layout);
  PlacedMasters<Context> dweight(Matrix(3 * p.width(), p.width(), there), p.layout);
  PlacedMasters<Context> dinput_bias(Matrix(1, 3 * p.width(), there), Layout::dense);
  PlacedMasters<Context> dbias(Matrix(1, 3 * p.width(), there), Layout::dense);
  const GruForward<Context> of = run.arguments(p);
  GruBackward<Context> a{of.offsets,     of.longest,       of.x,       of.input_weight, of.weight, of.initial,
                         run.y.matrix(), run.saved.view(), dy.matrix()};
  a.reset = p.reset;
  if (missing != of_x) a.dx = {dx.matrix(), mode};
  if (missing != of_initial) a.dinitial = {dinitial.matrix(), mode};
  if (missing != of_input_weight) a.dinput_weight = dinput_weight.matrix();
  if (missing != of_weight) a.dweight = dweight.matrix();
  if (missing != of_input_bias) a.dinput_bias = dinput_bias.vector();
  if (missing != of_bias) a.dbias = dbias.vector();
  bool done = false;
  if constexpr (std::is_same_v<typename Context::Space, DeviceSpace>)
    if (done = shared_bytes != 0; done)
      cuda::gru_backward_by(run.context, a,
                            [&](const auto& walk) { cuda::gru_back_in_memory(run.context, walk, shared_bytes); });
  if (!done) ops::gru_backward(run.context, a);
  return {dx.read(), dinitial.read(), dinput_weight.read(), dweight.read(), dinput_bias.read(), dbias.read()};
}

/// All gradients, against central differences of the formulas.
void check_against_differences(Problem p) {
  const auto gradients = backward<CpuDouble>(p, GradientMode::write, 0);
  const auto loss = [&] { return dot(by_loops(p).y, p.dy); };
  const auto check = [&](std::size_t of, Matrix& values) {
    CAPTURE(of);
    if (values.size() > 0)
      CHECK(difference(gradients[of], central_differences(values, loss)) <= central_difference_tolerance);
  };
  check(of_x, p.x);
  check(of_initial, p.initial);
  check(of_input_weight, p.input_weight);
  check(of_weight, p.weight);
  check(of_input_bias, p.input_bias);
  check(of_bias, p.bias);
}

/// One history and many, empty ones, equal lengths, widths beside a vector's; with and without bias and initial states.
template <class Check>
void for_each_problem(Check check) {
  for (const GruReset reset : {GruReset::after_product, GruReset::before_product})
    for (const index_t width : {1, 5, 16})
      for (const std::vector<index_t>& lengths :
           std::vector<std::vector<index_t>>{{1}, {4}, {0}, {}, {2, 0, 7, 3, 3, 0, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}})
        for (const bool full : {true, false}) {
          Problem p = problem(lengths, width, reset, full, full);
          p.layout = full ? Layout::strided : Layout::dense;
          CAPTURE(static_cast<int>(reset), width, lengths.size(), full);
          check(p);
        }
}

}  // namespace

TEMPLATE_TEST_CASE("gru: against loops, final states too", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const States expected = by_loops(p);
    const auto found = repeatable<TestType>([&] {
      const States states = Run<TestType>(p).states();
      return std::vector{states.y, states.final};
    });
    CHECK(difference(found[0], expected.y) <= tolerance<TestType>::value);
    CHECK(difference(found[1], expected.final) <= tolerance<TestType>::value);
  });
}

TEST_CASE("gru: the two conventions of the literature differ, worked by hand", "[ops]") {
  // x = (1, -.5), h = (.3, -.8).
  Problem p = problem({1}, 2, GENERATE(GruReset::after_product, GruReset::before_product), false);
  const double w[6][2] = {{.5, -.2}, {.1, .4}, {-.3, .6}, {.2, .1}, {.7, .2}, {-.4, .9}};
  const double u[6][2] = {{.2, .3}, {-.5, .1}, {.4, -.1}, {.3, .2}, {.6, -.7}, {.8, .5}};
  p.x = Matrix(1, 2);
  p.x(0, 0) = 1;
  p.x(0, 1) = -.5;
  p.input_weight = Matrix(6, 2);
  for (index_t i = 0; i < 6; ++i)
    for (index_t d = 0; d < 2; ++d) {
      p.input_weight(i, d) = w[i][d];
      p.weight(i, d) = u[i][d];
    }
  p.initial(0, 0) = .3;
  p.initial(0, 1) = -.8;
  const Matrix y = Run<CpuDouble>(p).states().y;
  const bool after = p.reset == GruReset::after_product;
  CHECK(y(0, 0) == Approx(after ? .587653 : .475183).margin(1e-6));
  CHECK(y(0, 1) == Approx(after ? -.763729 : -.749364).margin(1e-6));
}

TEMPLATE_TEST_CASE("gru: a history's states have the same bits alone and in any company", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const GruReset reset : {GruReset::after_product, GruReset::before_product}) {
    const Problem all = problem({5, 9, 2, 9, 1, 6, 3, 7, 4}, 12, reset);
    const States together = Run<TestType>(all).states();
    index_t row = 0;
    for (index_t user = 0; user < all.users(); ++user) {
      const index_t length = all.lengths[static_cast<std::size_t>(user)];
      Problem alone = all;
      alone.lengths = {length};
      alone.x = all.x.row_range(row, length);
      alone.initial = all.initial.row_range(user, 1);
      const States single = Run<TestType>(alone).states();
      CHECK(same_bits(single.y, together.y.row_range(row, length)));
      CHECK(same_bits(single.final, together.final.row_range(user, 1)));
      row += length;
    }
  }
}

TEMPLATE_TEST_CASE("gru: a history cut in two goes on from its final state", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem whole = problem({8}, 7, GENERATE(GruReset::after_product, GruReset::before_product));
  Problem first = whole, second = whole;
  first.lengths = {5};
  first.x = whole.x.row_range(0, 5);
  second.lengths = {3};
  second.x = whole.x.row_range(5, 3);
  const States begun = Run<TestType>(first).states();
  second.initial = begun.final;
  CHECK(same_bits(stacked(begun.y, Run<TestType>(second).states().y), Run<TestType>(whole).states().y));
}

TEST_CASE("gru: gradients against central differences", "[ops][gradient]") {
  for_each_problem([](const Problem& p) { check_against_differences(p); });
}

TEST_CASE("gru: longer histories than a backend takes at once", "[ops][gradient]") {
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  const Problem p = problem({60, 3, 25, 0, 61, 44}, 3, reset);
  CHECK(difference(Run<CpuDouble>(p).states().y, by_loops(p).y) <= tolerance<CpuDouble>::value);
  check_against_differences(p);
}

TEMPLATE_TEST_CASE("gru: gradients in every precision, written and added", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const auto expected = backward<CpuDouble>(p, GradientMode::write, 0);
    const auto found = repeatable<TestType>([&] { return backward<TestType>(p, GradientMode::write, 0); });
    const auto added = backward<TestType>(p, GradientMode::add, 2);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(difference(found[i], expected[i]) <= tolerance<TestType>::gradient);
      CHECK(difference(added[i], sum(Matrix(expected[i].rows, expected[i].columns, 2), expected[i])) <=
            tolerance<TestType>::gradient);
    }
  });
}

TEMPLATE_TEST_CASE("gru: a gradient that nobody wants is left out, the others are the same", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem({2, 0, 3}, 5, GENERATE(GruReset::after_product, GruReset::before_product));
  const auto all = backward<TestType>(p, GradientMode::write, 1);
  for (std::size_t missing = 0; missing < all_gradients; ++missing) {
    CAPTURE(missing);
    const auto some = backward<TestType>(p, GradientMode::write, 1, 0, missing);
    for (std::size_t i = 0; i < all_gradients; ++i)
      CHECK(same_bits(some[i], i == missing ? Matrix(all[i].rows, all[i].columns, 1) : all[i]));
  }
}

namespace {

/// States and gradients, with weights that leave the gates' straight part.
template <class Context>
void check_with_large_weights(Problem p) {
  for (double& weight : p.weight.values) weight *= 4 / std::sqrt(static_cast<double>(p.weight.columns));
  const States expected = by_loops(p), found = Run<Context>(p).states();
  CHECK(difference(found.y, expected.y) <= 4 * tolerance<Context>::value);
  CHECK(difference(found.final, expected.final) <= 4 * tolerance<Context>::value);
  const auto gradients = backward<Context>(p, GradientMode::add, 1);
  const auto expected_gradients = backward<CpuDouble>(p, GradientMode::add, 1);
  for (std::size_t i = 0; i < gradients.size(); ++i)
    CHECK(difference(gradients[i], expected_gradients[i]) <= 4 * tolerance<Context>::gradient);
}

}  // namespace

TEMPLATE_TEST_CASE("gru: units that are shared by threads, that share threads, and many histories", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  std::vector<index_t> many;
  for (index_t user = 0; user < 263; ++user) many.push_back(user % 4);
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  for (const auto& [lengths, width] :
       std::vector<std::pair<std::vector<index_t>, index_t>>{{{1, 3, 0}, 40}, {{0, 2}, 101}, {{2}, 520}, {many, 3}}) {
    CAPTURE(static_cast<int>(reset), width);
    check_with_large_weights<TestType>(problem(lengths, width, reset));
  }
}

TEMPLATE_TEST_CASE("gru: where nothing is kept for backward nor asked for at the end, the same states", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  for (const index_t width : {5, 70}) {
    const Problem p = problem({3, 0, 2}, width, reset);
    Run<TestType> run(p);
    PlacedScalars<TestType> y(unwritten(p.rows(), width), Layout::strided);
    GruForward<TestType> a = run.arguments(p);
    a.y = y.matrix();
    ops::gru_forward(run.context, a);
    CHECK(same_bits(y.read(), run.states().y));
  }
}

TEMPLATE_TEST_CASE("gru: a history has the same bits among many others as among few", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  std::vector<index_t> lengths;
  for (index_t user = 0; user < 258; ++user) lengths.push_back(user % 3);
  const Problem many = problem(lengths, 3, GENERATE(GruReset::after_product, GruReset::before_product));
  Problem few = many;
  few.lengths.resize(6);
  few.x = many.x.row_range(0, 6);
  few.initial = many.initial.row_range(0, 6);
  few.dy = many.dy.row_range(0, 6);
  CHECK(same_bits(Run<TestType>(few).states().y, Run<TestType>(many).states().y.row_range(0, 6)));
  CHECK(same_bits(backward<TestType>(few, GradientMode::write, 0)[0],
                  backward<TestType>(many, GradientMode::write, 0)[0].row_range(0, 6)));
}

TEST_CASE("gru: on CUDA the same bits wherever in memory weights and states have room", "[ops]") {
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  for (const bool many : {false, true}) {
    Problem p = problem(many ? std::vector<index_t>(261, 1) : std::vector<index_t>{2, 0, 3, 1}, many ? 3 : 33, reset);
    p.layout = Layout::strided;
    constexpr std::size_t plenty = 160 << 10;
    const std::vector<Matrix> on_chip = backward<CudaDouble>(p, GradientMode::add, 2, plenty);
    const States states = Run<CudaDouble>(p, plenty).states(), expected = by_loops(p);
    CHECK(difference(states.y, expected.y) <= tolerance<CudaDouble>::value);
    CHECK(difference(states.final, expected.final) <= tolerance<CudaDouble>::value);
    // Room for states but not for weights, and for nothing but where histories lie.
    for (const std::size_t bytes : {many ? std::size_t{700} : std::size_t{8000}, std::size_t{16}}) {
      CAPTURE(static_cast<int>(reset), many, bytes);
      CHECK(same_bits(backward<CudaDouble>(p, GradientMode::add, 2, bytes), on_chip));
      const States found = Run<CudaDouble>(p, bytes).states();
      CHECK(same_bits(found.y, states.y));
      CHECK(same_bits(found.final, states.final));
    }
  }
}

TEMPLATE_TEST_CASE("gru: on CUDA at the edges of what registers hold", "[ops][gradient]", CudaFloat, CudaDouble) {
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  const bool narrow = std::is_same_v<TestType, CudaDouble>;
  for (const index_t width : narrow ? std::vector<index_t>{1, 3, 31, 32, 33, 64, 65}
                                    : std::vector<index_t>{85, 96, 97, 100, 106, 107, 112, 113, 128, 129})
    for (const bool bias : {true, false}) {
      CAPTURE(static_cast<int>(reset), width, bias);
      Problem p = problem({3, 0, 1}, width, reset, bias, bias);
      if (bias) p.layout = Layout::strided;
      check_with_large_weights<TestType>(std::move(p));
    }
}

TEST_CASE("gru: bad arguments are refused by name", "[ops][errors]") {
  const Problem p = problem({2, 1}, 4, GruReset::after_product);
  Run<CpuDouble> run(p);
  const auto complaint = [&](auto change) {
    GruForward<CpuDouble> a = run.arguments(p);
    a.y = run.y.matrix();
    change(a);
    return message_of<ShapeError>([&] { ops::gru_forward(run.context, a); });
  };
  CHECK_THAT(complaint([](auto& a) { a.longest = 1; }), ContainsSubstring("gru: longest is 1"));
  CHECK_THAT(complaint([](auto& a) { a.x = a.x.row_range(0, 2); }), ContainsSubstring("gru: rows of x is 2"));
  CHECK_THAT(complaint([](auto& a) { a.input_weight = a.input_weight.column_range(0, 5); }),
             ContainsSubstring("gru: columns of input_weight is 5"));
  CHECK_THAT(complaint([](auto& a) { a.input_bias = a.input_bias.row_range(0, 11); }),
             ContainsSubstring("gru: size of input_bias is 11"));
  CHECK_THAT(complaint([](auto& a) { a.weight = a.weight.row_range(0, 11); }),
             ContainsSubstring("gru: rows of weight is 11"));
  CHECK_THAT(complaint([](auto& a) { a.initial = a.initial.row_range(0, 1); }),
             ContainsSubstring("gru: rows of initial is 1"));
  CHECK_THAT(complaint([](auto& a) { a.initial = a.initial.column_range(0, 3); }),
             ContainsSubstring("gru: columns of initial is 3"));
  CHECK_THAT(complaint([&](auto& a) {
               a.saved = {run.saved.view().data, 3};
             }),
             ContainsSubstring("gru: size of saved is 3"));
}
