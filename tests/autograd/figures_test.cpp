// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/figures.hpp"

#include <span>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/cpu/context.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using Context = cpu::Context;

namespace {

std::vector<Figure> sum_and_first(std::span<const std::vector<double>> of) {
  double sum = 0;
  for (const auto& values : of)
    for (const double value : values) sum += value;
  return {{"sum", sum}, {"first", of[0][0]}};
}

void leave(Context&, std::span<const StatisticStep<Context>>) {}

}  // namespace

TEST_CASE("a store shows figures of statistics under the names of their scopes", "[autograd]") {
  ParameterStore<Context> store;
  CHECK(store.figures().empty());
  const auto scope = store.scope("blocks") / 1;
  const auto weight = scope.vector("weight", 2, Initialiser::constant(5));
  const auto first = scope.statistic("first", 2, Initialiser::constant(3));
  const auto second = store.scope("other").statistic("second", 1, Initialiser::constant(4));
  scope.moved_after_step(leave, first, second);
  scope.shown(sum_and_first, first, second);
  store.scope("other").shown(sum_and_first, second);
  store.initialise(InitialValues::drawn, 1);
  std::string shown;
  for (const Figure& figure : store.figures()) shown += concatenate(figure.name, '=', figure.value, ' ');
  CHECK(shown == "blocks.1.sum=10 blocks.1.first=3 other.sum=4 other.first=4 ");
  CHECK_THROWS_AS(scope.shown(sum_and_first, weight), ArgumentError);
}
