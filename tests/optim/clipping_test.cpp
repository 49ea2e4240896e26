// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/clipping.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"

using namespace seqrec;
using Context = cpu::BasicContext<double>;

namespace {

struct Model {
  ParameterStore<Context> store;
  VectorParameter<Context> first = store.scope().vector("first", 2, Initialiser::constant(0));
  MatrixParameter<Context> second = store.scope().matrix("second", 300, 7, Initialiser::constant(0));
  MatrixParameter<Context> table = store.scope().table("table", 11, 5, Initialiser::constant(0));
  VectorParameter<Context> statistic = store.scope().statistic("statistic", 1, Initialiser::constant(0));

  Model() {
    store.scope().moved_after_step([](Context&, auto) {}, statistic);
    store.initialise(InitialValues::drawn, 0);
  }
  ParameterStore<Context>& parameters() { return store; }
  const ParameterStore<Context>& parameters() const { return store; }
};

/// A gradient for each element, and a way to set some.
struct Gradients {
  std::vector<double> values;

  explicit Gradients(const Model& model) : values(static_cast<std::size_t>(model.parameters().size()), 0.0) {}
  /// That of an element of a parameter, counted from its end where negative.
  template <class Parameter>
  double& at(const Parameter& parameter, index_t element) {
    return values[static_cast<std::size_t>(parameter.offset() + (element < 0 ? parameter.size() : 0) + element)];
  }
  VectorView<const double, HostSpace> view() const { return {values.data(), std::ssize(values)}; }
};

/// What a step with these gradients and a loss of one has to say.
StepOutcome concluded(const ParameterRanges& ranges, const Gradients& gradients, const StepInputs& inputs = {}) {
  Context context;
  StepState<HostSpace> state;
  state.begin(inputs);
  const double loss = 1;
  finish_gradients<Context>(context, ranges, gradients.view(), {&loss, 1}, state);
  return state.read();
}

}  // namespace

TEST_CASE("the norm is over all gradients together", "[optim]") {
  Model model;
  const ParameterRanges ranges(model.parameters());
  Context context;
  Gradients gradients(model);
  const auto norm = [&] { return concluded(ranges, gradients).gradient_norm; };
  CHECK(norm() == 0);
  const auto every_one = [](const ParameterEntry&) { return true; };
  CHECK(first_not_finite<Context>(context, model.parameters().entries(), gradients.view(), every_one) == nullptr);
  gradients.at(model.first, 0) = 3;
  gradients.at(model.first, 1) = -4;
  gradients.at(model.second, -1) = 12;
  gradients.at(model.statistic, 0) = 1000;  // a statistic's sum is no gradient
  CHECK(norm() == Approx(13).epsilon(1e-15));
  gradients.at(model.table, -1) = 84;
  CHECK(norm() == Approx(85).epsilon(1e-15));
}

TEST_CASE("the norm is over what is trained, and over nothing else", "[optim]") {
  Model model;
  Gradients gradients(model);
  gradients.at(model.first, 0) = 3;
  gradients.at(model.second, 0) = 4;
  gradients.at(model.second, -1) = 12;
  gradients.at(model.table, 7) = 84;
  const auto norm = [&](std::vector<std::string> frozen) {
    return concluded(ParameterRanges(model.parameters(), frozen), gradients).gradient_norm;
  };
  CHECK(norm({}) == Approx(85).epsilon(1e-15));
  CHECK(norm({"table"}) == Approx(13).epsilon(1e-15));
  CHECK(norm({"second"}) == Approx(std::sqrt(9.0 + 84 * 84)).epsilon(1e-15));
  CHECK(norm({"first", "second", "table"}) == 0);
  gradients.at(model.table, 7) = std::numeric_limits<double>::quiet_NaN();
  CHECK(norm({"table"}) == Approx(13).epsilon(1e-15));  // nobody reads it
  CHECK(std::isnan(norm({})));
}

TEST_CASE("the first parameter whose gradient is not finite is named", "[optim]") {
  Model model;
  const ParameterRanges ranges(model.parameters());
  Context context;
  const double bad = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(), 1e200);
  Gradients gradients(model);
  const auto first_bad = [&] {
    CHECK(concluded(ranges, gradients, {.step = 7}).first_bad_step == 7);
    const auto is_trained = [&](const ParameterEntry& one) { return !ranges.is_frozen(one); };
    const auto* entry = first_not_finite<Context>(context, model.parameters().entries(), gradients.view(), is_trained);
    return entry == nullptr ? std::string() : entry->name;
  };
  gradients.at(model.statistic, 0) = bad;  // is no gradient, but must be a number too
  if (bad == 1e200)
    CHECK(concluded(ranges, gradients).is_good());  // nobody asks for its square
  else
    CHECK(first_bad() == "statistic");
  gradients.at(model.second, 1000) = bad;
  CHECK(first_bad() == "second");
  gradients.at(model.first, 1) = bad;
  CHECK(first_bad() == "first");
  const auto* rest = first_not_finite<Context>(context, model.parameters().entries(), gradients.view(),
                                               [](const ParameterEntry& one) { return one.name != "first"; });
  REQUIRE(rest != nullptr);
  CHECK(rest->name == "second");  // what is not looked at may be anything
}

TEST_CASE("clipping scales like PyTorch's clip_grad_norm_", "[optim]") {
  Model model;
  const ParameterRanges ranges(model.parameters());
  const auto clip_scale = [&](double norm, double limit) {
    Gradients gradients(model);
    gradients.at(model.second, 5) = norm;
    return concluded(ranges, gradients, {.clip_norm = limit}).gradient_scale;
  };
  CHECK(clip_scale(10, 0) == 1);  // no limit
  CHECK(clip_scale(0.5, 1) == 1);
  CHECK(clip_scale(10, 1) == 1 / (10 + 1e-6));
  CHECK(clip_scale(1, 1) == 1 / (1 + 1e-6));  // at the limit it already scales
  CHECK(clip_scale(0, 1) == 1);
}

TEST_CASE("clipping counts only what is trained", "[optim]") {
  Model model;
  Gradients gradients(model);
  gradients.at(model.first, 0) = 2;
  gradients.at(model.table, 0) = 1000;
  const std::vector<std::string> frozen = {"table"};
  CHECK(concluded(ParameterRanges(model.parameters(), frozen), gradients, {.clip_norm = 1}).gradient_scale ==
        1 / (2 + 1e-6));
}
