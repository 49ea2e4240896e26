// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/clipping.hpp"

#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using Context = cpu::BasicContext<double>;

namespace {

struct Model {
  VectorParameter<Context> first{2, Initialiser::constant(0)};
  MatrixParameter<Context> second{300, 7, Initialiser::constant(0)};
  VectorParameter<Context> statistic{1, Initialiser::constant(0), ParameterRole::statistic};
  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    visit("first", first);
    visit("second", second);
    visit("statistic", statistic);
  }
};

}  // namespace

TEST_CASE("the norm is over all gradients together", "[optim]") {
  Model model;
  const ParameterSet<Context> parameters(model);
  Context context;
  std::vector<double> gradients(static_cast<std::size_t>(parameters.size()), 0.0);
  const auto norm = [&] {
    return gradient_norm(context, parameters,
                         VectorView<const double, HostSpace>(gradients.data(), std::ssize(gradients)));
  };
  CHECK(norm().value == 0);
  CHECK(norm().first_bad == nullptr);
  gradients[0] = 3;
  gradients[1] = -4;
  gradients[gradients.size() - 2] = 12;
  gradients.back() = 1000;  // a statistic's sum is no gradient
  CHECK(norm().value == Approx(13).epsilon(1e-15));
}

TEST_CASE("the first parameter whose gradient is not finite is named", "[optim]") {
  Model model;
  const ParameterSet<Context> parameters(model);
  Context context;
  const double bad = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(), 1e200);
  std::vector<double> gradients(static_cast<std::size_t>(parameters.size()), 0.0);
  const auto first_bad = [&] {
    const VectorView<const double, HostSpace> view(gradients.data(), std::ssize(gradients));
    const auto* entry = gradient_norm(context, parameters, view).first_bad;
    return entry == nullptr ? std::string() : entry->name;
  };
  gradients.back() = bad;  // but must be a number too
  CHECK(first_bad() == "statistic");
  gradients[1000] = bad;
  CHECK(first_bad() == "second");
  gradients[1] = bad;
  CHECK(first_bad() == "first");
}

TEST_CASE("clipping scales like PyTorch's clip_grad_norm_", "[optim]") {
  CHECK(clip_scale(10, 0) == 1);  // no limit
  CHECK(clip_scale(0.5, 1) == 1);
  CHECK(clip_scale(10, 1) == 1 / (10 + 1e-6));
  CHECK(clip_scale(1, 1) == 1 / (1 + 1e-6));  // at the limit it already scales
  CHECK(clip_scale(0, 1) == 1);
}
