// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/self_attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "seqrec/cpu/last_row_attention.hpp"
#include "seqrec/cpu/self_attention.hpp"
#include "seqrec/cuda/last_row_attention.cuh"
#include "seqrec/cuda/self_attention.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Histories histories;
  Matrix q, k, v, dy;  ///< (N, D)
  index_t heads = 1;
  double dropout = 0;
  Layout layout = Layout::dense;
  Matrix of_distance{}, of_time{};    ///< (H, P), (H, time_buckets), or empty
  std::vector<std::int64_t> times{};  ///< (N), or empty
  AttentionWeights weights = AttentionWeights::softmax;
  double divisor = 1;
  ProductPrecision products = ProductPrecision::full;

  /// What is added to the logit of a row of the batch for another of its history.
  double bias(index_t head, index_t i, index_t j) const {
    double sum = of_distance.size() != 0 ? of_distance(head, i - j) : 0;
    if (of_time.size() == 0) return sum;
    const auto seconds = std::abs(times[static_cast<std::size_t>(i)] - times[static_cast<std::size_t>(j)]);
    return sum + of_time(head, time_bucket(static_cast<std::uint64_t>(seconds)));
  }

  Dropout mask() const { return mask_of(dropout, histories.first_row); }
};

Problem problem(const std::vector<index_t>& lengths, index_t width, index_t heads = 1) {
  const Histories histories = random_histories(lengths, 5, 1);
  const index_t rows = histories.rows();
  return {histories,
          random_matrix(rows, width, 1, 1.5),
          random_matrix(rows, width, 2, 1.5),
          random_matrix(rows, width, 3),
          random_matrix(rows, width, 4),
          heads};
}

/// With numbers for distances, more than the batch needs, and for times, which stand still, leap, and once go back.
Problem biased(Problem p) {
  p.of_distance = random_matrix(p.heads, 210, 8);
  p.of_time = random_matrix(p.heads, time_buckets, 9);
  std::int64_t time = 900'000'000;
  for (index_t row = 0; row < p.q.rows; ++row) {
    time += row % 3 == 0 ? 0 : row % 7 == 2 ? -40 : std::int64_t{1} << (row * 5 % 24);
    p.times.push_back(time);
  }
  return p;
}
Problem with_silu(Problem p) {
  p.weights = AttentionWeights::silu;
  p.divisor = 8;
  return p;
}

/// Problems that cross every edge: all of them on the CPU; fewer on the emulator, but heads of every width of tile, and
/// wider than the widest.
template <class Context, class Check>
void for_each_problem(Check check) {
  const auto made = [](const std::vector<index_t>& lengths, index_t width, index_t heads, double probability,
                       Layout layout) {
    Problem p = problem(lengths, width, heads);
    p.histories.first_row = 77;
    p.dropout = probability;
    p.layout = layout;
    return p;
  };
  const auto check_variants = [&](const Problem& p) {
    check(biased(p));
    check(with_silu(p));
    check(with_silu(biased(p)));
  };
  if constexpr (on_device<Context>) {
    for (const auto& lengths : {batches_of_lengths()[1], batches_of_lengths()[3], batches_of_lengths()[4]}) {
      CAPTURE(lengths);
      check(made(lengths, 7, 1, 0, Layout::dense));
      check_variants(made(lengths, 12, 4, 0.3, Layout::strided));
    }
    const index_t wider = sizeof(typename Context::Scalar) == sizeof(double) ? 65 : 130;
    for (const auto& [width, heads] : {std::array<index_t, 2>{32, 2}, {17, 1}, {33, 1}, {wider, 1}}) {
      CAPTURE(width, heads);
      check(biased(made({33, 32}, width, heads, 0.3, Layout::strided)));
    }
    check(made({17}, wider % 2 == 0 ? 132 : 66, 1, 0.3, Layout::dense));  // parts whose rows are copied in fours
  } else {
    for (const auto& lengths : batches_of_lengths())
      for (const auto& [width, heads] : {std::array<index_t, 2>{7, 1}, {50, 1}, {50, 2}, {12, 4}, {3, 3}})
        for (const double probability : {0.0, 0.3})
          for (const Layout layout : {Layout::dense, Layout::strided}) {
            CAPTURE(lengths, width, heads, probability, layout == Layout::strided);
            const Problem p = made(lengths, width, heads, probability, layout);
            check(p);
            if (width <= 12 && layout == Layout::strided) check_variants(p);
          }
  }
}

