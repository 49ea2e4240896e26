// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/catalogue_loss.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/cpu/catalogue_loss.hpp"
#include "seqrec/cuda/catalogue_loss.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix states, table;         ///< (N, D), (V, D)
  std::vector<item_t> targets;  ///< (N)
  Matrix dtable_before;         ///< (V, D)
  double scale = 1;
  Layout layout = Layout::dense;
  Matrix bias{}, dbias_before{};  ///< (1, V), or empty
  std::vector<item_t> seen{};     ///< (N) of what is left out, or empty
  std::vector<offset_t> offsets{};
  ProductPrecision products = ProductPrecision::full;

  /// Whether an item is in the sum of a row.
  bool counts(index_t row, item_t item) const {
    if (seen.empty() || item == targets[static_cast<std::size_t>(row)]) return true;
    index_t first = 0;
    for (const offset_t offset : offsets)
      if (offset <= row) first = offset;
    for (index_t other = first; other <= row; ++other)
      if (seen[static_cast<std::size_t>(other)] == item) return false;
    return true;
  }
};

Problem problem(index_t rows, index_t width, index_t items) {
  return {random_matrix(rows, width, 1), random_matrix(items, width, 2, 0.5), random_items(rows, items, 3),
          random_matrix(items, width, 4), 0.25};
}

Problem with_biases(Problem p) {
  p.bias = random_matrix(1, p.table.rows, 5);
  p.dbias_before = random_matrix(1, p.table.rows, 6);
  return p;
}

/// Leaves out what histories have held: an empty one among them, items that repeat, targets that were seen.
Problem without_seen(Problem p) {
  const auto rows = static_cast<offset_t>(p.states.rows);
  p.seen = random_items(rows, p.table.rows, 7);
  p.offsets = {0, rows / 3, rows / 3, rows};
  for (std::size_t row = 1; row < p.seen.size(); row += 3) p.targets[row] = p.seen[row - 1];
  for (std::size_t row = 2; row < p.seen.size(); row += 3) p.seen[row] = p.seen[row - 1];
  return p;
}

struct Results {
  Matrix losses, dstates, dtable;  ///< (1, N), (N, D), (V, D)
  Matrix dbias{};                  ///< (1, V), or empty
  std::vector<Matrix> parts() const { return {losses, dstates, dtable, dbias}; }
};

Results by_loops(const Problem& p) {
  const index_t rows = p.states.rows, width = p.states.columns, items = p.table.rows;
  Results r{Matrix(1, rows), Matrix(rows, width), p.dtable_before, p.dbias_before};
  std::vector<double> scores(static_cast<std::size_t>(items));
  for (index_t i = 0; i < rows; ++i) {
    for (index_t item = 0; item < items; ++item) {
      double score = p.bias.size() != 0 ? p.bias(item) : 0;
      for (index_t d = 0; d < width; ++d) score += p.states(i, d) * p.table(item, d);
      if (!p.counts(i, static_cast<item_t>(item))) score = -std::numeric_limits<double>::infinity();
      scores[static_cast<std::size_t>(item)] = score;
    }
    const item_t target = p.targets[static_cast<std::size_t>(i)];
    const double highest = *std::max_element(scores.begin(), scores.end());
    const double target_score = scores[static_cast<std::size_t>(target)];
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - highest);
    r.losses(i) = p.scale * (highest + std::log(total) - target_score);
    for (index_t item = 0; item < items; ++item) {
      const double dscore = p.scale * (scores[static_cast<std::size_t>(item)] / total - (item == target ? 1.0 : 0.0));
      if (p.bias.size() != 0) r.dbias(item) += dscore;
      for (index_t d = 0; d < width; ++d) {
        r.dstates(i, d) += dscore * p.table(item, d);
        r.dtable(item, d) += dscore * p.states(i, d);
      }
    }
  }
  return r;
}

/// Which gradients are wanted.
enum Wanted { nothing = 0, of_states = 1, of_table = 2, of_bias = 4, all = 7 };

