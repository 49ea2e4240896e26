// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/exponential_average.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace seqrec;

namespace {

template <class Context>
struct Model {
  MatrixParameter<Context> weight;
  VectorParameter<Context> mean{3, Initialiser::normal(1), ParameterRole::statistic};

  Model(index_t rows, index_t columns) : weight(rows, columns, Initialiser::normal(1)) {}
  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    visit("weight", weight);
    visit("mean", mean);
  }
};

}  // namespace

TEST_CASE("an average of weights agrees with PyTorch, and statistics are copied", "[optim]") {
  using Context = cpu::BasicContext<double>;
  seqrec_test::Golden golden("exponential_average");
  Model<Context> model(5, 3);
  const ParameterSet<Context> parameters(model);
  Context::Team team(0, {.threads = 1});
  ExponentialAverage<Context> average(parameters.size(), golden.number("decay"));
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    model.weight.value.copy_from_host(golden.matrix("weight." + std::to_string(step)).values.data());
    for (index_t i = 0; i < 3; ++i) model.mean.value.view()(i) = 10.0 * step + static_cast<double>(i) / 3;
    average.update(team, parameters, static_cast<std::uint64_t>(step));
    const auto expected = golden.matrix("average." + std::to_string(step));
    const auto values = average.values().view();
    for (index_t i = 0; i < expected.size(); ++i)
      CHECK(std::abs(values(i) - expected(i)) < seqrec_test::golden_tolerance);
    for (index_t i = 0; i < 3; ++i) CHECK(values(15 + i) == model.mean.value.view()(i));
  }
}

TEST_CASE("an average has the same bits on any number of threads", "[optim]") {
  using Context = cpu::Context;
  std::vector<float> expected;
  for (const int threads : {1, 2, 3}) {
    Model<Context> model(700, 53);
    const ParameterSet<Context> parameters(model);
    Context::Team team(0, {.threads = threads});
    ExponentialAverage<Context> average(parameters.size(), 0.7);
    for (std::uint64_t step = 1; step <= 3; ++step) {
      initialise<Context>(model, step);
      average.update(team, parameters, step);
    }
    if (expected.empty()) expected = average.values().to_host();
    CHECK(average.values().to_host() == expected);
  }
}

TEST_CASE("an average's decay out of range is named", "[optim]") {
  for (const double decay : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { ExponentialAverage<cpu::Context>(3, decay); }),
               ContainsSubstring("average decay is") && ContainsSubstring("[0, 1)"));
}