struct Results {
  Matrix y, dq, dk, dv;
  Matrix dof_distance{}, dof_time{};
  std::vector<Matrix> gradients() const { return {dq, dk, dv, dof_distance, dof_time}; }
};

Results by_loops(const Problem& p) {
  const index_t rows = p.q.rows, width = p.q.columns, head_width = width / p.heads;
  const bool silu = p.weights == AttentionWeights::silu;
  const double scale = silu ? 1 : 1 / std::sqrt(static_cast<double>(head_width));
  Results r{Matrix(rows, width),
            Matrix(rows, width),
            Matrix(rows, width),
            Matrix(rows, width),
            Matrix(p.of_distance.rows, p.of_distance.columns),
            Matrix(p.of_time.rows, p.of_time.columns)};
  index_t first = 0;
  for (const index_t length : p.histories.lengths) {
    for (index_t head = 0; head < p.heads; ++head)
      for (index_t query = 0; query < length; ++query) {
        const index_t i = first + query, column = head * head_width;
        const auto product = [&](const Matrix& a, index_t row_a, const Matrix& b, index_t row_b) {
          double sum = 0;
          for (index_t d = column; d < column + head_width; ++d) sum += a(row_a, d) * b(row_b, d);
          return sum;
        };
        std::vector<double> weights, kept, slopes;
        double highest = -std::numeric_limits<double>::infinity(), total = 0, mean = 0;
        for (index_t key = 0; key <= query; ++key) {
          weights.push_back(scale * product(p.q, i, p.k, first + key) + p.bias(head, i, first + key));
          highest = std::max(highest, weights.back());
          const Dropout mask = p.mask();
          const std::uint32_t row =
              (mask.first_row + static_cast<std::uint32_t>(i)) * static_cast<std::uint32_t>(p.heads) +
              static_cast<std::uint32_t>(head);
          kept.push_back(!mask.active() ? 1 : mask.keeps(row, static_cast<std::uint32_t>(key)) ? mask.scale() : 0);
        }
        if (silu) {
          for (double& weight : weights) {
            const double logit = weight, open = 1 / (1 + std::exp(-logit));
            weight = logit * open / p.divisor;
            slopes.push_back((open + logit * open * (1 - open)) / p.divisor);
          }
        } else {
          for (double& weight : weights) total += weight = std::exp(weight - highest);
          for (double& weight : weights) weight /= total;
          slopes = weights;
        }
        const auto dweight = [&](std::size_t key) {
          return kept[key] * product(p.dy, i, p.v, first + static_cast<index_t>(key));
        };
        for (std::size_t key = 0; key < weights.size() && !silu; ++key) mean += weights[key] * dweight(key);
        for (std::size_t key = 0; key < weights.size(); ++key) {
          const index_t j = first + static_cast<index_t>(key);
          const double dlogit = slopes[key] * (dweight(key) - mean), dscore = dlogit * scale;
          if (p.of_distance.size() != 0) r.dof_distance(head, i - j) += dlogit;
          if (p.of_time.size() != 0) {
            const auto seconds = std::abs(p.times[static_cast<std::size_t>(i)] - p.times[static_cast<std::size_t>(j)]);
            r.dof_time(head, time_bucket(static_cast<std::uint64_t>(seconds))) += dlogit;
          }
          for (index_t d = column; d < column + head_width; ++d) {
            r.y(i, d) += weights[key] * kept[key] * p.v(j, d);
            r.dv(j, d) += weights[key] * kept[key] * p.dy(i, d);
            r.dq(i, d) += dscore * p.k(j, d);
            r.dk(j, d) += dscore * p.q(i, d);
          }
        }
      }
    first += length;
  }
  return r;
}

