// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/item_features.hpp"

#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;
using T = Tape<DoubleContext>;

namespace {

constexpr index_t items = 4, categories = 3, width = 2;

/// Item 1 has nothing, item 2 category 1 twice.
const seqrec_test::PlacedJagged<HostSpace> known{{{0, 2}, {}, {1, 1}, {2}}};

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  ItemFeatures<DoubleContext> features{items, categories};
  Embedding<DoubleContext> vectors{features.vectors(store.scope("items"), width, Initialiser::normal(1))};
  Probe() { finish(); }
};

MatrixView<double, HostSpace> matrix(ParameterStore<DoubleContext>& store, std::size_t entry) {
  const auto values = store.values(store.entries()[entry]);
  return {values.data, values.size() / width, width};
}

}  // namespace

TEST_CASE("an item's vector is its own and those of its categories", "[layers]") {
  Probe probe;
  CHECK(seqrec_test::shown_parameters(probe) == "items.own 4 2\nitems.categories 3 2\nitems.weight 4 2\n");
  const auto own = matrix(probe.parameters(), 0), of_categories = matrix(probe.parameters(), 1);
  DoubleContext context;
  for (index_t i = 0; i < items * width; ++i) CHECK(probe.vectors.weight.view().data[i] == own.data[i]);
  probe.parameters().compose(context);  // nothing is known yet
  for (index_t i = 0; i < items * width; ++i) CHECK(probe.vectors.weight.view().data[i] == own.data[i]);

  probe.features.set(known.view());
  seqrec_test::randomise(probe, 2);
  Probe moved = std::move(probe);  // what is known stays with it
  moved.parameters().compose(context);
  const auto z = std::as_const(moved.vectors.weight).view();
  for (index_t d = 0; d < width; ++d) {
    CHECK(z(0, d) == Approx(own(0, d) + of_categories(0, d) + of_categories(2, d)));
    CHECK(z(1, d) == own(1, d));
    CHECK(z(2, d) == Approx(own(2, d) + 2 * of_categories(1, d)));
    CHECK(z(3, d) == Approx(own(3, d) + of_categories(2, d)));
  }
}

TEST_CASE("the gradient of an item's vector is handed on", "[layers]") {
  Probe probe;
  probe.features.set(known.view());
  seqrec_test::randomise(probe, 2);
  DoubleContext context;
  std::vector<double> gradients(static_cast<std::size_t>(probe.parameters().size()), 0.5);  // some were there before
  const VectorView<double, HostSpace> all(gradients.data(), probe.parameters().size());
  const auto of = [&](std::size_t entry) { return all.data + probe.parameters().entries()[entry].offset; };
  for (index_t i = 0; i < items * width; ++i) of(2)[i] = static_cast<double>(i + 1);  // rows (1 2) (3 4) (5 6) (7 8)
  probe.parameters().hand_on_gradients(context, all);
  for (index_t i = 0; i < items * width; ++i) CHECK(of(0)[i] == 0.5 + static_cast<double>(i + 1));
  const double expected[] = {1, 2, 10, 12, 8, 10};
  for (int i = 0; i < 6; ++i) CHECK(of(1)[i] == 0.5 + expected[i]);
}

TEST_CASE("without categories a table is a table", "[layers]") {
  ParameterStore<DoubleContext> store;
  const ItemFeatures<DoubleContext> none(items, 0);
  const auto vectors = none.vectors(store.scope("items"), width, Initialiser::normal(1));
  store.initialise(InitialValues::drawn, 1);
  CHECK(seqrec_test::shown_parameters(store) == "items.weight 4 2\n");
  CHECK(store.entries()[0].role == ParameterRole::table);
  CHECK(vectors.weight.view().data == store.values().data);
}

TEST_CASE("features that a model was not made for are refused", "[layers][errors]") {
  ItemFeatures<DoubleContext> more(items + 1, categories), fewer(items, categories - 1);
  CHECK_THROWS_WITH(more.set(known.view()), "features: of 4 items, expected those of the model's 5");
  CHECK_THROWS_WITH(fewer.set(known.view()),
                    "features: an item has category 2, expected 0 to 1: the model was made for 2");
}
