// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/core/context_base.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

template <class Scalar>
using Context = ContextBase<Scalar, Scalar, HostSpace>;

template <class Scalar>
struct Toy {
  MatrixParameter<Context<Scalar>> weight{3, 4, Initialiser::xavier_normal()};
  VectorParameter<Context<Scalar>> bias{3, Initialiser::constant(0.5)};
  MatrixParameter<Context<Scalar>> table{5, 2, Initialiser::normal(1)};
  bool shows_bias = true;

  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    visit("weight", weight);
    if (shows_bias) visit("bias", bias);
    visit("table", table);
  }
};

}  // namespace

TEST_CASE("parameters are laid end to end in the order in which the model shows them", "[autograd]") {
  Toy<float> toy;
  const ParameterSet<Context<float>> set(toy);
  REQUIRE(set.entries().size() == 3);
  CHECK(set.size() == 12 + 3 + 10);
  const std::vector<std::string> names = {"weight", "bias", "table"};
  const std::vector<std::vector<index_t>> shapes = {{3, 4}, {3}, {5, 2}};
  const std::vector<index_t> offsets = {0, 12, 15}, sizes = {12, 3, 10};
  std::size_t i = 0;
  for (const auto& entry : set) {
    CHECK(entry.name == names[i]);
    CHECK(entry.shape == shapes[i]);
    CHECK(entry.offset == offsets[i]);
    CHECK(entry.size() == sizes[i]);
    ++i;
  }
  CHECK(set.entries()[2].values.data == toy.table.value.view().data);
  CHECK(toy.weight.offset == 0);
  CHECK(toy.bias.offset == 12);
  CHECK(toy.table.offset == 15);
}

TEST_CASE("initial weights depend on the seed and the parameter's name, not on the other parameters", "[autograd]") {
  Toy<double> toy, again, other_seed, without_bias;
  initialise<Context<double>>(toy, 7);
  initialise<Context<double>>(again, 7);
  initialise<Context<double>>(other_seed, 8);
  without_bias.shows_bias = false;
  initialise<Context<double>>(without_bias, 7);

  CHECK(toy.bias.value.to_host() == std::vector<double>(3, 0.5));
  CHECK(toy.weight.value.to_host() == again.weight.value.to_host());
  CHECK(toy.table.value.to_host() == again.table.value.to_host());
  CHECK(toy.weight.value.to_host() != other_seed.weight.value.to_host());
  CHECK(toy.table.value.to_host() == without_bias.table.value.to_host());
  for (const double value : toy.weight.value.to_host()) CHECK(value != 0);

  // the stream of a parameter begins anew: the first elements of two parameters are not shifted copies
  RandomStream random(7, Purpose::initial_weights, Hash().add("table").value());
  for (const double value : toy.table.value.to_host()) CHECK(value == random.normal());
}

TEST_CASE("every element type begins with the same numbers, drawn in double", "[autograd]") {
  Toy<float> narrow;
  Toy<double> wide;
  initialise<Context<float>>(narrow, 3);
  initialise<Context<double>>(wide, 3);
  const std::vector<float> a = narrow.weight.value.to_host();
  const std::vector<double> b = wide.weight.value.to_host();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == static_cast<float>(b[i]));
}