/// The biases of a problem, and their gradients, where a context works.
template <class Context>
struct PlacedBias {
  PlacedScalars<Context> of_distance, of_time;
  Placed<std::int64_t, typename Context::Space> times;
  PlacedMasters<Context> dof_distance, dof_time;

  PlacedBias(const Problem& p, const Results& before)
      : of_distance(p.of_distance, p.layout),
        of_time(p.of_time, p.layout),
        times(1, std::ssize(p.times), p.times, p.layout),
        dof_distance(before.dof_distance, p.layout),
        dof_time(before.dof_time, p.layout) {}

  template <class Arguments>
  void set(Arguments& a, const Problem& p) {
    if (p.of_distance.size() != 0) a.bias.of_distance = of_distance.matrix();
    if (p.of_time.size() != 0) a.bias.of_time = of_time.matrix();
    if (!p.times.empty()) a.bias.times = times.vector();
    a.weights = p.weights;
    a.divisor = p.divisor;
  }
};

template <class Context>
Matrix inference(const Problem& p) {
  Context context;
  context.set_products(p.products);
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> q(p.q, p.layout), k(p.k, p.layout), v(p.v, p.layout),
      y(unwritten(p.q.rows, p.q.columns), p.layout);
  PlacedBias<Context> bias(p, {});
  SelfAttentionForward<Context> a{.offsets = batch.offsets(),
                                  .longest = batch.longest(),
                                  .q = q.matrix(),
                                  .k = k.matrix(),
                                  .v = v.matrix(),
                                  .y = y.matrix(),
                                  .saved = {},
                                  .heads = p.heads,
                                  .dropout = p.mask()};
  bias.set(a, p);
  ops::self_attention_forward(context, a);
  return y.read();
}

/// Forward and backward. Gradients of biases are always added.
/// @param before what the gradients hold beforehand   @param wanted which of the gradients have a view
template <class Context>
Results training(const Problem& p, const Results& before, GradientMode mode = GradientMode::write,
                 std::array<bool, 5> wanted = {true, true, true, true, true}) {
  Context context;
  context.set_products(p.products);
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> q(p.q, p.layout), k(p.k, p.layout), v(p.v, p.layout), dy(p.dy, p.layout),
      y(unwritten(p.q.rows, p.q.columns), p.layout);
  PlacedScalars<Context> saved(
      unwritten(1, ops::self_attention_saved_size(context, batch.offsets(), p.q.rows, p.heads)), p.layout);
  PlacedBias<Context> bias(p, before);
  SelfAttentionForward<Context> forward{.offsets = batch.offsets(),
                                        .longest = batch.longest(),
                                        .q = q.matrix(),
                                        .k = k.matrix(),
                                        .v = v.matrix(),
                                        .y = y.matrix(),
                                        .saved = saved.vector(),
                                        .heads = p.heads,
                                        .dropout = p.mask()};
  bias.set(forward, p);
  ops::self_attention_forward(context, forward);
  PlacedScalars<Context> dq(before.dq, p.layout), dk(before.dk, p.layout), dv(before.dv, p.layout);
  SelfAttentionBackward<Context> a{.offsets = batch.offsets(),
                                   .longest = batch.longest(),
                                   .q = q.matrix(),
                                   .k = k.matrix(),
                                   .v = v.matrix(),
                                   .y = y.matrix(),
                                   .saved = saved.vector(),
                                   .dy = dy.matrix(),
                                   .dq = {},
                                   .dk = {},
                                   .dv = {},
                                   .heads = p.heads,
                                   .dropout = p.mask()};
  if (wanted[0]) a.dq = {dq.matrix(), mode};
  if (wanted[1]) a.dk = {dk.matrix(), mode};
  if (wanted[2]) a.dv = {dv.matrix(), mode};
  bias.set(a, p);
  if (p.of_distance.size() != 0 && wanted[3]) a.dbias.of_distance = bias.dof_distance.matrix();
  if (p.of_time.size() != 0 && wanted[4]) a.dbias.of_time = bias.dof_time.matrix();
  ops::self_attention_backward(context, a);
  static_cast<void>(saved.read());  // throws when more was kept than asked for
  return {y.read(), dq.read(), dk.read(), dv.read(), bias.dof_distance.read(), bias.dof_time.read()};
}