template <class Context>
Results evaluated(Context& context, const Problem& p, int wanted = all) {
  using Space = typename Context::Space;
  PlacedScalars<Context> states(p.states, p.layout), table(p.table, p.layout),
      dstates(unwritten(p.states.rows, p.states.columns), p.layout);
  PlacedScalars<Context> bias(p.bias, p.layout);
  PlacedMasters<Context> dtable(p.dtable_before, p.layout), dbias(p.dbias_before, p.layout);
  Placed<item_t, Space> targets(p.states.rows, 1, p.targets, p.layout);
  Placed<double, Space> losses(unwritten(1, p.states.rows), p.layout);
  CatalogueLoss<Context> a{.states = states.matrix(),
                           .head = {table.matrix()},
                           .targets = targets.matrix(),
                           .scale = p.scale,
                           .losses = losses.vector(),
                           .dstates = {},
                           .dhead = {}};
  context.set_products(p.products);
  if (p.bias.size() != 0) a.head.bias = bias.vector();
  Placed<item_t, Space> seen(1, std::ssize(p.seen), p.seen, p.layout);
  Placed<offset_t, Space> offsets(1, std::ssize(p.offsets), p.offsets, p.layout);
  if (!p.offsets.empty()) a.left_out = {seen.vector(), offsets.vector()};
  if (wanted & of_states) a.dstates = dstates.matrix();
  if (wanted & of_table) a.dhead.table = dtable.matrix();
  if (wanted & of_bias && p.bias.size() != 0) a.dhead.bias = dbias.vector();
  ops::catalogue_loss(context, a);
  return {losses.read(), dstates.read(), dtable.read(), dbias.read()};
}
template <class Context>
Results evaluated(const Problem& p, int wanted = all) {
  Context context;
  return evaluated(context, p, wanted);
}

template <class Context>
void check_against_loops(const Problem& p) {
  const auto r = repeatable<Context>([&] { return evaluated<Context>(p).parts(); }), expected = by_loops(p).parts();
  CHECK(difference(r[0], expected[0]) <= tolerance<Context>::value);
  for (const std::size_t i : {1u, 2u, 3u}) CHECK(difference(r[i], expected[i]) <= tolerance<Context>::gradient);
}

}  // namespace

