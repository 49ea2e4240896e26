// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/attention_unit.hpp"

#include <numeric>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = cpu::BasicContext<double>;
using Rows = cpu::detail::AttentionUnitRows<Context>;

/// One hidden ReLU layer of 2 units on D = 1, in numbers that a reader can follow.
struct SmallUnit {
  std::vector<double> hidden = {0, 0, 0, 1, 0, 0, 0, -2};  ///< (2, 4): only the product is read
  std::vector<double> bias = {0, 0}, weight = {3, 5}, last_bias = {0.5};
  std::vector<double> dhidden = std::vector<double>(8), dbias = std::vector<double>(2), dweight = dbias,
                      dlast_bias = {0};

  AttentionUnit<Context> view() {
    AttentionUnit<Context> unit;
    unit.layers = 1;
    unit.hidden[0].weight = {hidden.data(), 2, 4};
    unit.hidden[0].bias = {bias.data(), 2};
    unit.hidden[0].dweight = {dhidden.data(), 2, 4};
    unit.hidden[0].dbias = {dbias.data(), 2};
    unit.weight = {weight.data(), 1, 2};
    unit.bias = {last_bias.data(), 1};
    unit.dweight = {dweight.data(), 1, 2};
    unit.dbias = {dlast_bias.data(), 1};
    return unit;
  }
};

}  // namespace

TEST_CASE("the first layer falls into four blocks of columns", "[cpu]") {
  std::vector<double> values(24);
  std::iota(values.begin(), values.end(), 0.0);
  const AttentionFirstLayer first(MatrixView<double, HostSpace>(values.data(), 2, 12));
  CHECK(first.q(1, 0) == 12);
  CHECK(first.k(0, 0) == 3);
  CHECK(first.difference(1, 2) == 20);
  CHECK(first.product(0, 2) == 11);
  for (const auto& part : {first.q, first.k, first.difference, first.product}) {
    CHECK(part.rows() == 2);
    CHECK(part.columns() == 3);
  }
}

TEST_CASE("a unit scores what its first layer made of pairs, and hands gradients back to it", "[cpu]") {
  SmallUnit of;
  Context context;
  const AttentionUnit<Context> unit = of.view();
  Rows rows(context, unit, 4);
  std::vector<double> saved = {2, -3, -3, 6}, scores(2);  // what the first layer made of two pairs
  double* place = saved.data();
  const Rows::Kept kept = rows.next(place, 2);
  CHECK(place == saved.data() + 4);
  rows.forward(kept, 2, scores.data(), 2);
  CHECK(scores == std::vector<double>{3 * 2 + 0.5, 5 * 6 + 0.5});

  const std::vector<double> dscores = {1, 10};
  const auto dz = rows.backward(kept, 2, dscores.data(), 2);
  CHECK(dz.rows() == 2);
  CHECK((dz(0, 0) == 3 && dz(0, 1) == 0 && dz(1, 0) == 0 && dz(1, 1) == 50));
  CHECK(of.dweight == std::vector<double>{2, 60});
  CHECK(of.dlast_bias == std::vector<double>{11});
  CHECK(of.dbias == std::vector<double>{0, 0});  // the first layer's own gradients are left to it
  CHECK(of.dhidden == std::vector<double>(8));
}

TEST_CASE("what a unit keeps lies layer after layer, block after block", "[cpu]") {
  SmallUnit of;
  Context context;
  AttentionUnit<Context> unit = of.view();
  unit.layers = 2;
  unit.hidden[1] = unit.hidden[0];
  unit.hidden[1].weight = {of.hidden.data(), 3, 2};
  const Rows rows(context, unit, 4);
  std::vector<double> saved(25);
  double* place = saved.data();
  const Rows::Kept first = rows.next(place, 3), second = rows.next(place, 2);
  CHECK(first.values[0].data == saved.data());
  CHECK(first.values[1].data == saved.data() + 6);
  CHECK(second.values[0].data == saved.data() + 15);
  CHECK(second.values[1].data == saved.data() + 19);
  CHECK(place == saved.data() + 25);
  CHECK(second.values[1].rows() == 2);
  CHECK(second.values[1].columns() == 3);
}