Results earlier(const Problem& p) {
  const index_t rows = p.q.rows, width = p.q.columns;
  return {{},
          random_matrix(rows, width, 5),
          random_matrix(rows, width, 6),
          random_matrix(rows, width, 7),
          random_matrix(p.of_distance.rows, p.of_distance.columns, 10),
          random_matrix(p.of_time.rows, p.of_time.columns, 11)};
}

Results unset(const Problem& p) {
  const Matrix empty = unwritten(p.q.rows, p.q.columns);
  return {{},
          empty,
          empty,
          empty,
          Matrix(p.of_distance.rows, p.of_distance.columns),
          Matrix(p.of_time.rows, p.of_time.columns)};
}

}  // namespace

TEMPLATE_TEST_CASE("self_attention: forward against loops, for training and for inference", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem<TestType>([](const Problem& p) {
    const Matrix expected = by_loops(p).y;
    const Matrix y = repeatable<TestType>([&] { return inference<TestType>(p); });
    CHECK(difference(y, expected) <= tolerance<TestType>::value);
    CHECK(difference(training<TestType>(p, unset(p)).y, expected) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("last_row_attention: the last rows of self_attention, to the last bit", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem<TestType>([](Problem p) {
    p.dropout = 0;
    const index_t users = std::ssize(p.histories.lengths), width = p.q.columns;
    const Matrix all = inference<TestType>(p);
    Matrix queries(users, width), expected(users, width);
    index_t end = 0;
    for (index_t user = 0; user < users; ++user) {
      end += p.histories.lengths[static_cast<std::size_t>(user)];
      for (index_t d = 0; d < width && p.histories.lengths[static_cast<std::size_t>(user)] > 0; ++d) {
        queries(user, d) = p.q(end - 1, d);
        expected(user, d) = all(end - 1, d);
      }
    }
    const Matrix last = repeatable<TestType>([&] {
      TestType context;
      context.set_products(p.products);
      const HistoryBatch<typename TestType::Space> batch(p.histories);
      PlacedScalars<TestType> q(queries, p.layout), k(p.k, p.layout), v(p.v, p.layout),
          y(unwritten(users, width), p.layout);
      PlacedBias<TestType> bias(p, {});
      LastRowAttention<TestType> a{batch.offsets(), batch.longest(), q.matrix(), k.matrix(),
                                   v.matrix(),      y.matrix(),      p.heads};
      bias.set(a, p);
      ops::last_row_attention(context, a);
      return y.read();
    });
    CHECK(same_bits(last, expected));
  });
}

TEMPLATE_TEST_CASE("self_attention: backward against loops, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem<TestType>([](const Problem& p) {
    const auto expected = by_loops(p).gradients(), before = earlier(p).gradients();
    const auto written = repeatable<TestType>([&] { return training<TestType>(p, unset(p)).gradients(); });
    const auto added = training<TestType>(p, earlier(p), GradientMode::add).gradients();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i, static_cast<int>(p.weights), p.times.size());
      CHECK(difference(written[i], expected[i]) <= tolerance<TestType>::gradient);
      CHECK(difference(added[i], sum(before[i], expected[i])) <= tolerance<TestType>::gradient);
    }
  });
}

