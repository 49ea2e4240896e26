// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/parameter_updates.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/cpu.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using C = cpu::BasicContext<double>;

namespace {

/// z = a + 2 b, after another parameter, so that places differ.
struct Toy {
  ParameterStore<C> store;
  VectorParameter<C> before = store.scope().vector("before", 3, Initialiser::constant(9));
  MatrixParameter<C> a = store.scope().table("a", 2, 2, Initialiser::normal(1));
  MatrixParameter<C> b = store.scope().matrix("b", 2, 2, Initialiser::constant(0.5));
  MatrixParameter<C> z = store.scope().composed("z",
                                                {[](C&, ComposedParts<C> values) {
                                                   for (index_t i = 0; i < 4; ++i)
                                                     values[0](i) = values[1](i) + 2 * values[2](i);
                                                 },
                                                 [](C&, ComposedParts<C> gradients) {
                                                   for (index_t i = 0; i < 4; ++i) gradients[1](i) += gradients[0](i);
                                                   for (index_t i = 0; i < 4; ++i)
                                                     gradients[2](i) += 2 * gradients[0](i);
                                                 }},
                                                a, b);
  Toy() { store.initialise(InitialValues::drawn, 3); }
};

}  // namespace

TEST_CASE("a composed parameter begins as its first part, and is composed when the store is told to", "[autograd]") {
  Toy toy;
  CHECK(toy.store.entries()[3].role == ParameterRole::composed);
  CHECK(std::equal(toy.z.view().data, toy.z.view().data + 4, toy.a.view().data));
  Toy moved = std::move(toy);
  C context;
  moved.store.compose(context);
  for (index_t i = 0; i < 4; ++i) CHECK(moved.z.view().data[i] == moved.a.view().data[i] + 1);
}

TEST_CASE("what arrives at a composed parameter is handed on to its parts", "[autograd]") {
  Toy toy;
  C context;
  std::vector<double> gradients(static_cast<std::size_t>(toy.store.size()), 1);
  const VectorView<double, HostSpace> all(gradients.data(), toy.store.size());
  toy.z.within(all)(1, 0) = 5;
  toy.store.hand_on_gradients(context, all);
  CHECK(toy.a.within(all)(1, 0) == 6);
  CHECK(toy.b.within(all)(1, 0) == 11);
  CHECK(toy.a.within(all)(0, 0) == 2);
  CHECK(toy.b.within(all)(0, 0) == 3);
  CHECK(toy.before.within(all)(0) == 1);
}