TEMPLATE_TEST_CASE("catalogue_loss: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  // one row, none, some that are no multiple of 32; a catalogue of one item and of many
  for (const auto& [rows, width, items] :
       {std::array<index_t, 3>{1, 7, 5}, {0, 5, 3}, {33, 50, 130}, {5, 7, 1}, {45, 64, 1001}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      if (on_device<TestType> && items > 1000) continue;  // slow on the emulator
      CAPTURE(rows, width, items, layout == Layout::strided);
      Problem p = problem(rows, width, items);
      p.layout = layout;
      check_against_loops<TestType>(p);
      check_against_loops<TestType>(with_biases(p));
      check_against_loops<TestType>(without_seen(p));
    }
}

TEMPLATE_TEST_CASE("catalogue_loss: several parts of rows, of items and of a width", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const index_t wider = sizeof(typename TestType::Scalar) == sizeof(double) ? 65 : 130;  // than a tile of CUDA
  for (const auto& [rows, width, items] : {std::array<index_t, 3>{260, 3, 33}, {33, 20, 260}, {64, wider, 32}}) {
    CAPTURE(rows, width, items);
    Problem p = without_seen(with_biases(problem(rows, width, items)));
    p.layout = Layout::strided;
    check_against_loops<TestType>(p);
  }
}

TEMPLATE_TEST_CASE("catalogue_loss: whole tiles and parts of the catalogue may be left out", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(170, 1, 300);  // CUDA walks along 160 items and then along the others
  p.offsets = {0, 170};
  for (item_t item = 0; item < 170; ++item) p.seen.push_back(item);
  p.targets.assign(170, 299);
  p.targets[165] = 3;
  check_against_loops<TestType>(p);
  for (const index_t item : {0, 299}) {  // wherever it is, a loss shows it
    Problem broken = p;
    broken.table(item, 0) = std::nan("");
    CHECK(std::isnan(evaluated<TestType>(broken, nothing).losses(item == 0 ? 165 : 7)) == (item != 0));
  }
}

TEMPLATE_TEST_CASE("catalogue_loss: several blocks of rows, of a small catalogue and of a large one", "[ops]",
                   SEQREC_TEST_BACKENDS) {
  check_against_loops<TestType>(problem(300, 5, 7));     // blocks of 128 rows
  check_against_loops<TestType>(problem(61, 5, 9001));   // of 29
  check_against_loops<TestType>(problem(17, 3, 32768));  // of 8, the fewest
}

TEMPLATE_TEST_CASE("catalogue_loss: a large catalogue whose scores are kept", "[ops]", SEQREC_TEST_BACKENDS) {
  REQUIRE(cpu::detail::keeps_scores(cpu::detail::score_block(17, 40000), 40000));
  check_against_loops<TestType>(without_seen(with_biases(problem(17, 3, 40000))));
}

TEMPLATE_TEST_CASE("catalogue_loss: a catalogue that is scored in parts", "[ops]", SEQREC_TEST_BACKENDS) {
  REQUIRE(cpu::detail::score_block(17, 250'000).items == 15360);
  REQUIRE_FALSE(cpu::detail::keeps_scores({17, 15360}, 250'000));
  Problem p = with_biases(problem(17, 3, 250'000));
  p.targets = {0, 15359, 15360, 249'999, 7, 20000, 30719, 30720, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  check_against_loops<TestType>(p);
  // the highest score in the last part, in the first, and in the middle
  p.bias(249'998) = 30;
  check_against_loops<TestType>(p);
  p.bias(3) = 60;
  check_against_loops<TestType>(p);
  p.bias(20000) = 90;
  check_against_loops<TestType>(p);
  CHECK(same_bits(evaluated<TestType>(p, nothing).losses, evaluated<TestType>(p).losses));

  p.table(249'999, 1) = std::nan("");  // whatever part it is in, a loss shows it
  for (const double loss : evaluated<TestType>(p, nothing).losses.values) CHECK(std::isnan(loss));
  p.table(249'999, 1) = 0;
  p.table(5, 1) = std::nan("");
  for (const double loss : evaluated<TestType>(p, nothing).losses.values) CHECK(std::isnan(loss));
}

TEMPLATE_TEST_CASE("catalogue_loss: seen items are left out of every part", "[ops]", SEQREC_TEST_BACKENDS) {
  REQUIRE(cpu::detail::score_block(18, 240'000).items == 14528);
  REQUIRE_FALSE(cpu::detail::keeps_scores({18, 14528}, 240'000));
  Problem p = without_seen(with_biases(problem(18, 3, 240'000)));
  p.seen = {0, 14527, 14528, 239'999, 7, 7, 20000, 29055, 29056, 1, 2, 14527, 4, 239'999, 6, 7, 0, 9};
  p.targets[4] = 239'999;  // was seen, and stays
  check_against_loops<TestType>(p);
  p.bias(14527) = 12;  // the highest of all, where it counts
  check_against_loops<TestType>(p);
}

TEST_CASE("catalogue_loss: a whole part may be left out", "[ops]") {
  Problem p = problem(12, 1, 22);
  p.offsets = {0, 12};
  for (item_t item = 0; item < 12; ++item) p.seen.push_back(item);  // parts of 4 items: the first are seen soon
  p.targets.assign(12, 21);
  p.targets[11] = 3;
  CpuDouble context;
  const auto states = context.matrix(12, 1), table = context.matrix(22, 1), dtable = context.matrix(22, 1);
  std::copy(p.states.values.begin(), p.states.values.end(), states.data);
  std::copy(p.table.values.begin(), p.table.values.end(), table.data);
  std::copy(p.dtable_before.values.begin(), p.dtable_before.values.end(), dtable.data);
  const CatalogueLoss<CpuDouble> a{.states = states,
                                   .head = {table},
                                   .targets = {p.targets.data(), 12, 1},
                                   .scale = p.scale,
                                   .losses = context.vector<double>(12),
                                   .dstates = context.matrix(12, 1),
                                   .dhead = {dtable, {}},
                                   .left_out = {{p.seen.data(), 12}, {p.offsets.data(), 2}}};
  cpu::detail::CatalogueLossRows<CpuDouble, cpu::detail::WholeProducts<CpuDouble>> rows(context, a, {6, 4});
  rows(0, 6);
  rows(6, 6);
  const Results expected = by_loops(p);
  for (index_t i = 0; i < 12; ++i) {
    CHECK(a.losses(i) == Approx(expected.losses(i)).epsilon(1e-12));
    CHECK(a.dstates(i, 0) == Approx(expected.dstates(i)).epsilon(1e-12));
  }
  for (index_t item = 0; item < 22; ++item) CHECK(dtable(item, 0) == Approx(expected.dtable(item)).epsilon(1e-12));
}

TEST_CASE("catalogue_loss: in bfloat16, some thousandths from loops and no further", "[ops]") {
  double furthest = 0;
  const auto check = [&](Problem p) {
    CAPTURE(p.states.rows, p.states.columns, p.table.rows, p.bias.size(), p.seen.size());
    p.products = ProductPrecision::bf16;
    const auto r = repeatable<CpuFloat>([&] { return evaluated<CpuFloat>(p).parts(); }), expected = by_loops(p).parts();
    CHECK(difference(r[0], expected[0]) <= 4e-3);
    for (const std::size_t i : {1u, 2u, 3u}) {
      CHECK(difference(r[i], expected[i]) <= 8e-3);
      furthest = std::max(furthest, difference(r[i], expected[i]));
    }
    CHECK(same_bits(evaluated<CpuFloat>(p, nothing).losses, r[0]));
    for (const int wanted : {1, 2, 4, 3, 5, 6}) {
      const Results some = evaluated<CpuFloat>(p, wanted);
      CHECK(same_bits(some.losses, r[0]));
      if (wanted & of_states) CHECK(same_bits(some.dstates, r[1]));
      if (wanted & of_table) CHECK(same_bits(some.dtable, r[2]));
      if (wanted & of_bias) CHECK(same_bits(some.dbias, r[3]));
    }
  };
  // rows, widths and items that are odd, and that are more than a block, a part or a panel
  for (const auto& [rows, width, items] : {std::array<index_t, 3>{1, 7, 5},
                                           {0, 5, 3},
                                           {33, 50, 130},
                                           {5, 7, 1},
                                           {45, 64, 1001},
                                           {300, 5, 7},
                                           {61, 130, 9001},
                                           {17, 3, 40001}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      Problem p = problem(rows, width, items);
      p.layout = layout;
      check(p);
      check(with_biases(p));
      check(without_seen(with_biases(p)));
    }
  CHECK(furthest > 1e-4);  // it was bfloat16
}

TEST_CASE("catalogue_loss: in bfloat16 on a device, some hundredths from loops and no further", "[ops][cuda]") {
  with_cuda_float([&]<class Context>() {
    double furthest = 0;
    for (const auto& [rows, width, items] :
         {std::array<index_t, 3>{1, 7, 5}, {33, 50, 130}, {5, 7, 1}, {70, 64, 101}, {20, 130, 90}, {17, 3, 300}}) {
      Problem p = problem(rows, width, items);
      p.products = ProductPrecision::bf16;
      for (const Problem& each : {p, without_seen(with_biases(p))}) {
        CAPTURE(rows, width, items, each.bias.size());
        const auto r = repeatable<Context>([&] { return evaluated<Context>(each).parts(); }),
                   expected = by_loops(each).parts();
        for (std::size_t i = 0; i < r.size(); ++i) CHECK(difference(r[i], expected[i]) <= 2e-2);
        furthest = std::max(furthest, difference(r[1], expected[1]));
        CHECK(same_bits(evaluated<Context>(each, nothing).losses, r[0]));
      }
    }
    CHECK(furthest > 1e-4);  // it was bfloat16
  });
}

TEMPLATE_TEST_CASE("catalogue_loss: bfloat16 is for floats", "[ops]", SEQREC_TEST_BACKENDS) {
  Problem p = with_biases(problem(9, 6, 30));
  const auto whole = evaluated<TestType>(p).parts();
  p.products = ProductPrecision::bf16;
  const auto allowed = evaluated<TestType>(p).parts();
  for (std::size_t i = 0; i < whole.size(); ++i)
    CHECK(same_bits(allowed[i], whole[i]) != std::is_same_v<TestType, CpuFloat>);
}

TEST_CASE("catalogue_loss: in bfloat16, a NaN shows in the loss", "[ops]") {
  for (const index_t item : {0, 39999}) {
    Problem p = problem(17, 3, 40000);
    p.products = ProductPrecision::bf16;
    p.table(item, 1) = std::nan("");
    for (const double loss : evaluated<CpuFloat>(p).losses.values) CHECK(std::isnan(loss));
  }
}

TEST_CASE("catalogue_loss: nothing left out, no other bits", "[ops]") {
  Problem p = problem(20, 5, 30);
  const Results all = evaluated<CpuFloat>(p);
  p = without_seen(p);
  p.targets = problem(20, 5, 30).targets;
  p.seen = p.targets;  // at row r its own target, and targets of before
  p.offsets.clear();
  for (offset_t row = 0; row <= 20; ++row) p.offsets.push_back(row);  // a history for each row
  const Results same = evaluated<CpuFloat>(p);
  CHECK(same_bits(same.losses, all.losses));
  CHECK(same_bits(same.dstates, all.dstates));
  CHECK(same_bits(same.dtable, all.dtable));
}

TEMPLATE_TEST_CASE("catalogue_loss: takes no more memory for a catalogue of any size", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  if constexpr (on_device<TestType>) {
    TestType context;
    evaluated(context, problem(8, 1, 20000), nothing);
    CHECK(context.memory_held() <= std::size_t{128} << 10);  // the scores would be 640 KB of floats
  } else {
    for (const index_t rows : {1, 8, 300}) {
      TestType context;
      evaluated(context, problem(rows, 1, 400000), nothing);
      CHECK(context.memory_held() < std::size_t{6} << 20);  // 8 rows of it alone would be 12 MB of floats
    }
  }
}

TEMPLATE_TEST_CASE("catalogue_loss: the same losses without gradients", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem(150, 50, 70);
  const Results with = evaluated<TestType>(p), without = evaluated<TestType>(p, nothing);
  CHECK(same_bits(without.losses, with.losses));
  CHECK(difference(without.dtable, p.dtable_before) <= tolerance<TestType>::value);
  CHECK(difference(without.dstates, unwritten(150, 50)) == 0);
}

TEMPLATE_TEST_CASE("catalogue_loss: each gradient is there without the others", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t items : {11, on_device<TestType> ? 300 : 40000}) {
    const Problem p = with_biases(problem(9, 3, items));
    const Results together = evaluated<TestType>(p);
    for (const int wanted : {0, 1, 2, 4, 3, 5, 6}) {
      CAPTURE(items, wanted);
      const Results r = evaluated<TestType>(p, wanted);
      CHECK(same_bits(r.losses, together.losses));
      CHECK(same_bits(r.dstates, wanted & of_states ? together.dstates : unwritten(9, 3)));
      CHECK(same_bits(r.dtable, wanted & of_table ? together.dtable : p.dtable_before));
      CHECK(same_bits(r.dbias, wanted & of_bias ? together.dbias : p.dbias_before));
    }
  }
}

TEST_CASE("catalogue_loss: gradients against central differences", "[ops]") {
  Problem p = with_biases(problem(9, 7, 11));
  if (GENERATE(false, true)) p = without_seen(p);
  p.dtable_before = Matrix(11, 7);
  p.dbias_before = Matrix(1, 11);
  const Results r = evaluated<CpuDouble>(p);
  const auto loss = [&] {
    double sum = 0;
    for (const double value : evaluated<CpuDouble>(p, nothing).losses.values) sum += value;
    return sum;
  };
  CHECK(difference(r.dstates, central_differences(p.states, loss)) <= central_difference_tolerance);
  CHECK(difference(r.dtable, central_differences(p.table, loss)) <= central_difference_tolerance);
  CHECK(difference(r.dbias, central_differences(p.bias, loss)) <= central_difference_tolerance);
}

TEST_CASE("catalogue_loss: values and gradients of PyTorch", "[ops][golden]") {
  for (const char* name : {"catalogue_loss", "catalogue_loss_large_scores", "catalogue_loss_without_seen"}) {
    CAPTURE(name);
    Golden golden(name);
    Problem p;
    p.states = golden.matrix("x");
    p.table = golden.matrix("table");
    p.targets = golden.integers("items");
    p.dtable_before = Matrix(p.table.rows, p.table.columns);
    p.scale = golden.number("loss_scale");
    if (std::string(name) == "catalogue_loss_without_seen") {
      p.seen = golden.integers("seen");
      p.offsets = golden.integers("offsets");
    }
    const Results r = evaluated<CpuDouble>(p);
    Matrix losses = golden.matrix("row_losses");
    for (double& loss : losses.values) loss *= p.scale;
    CHECK(difference(r.losses, losses) <= golden_tolerance);
    CHECK(difference(r.dstates, golden.matrix("dx")) <= golden_tolerance);
    CHECK(difference(r.dtable, golden.matrix("dtable")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("catalogue_loss: scores of ten thousand stay finite and exact", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(2, 1, 4);
  p.scale = 1;
  p.states(0, 0) = 1e4;
  p.states(1, 0) = -1e4;
  const double items[] = {1, -1, 0.5, 1};
  std::copy(std::begin(items), std::end(items), p.table.values.begin());
  p.targets = {1, 2};
  const Results r = evaluated<TestType>(p);
  CHECK(r.losses(0) == Approx(2e4 + std::log(2.0)));  // scores 1e4, -1e4, 5e3, 1e4
  CHECK(r.losses(1) == Approx(1.5e4));                // scores -1e4, 1e4, -5e3, -1e4
  CHECK(r.dstates(0, 0) == Approx(0.5 * 1 + 0.5 * 1 + 1));
  CHECK(r.dstates(1, 0) == Approx(-1 - 0.5));
  check_against_loops<TestType>(p);
}

TEST_CASE("catalogue_loss: float agrees with double", "[ops]") {
  Problem p = problem(150, 50, 500);
  const Results single = evaluated<CpuFloat>(p), twice = evaluated<CpuDouble>(p);
  CHECK(difference(single.losses, twice.losses) <= tolerance<CpuFloat>::value);
  CHECK(difference(single.dstates, twice.dstates) <= tolerance<CpuFloat>::gradient);
  CHECK(difference(single.dtable, twice.dtable) <= tolerance<CpuFloat>::gradient);
}

TEST_CASE("catalogue_loss: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<item_t> targets(8, 0);
  const auto arguments = [&] {
    return CatalogueLoss<Context>{.states = context.matrix(4, 5),
                                  .head = {context.matrix(6, 5)},
                                  .targets = {targets.data(), 4, 1},
                                  .losses = context.vector<double>(4),
                                  .dstates = context.matrix(4, 5),
                                  .dhead = {context.matrix(6, 5), {}}};
  };
  const auto message = [&](auto change) {
    auto a = arguments();
    change(a);
    return message_of<ShapeError>([&] { ops::catalogue_loss(context, a); });
  };
  const std::string op = "catalogue_loss: ";
  CHECK(message([&](auto& a) { a.head.table = context.matrix(6, 4); }) == op + "columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.head.bias = context.vector(5); }) == op + "size of bias is 5, expected 6");
  CHECK(message([&](auto& a) { a.dhead.bias = context.vector(5); }) == op + "size of dbias is 5, expected 6");
  CHECK(message([&](auto& a) { a.targets = {targets.data(), 3, 1}; }) == op + "rows of targets is 3, expected 4");
  CHECK(message([&](auto& a) { a.targets = {targets.data(), 4, 2}; }) == op + "columns of targets is 2, expected 1");
  const std::vector<offset_t> offsets = {0, 3, 4};
  const VectorView<const offset_t, HostSpace> cut(offsets.data(), 3);
  CHECK(message([&](auto& a) { a.left_out = {{targets.data(), 3}, cut}; }) == op + "size of left_out is 3, expected 4");
  CHECK(message([&](auto& a) {
          a.left_out = {{targets.data(), 4}, cut.row_range(0, 2)};
        }) == op + "offsets of left_out(1) is 3, expected 4, the number of rows");
  CHECK(message([&](auto& a) { a.losses = context.vector<double>(5); }) == op + "size of losses is 5, expected 4");
  CHECK(message([&](auto& a) { a.dstates = context.matrix(3, 5); }) == op + "rows of dstates is 3, expected 4");
  CHECK(message([&](auto& a) { a.dstates = context.matrix(4, 6); }) == op + "columns of dstates is 6, expected 5");
  CHECK(message([&](auto& a) { a.dhead.table = context.matrix(5, 5); }) == op + "rows of dtable is 5, expected 6");
  CHECK(message([&](auto& a) { a.dhead.table = context.matrix(6, 4); }) == op + "columns of dtable is 4, expected 5");
}