TEST_CASE("self_attention: in bfloat16, some hundredths from loops and no further", "[ops][cuda]") {
  with_cuda_float([&]<class Context>() {
    double furthest = 0;
    for_each_problem<Context>([&](Problem p) {
      p.products = ProductPrecision::bf16;
      const Results expected = by_loops(p);
      const auto gradients = expected.gradients();
      const auto r = repeatable<Context>([&] {
        const Results results = training<Context>(p, unset(p));
        auto all = results.gradients();
        all.push_back(results.y);
        return all;
      });
      CHECK(same_bits(inference<Context>(p), r.back()));
      CHECK(difference(r.back(), expected.y) <= 2e-2);
      furthest = std::max(furthest, difference(r.back(), expected.y));
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        CAPTURE(i, static_cast<int>(p.weights), p.q.columns);
        CHECK(difference(r[i], gradients[i]) <= 2e-2);
      }
    });
    CHECK(furthest > 1e-4);  // it was bfloat16
  });
}

TEMPLATE_TEST_CASE("self_attention: a gradient that nobody wants is left alone, the others are the same", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = biased(problem({4, 0, 40}, 12, 2));
  p.dropout = 0.3;
  const auto before = earlier(p).gradients(), all = training<TestType>(p, earlier(p)).gradients();
  for (std::size_t missing = 0; missing < 5; ++missing) {
    CAPTURE(missing);
    std::array<bool, 5> wanted = {true, true, true, true, true};
    wanted[missing] = false;
    const auto some = training<TestType>(p, earlier(p), GradientMode::write, wanted).gradients();
    for (std::size_t i = 0; i < 5; ++i)
      CHECK(difference(some[i], i == missing ? before[i] : all[i]) <= tolerance<TestType>::gradient);
  }
}

TEST_CASE("self_attention: gradients against central differences", "[ops]") {
  for (const auto& [width, heads] : {std::array<index_t, 2>{7, 1}, {6, 2}}) {
    Problem p = problem({3, 0, 1, 6}, width, heads);
    p.dropout = 0.3;
    const int variant = GENERATE(0, 1, 2);  // as in the paper, with biases, with silu's weights too
    if (variant >= 1) p = biased(p);
    if (variant == 2) p = with_silu(p);
    const Results r = training<CpuDouble>(p, unset(p));
    const auto loss = [&] { return dot(inference<CpuDouble>(p), p.dy); };
    CHECK(difference(r.dq, central_differences(p.q, loss)) <= central_difference_tolerance);
    CHECK(difference(r.dk, central_differences(p.k, loss)) <= central_difference_tolerance);
    CHECK(difference(r.dv, central_differences(p.v, loss)) <= central_difference_tolerance);
    if (variant == 0) continue;
    CHECK(difference(r.dof_distance, central_differences(p.of_distance, loss)) <= central_difference_tolerance);
    CHECK(difference(r.dof_time, central_differences(p.of_time, loss)) <= central_difference_tolerance);
  }
}

TEST_CASE("self_attention: values and gradients of PyTorch", "[ops][golden]") {
  for (const char* name : {"self_attention_heads_1", "self_attention_heads_2"}) {
    CAPTURE(name);
    Golden golden(name);
    Problem p;
    p.q = golden.matrix("q");
    p.k = golden.matrix("k");
    p.v = golden.matrix("v");
    p.dy = golden.matrix("dy");
    p.histories = random_histories(golden.lengths("offsets"), 5, 1);
    p.heads = static_cast<index_t>(golden.number("heads"));
    const Results r = training<CpuDouble>(p, unset(p));
    CHECK(difference(r.y, golden.matrix("y")) <= golden_tolerance);
    CHECK(difference(r.dq, golden.matrix("dq")) <= golden_tolerance);
    CHECK(difference(r.dk, golden.matrix("dk")) <= golden_tolerance);
    CHECK(difference(r.dv, golden.matrix("dv")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("self_attention: dropout keeps the weights that its mask keeps", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  // Equal scores make every weight 1 / (i + 1); unit vectors as values lay the weights open.
  constexpr index_t length = 40, heads = 2;
  Problem p = problem({3, length}, heads * length, heads);
  p.q = Matrix(p.q.rows, p.q.columns);
  p.v = Matrix(p.v.rows, p.v.columns);
  for (index_t j = 0; j < length; ++j)
    for (index_t head = 0; head < heads; ++head) p.v(3 + j, head * length + j) = 1;
  p.dropout = 0.3;
  p.histories.first_row = 1000;
  const Matrix y = inference<TestType>(p);
  for (index_t i = 0; i < length; ++i)
    for (index_t head = 0; head < heads; ++head)
      for (index_t j = 0; j < length; ++j) {
        const auto row = static_cast<std::uint32_t>((1000 + 3 + i) * heads + head);
        const bool keeps = j <= i && p.mask().keeps(row, static_cast<std::uint32_t>(j));
        const double weight = y(3 + i, head * length + j) * static_cast<double>(i + 1);
        if (keeps)
          REQUIRE(weight == Approx(p.mask().scale()).epsilon(1e-6));
        else
          REQUIRE(weight == 0);
      }
}

TEMPLATE_TEST_CASE("self_attention: no row sees a later item or another history", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem({2, 40, 3}, 12, 2);
  const int variant = GENERATE(0, 1, 2);
  if (variant >= 1) p = biased(p);
  if (variant == 2) p = with_silu(p);
  const Matrix y = inference<TestType>(p);
  for (const index_t changed : {0, 20, 41, 44}) {
    CAPTURE(changed);
    Problem other = p;
    if (variant >= 1) other.times[static_cast<std::size_t>(changed)] += 1'000'000;  // times are no more seen than items
    for (Matrix* matrix : {&other.q, &other.k, &other.v})
      for (index_t d = 0; d < 12; ++d) (*matrix)(changed, d) += 1;
    const Matrix y_other = inference<TestType>(other);
    const index_t history_end = changed < 2 ? 2 : changed < 42 ? 42 : 45;
    for (index_t i = 0; i < 45; ++i) {
      CAPTURE(i);
      const bool sees = i >= changed && i < history_end;
      CHECK(same_bits(y.row_range(i, 1), y_other.row_range(i, 1)) == !sees);
    }
  }
}

TEMPLATE_TEST_CASE("self_attention: a batch cut in two has the same rows", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem whole = problem({4, 0, 1, 7, 33}, 12, 2);
  whole.dropout = 0.5;
  const Results r = training<TestType>(whole, unset(whole));
  Matrix y(0, 12), dq(0, 12), dk(0, 12), dv(0, 12);
  for (const auto& [first, count] : {std::array<index_t, 2>{0, 3}, {3, 2}}) {
    Problem part = whole;
    part.histories = whole.histories.shard(first, count);
    for (Matrix* rows : {&part.q, &part.k, &part.v, &part.dy})
      *rows = rows->row_range(part.histories.first_row, part.histories.rows());
    const Results of_part = training<TestType>(part, unset(part));
    y = stacked(y, of_part.y);
    dq = stacked(dq, of_part.dq);
    dk = stacked(dk, of_part.dk);
    dv = stacked(dv, of_part.dv);
  }
  CHECK(difference(y, r.y) <= tolerance<TestType>::value);
  CHECK(difference(dq, r.dq) <= tolerance<TestType>::gradient);
  CHECK(difference(dk, r.dk) <= tolerance<TestType>::gradient);
  CHECK(difference(dv, r.dv) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("self_attention: scores of any size keep everything finite", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem({5, 40}, 8, 2);
  for (double& value : p.q.values) value *= 1e3;
  for (double& value : p.k.values) value *= 1e3;
  const Results r = training<TestType>(p, unset(p));
  for (const Matrix* matrix : {&r.y, &r.dq, &r.dk, &r.dv})
    for (const double value : matrix->values) REQUIRE(std::isfinite(value));
  const double largest = *std::max_element(p.v.values.begin(), p.v.values.end());
  CHECK(*std::max_element(r.y.values.begin(), r.y.values.end()) <= largest * 1.0001);  // a mean of values
}

TEST_CASE("self_attention: float agrees with double", "[ops]") {
  Problem p = problem({70, 0, 1, 200}, 64, 2);
  p.dropout = 0.2;
  p.layout = Layout::strided;
  if (GENERATE(false, true)) p = biased(p);
  const Results single = training<CpuFloat>(p, unset(p)), twice = training<CpuDouble>(p, unset(p));
  CHECK(difference(single.y, twice.y) <= tolerance<CpuFloat>::value);
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(difference(single.gradients()[i], twice.gradients()[i]) <= tolerance<CpuFloat>::gradient);
}

TEST_CASE("self_attention: biases of zero change nothing but rounding, and none is none", "[ops]") {
  Problem p = biased(problem({5, 33}, 12, 2));
  const Matrix with = inference<CpuDouble>(p);
  for (Matrix* bias : {&p.of_distance, &p.of_time}) *bias = Matrix(bias->rows, bias->columns);
  const Matrix zero = inference<CpuDouble>(p);
  p.of_distance = p.of_time = {};
  const Matrix none = inference<CpuDouble>(p);
  CHECK(difference(zero, none) <= tolerance<CpuDouble>::value);
  CHECK(difference(with, none) > 0.01);
}

TEST_CASE("self_attention: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  const HistoryBatch<HostSpace> batch(random_histories({3, 1}, 6, 1));
  Context context;
  const index_t saved = ops::self_attention_saved_size(context, batch.offsets(), 4, 2);
  CHECK(saved > 0);

  const auto forward_message = [&](auto change) {
    auto a = SelfAttentionForward<Context>{.offsets = batch.offsets(),
                                           .longest = batch.longest(),
                                           .q = context.matrix(4, 6),
                                           .k = context.matrix(4, 6),
                                           .v = context.matrix(4, 6),
                                           .y = context.matrix(4, 6),
                                           .saved = context.vector(saved),
                                           .heads = 2,
                                           .dropout = {}};
    change(a);
    return message_of<ShapeError>([&] { ops::self_attention_forward(context, a); });
  };
  const auto backward_message = [&](auto change) {
    auto a = SelfAttentionBackward<Context>{.offsets = batch.offsets(),
                                            .longest = batch.longest(),
                                            .q = context.matrix(4, 6),
                                            .k = context.matrix(4, 6),
                                            .v = context.matrix(4, 6),
                                            .y = context.matrix(4, 6),
                                            .saved = context.vector(saved),
                                            .dy = context.matrix(4, 6),
                                            .dq = {context.matrix(4, 6), GradientMode::write},
                                            .dk = {context.matrix(4, 6), GradientMode::write},
                                            .dv = {context.matrix(4, 6), GradientMode::write},
                                            .heads = 2,
                                            .dropout = {}};
    change(a);
    return message_of<ShapeError>([&] { ops::self_attention_backward(context, a); });
  };
  const auto rows_3 = context.matrix(3, 6), columns_4 = context.matrix(4, 4);
  for (const index_t heads : {0, -1, 4, 12}) {
    const std::string rest = concatenate("heads is ", heads, ", expected a divisor of the width 6");
    CHECK(forward_message([&](auto& a) { a.heads = heads; }) == "self_attention: " + rest);
    CHECK(backward_message([&](auto& a) { a.heads = heads; }) == "self_attention backward: " + rest);
  }
  const std::string op = "self_attention: ", back = "self_attention backward: ";
  CHECK(forward_message([&](auto& a) { a.q = rows_3; }) == op + "offsets(2) is 4, expected 3, the number of rows");
  CHECK(forward_message([&](auto& a) { a.k = rows_3; }) == op + "rows of k is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.k = columns_4; }) == op + "columns of k is 4, expected 6");
  CHECK(forward_message([&](auto& a) { a.v = rows_3; }) == op + "rows of v is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.v = columns_4; }) == op + "columns of v is 4, expected 6");
  CHECK(forward_message([&](auto& a) { a.y = rows_3; }) == op + "rows of y is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.y = columns_4; }) == op + "columns of y is 4, expected 6");
  CHECK(forward_message([&](auto& a) { a.longest = 0; }) == op + "longest is 0, expected at least 1 for 4 rows");
  CHECK(forward_message([&](auto& a) { a.longest = 2; }) ==
        op + "longest is 2, expected at least 3, the length of history 0");
  const std::vector<std::int64_t> seconds(4, 0);
  const auto of_time = context.matrix(2, time_buckets), distances_2 = context.matrix(2, 2);
  CHECK(forward_message([&](auto& a) { a.bias.of_distance = distances_2; }) ==
        op + "longest is 3, expected at most 2, the distances that have a bias");
  CHECK(forward_message([&](auto& a) { a.bias.of_distance = rows_3; }) == op + "rows of of_distance is 3, expected 2");
  CHECK(forward_message([&](auto& a) { a.bias.of_time = distances_2; }) ==
        op + "columns of of_time is 2, expected 128");
  CHECK(forward_message([&](auto& a) { a.bias.of_time = of_time; }) == op + "size of times is 0, expected 4");
  CHECK(forward_message([&](auto& a) {
          a.bias.of_time = of_time;
          a.bias.times = {seconds.data(), 3};
        }) == op + "size of times is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dbias.of_distance = distances_2; }) ==
        back + "columns of gradient of of_distance is 2, expected 0");
  CHECK(backward_message([&](auto& a) { a.dbias.of_time = of_time; }) ==
        back + "columns of gradient of of_time is 128, expected 0");
  for (const double divisor : {0.0, -1.0, std::nan("")}) {
    auto a = SelfAttentionForward<Context>{.offsets = batch.offsets(),
                                           .longest = batch.longest(),
                                           .q = context.matrix(4, 6),
                                           .k = context.matrix(4, 6),
                                           .v = context.matrix(4, 6),
                                           .y = context.matrix(4, 6),
                                           .saved = {},
                                           .dropout = {},
                                           .divisor = divisor};
    CHECK_THAT(message_of<ArgumentError>([&] { ops::self_attention_forward(context, a); }),
               ContainsSubstring("self_attention: divisor is") && ContainsSubstring("expected a positive number"));
  }
  CHECK(backward_message([&](auto& a) { a.longest = 2; }) ==
        back + "longest is 2, expected at least 3, the length of history 0");
  CHECK(forward_message([&](auto& a) { a.saved = context.vector(1); }) ==
        concatenate(op, "size of saved is 1, expected ", saved));

  CHECK(backward_message([&](auto& a) { a.q = rows_3; }) == back + "offsets(2) is 4, expected 3, the number of rows");
  CHECK(backward_message([&](auto& a) { a.k = columns_4; }) == back + "columns of k is 4, expected 6");
  CHECK(backward_message([&](auto& a) { a.v = rows_3; }) == back + "rows of v is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.y = columns_4; }) == back + "columns of y is 4, expected 6");
  CHECK(backward_message([&](auto& a) { a.dy = rows_3; }) == back + "rows of dy is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = columns_4; }) == back + "columns of dy is 4, expected 6");
  CHECK(backward_message([&](auto& a) { a.dq.view = rows_3; }) == back + "rows of dq is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dk.view = columns_4; }) == back + "columns of dk is 4, expected 6");
  CHECK(backward_message([&](auto& a) { a.dv.view = rows_3; }) == back + "rows of dv is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.saved = {}; }) == concatenate(back, "size of saved is 0, expected ", saved));
}

TEST_CASE("self_attention: more heads than a grid of blocks has", "[ops][cuda][errors]") {
  CudaDouble context;
  const auto offsets = to_device(std::vector<offset_t>{0, 1});
  const index_t heads = 65536;
  CHECK_THAT(message_of<ArgumentError>([&] {
               ops::self_attention_forward(context, SelfAttentionForward<CudaDouble>{.offsets = offsets.view(),
                                                                                     .longest = 1,
                                                                                     .q = context.matrix(1, heads),
                                                                                     .k = context.matrix(1, heads),
                                                                                     .v = context.matrix(1, heads),
                                                                                     .y = context.matrix(1, heads),
                                                                                     .saved = {},
                                                                                     .heads = heads,
                                                                                     .dropout = {}});
             }),
             ContainsSubstring("attention heads is 65536, expected at most 65535"));
}
