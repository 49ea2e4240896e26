// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/parameter.hpp"

#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/context_base.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = ContextBase<float, double, HostSpace>;
using Matrix = MatrixParameter<Context>;
using Vector = VectorParameter<Context>;

static_assert(std::is_nothrow_move_constructible_v<Vector> && !std::is_copy_constructible_v<Vector>);
static_assert(std::is_nothrow_move_assignable_v<Matrix> && !std::is_copy_assignable_v<Matrix>);
// Values are of the master type, and a const parameter shows them as const.
static_assert(std::is_same_v<decltype(std::declval<Matrix&>().view()), MatrixView<double, HostSpace>>);
static_assert(std::is_same_v<decltype(std::declval<const Matrix&>().view()), MatrixView<const double, HostSpace>>);
static_assert(std::is_same_v<decltype(std::declval<Vector&>().view()), VectorView<double, HostSpace>>);

/// A vector before a matrix in the store: elements 0 .. 4 and, on the next cache line, 8 .. 13.
struct Pair {
  ParameterStore<Context> store;
  Vector vector = store.scope().vector("a.vector", 5, Initialiser::constant(0.5));
  Matrix matrix = store.scope().matrix("a.matrix", 2, 3, Initialiser::normal(1));
};

}  // namespace

TEST_CASE("a parameter is a shape and a place", "[autograd]") {
  Pair pair;
  CHECK(pair.matrix);
  CHECK(pair.matrix.rows() == 2);
  CHECK(pair.matrix.columns() == 3);
  CHECK(pair.matrix.size() == 6);
  CHECK(pair.vector.rows() == 5);
  CHECK(pair.vector.size() == 5);
  pair.store.initialise(InitialValues::drawn, 1);
  CHECK(pair.vector.offset() == 0);
  CHECK(pair.matrix.offset() == 8);
  CHECK(pair.matrix.view().data == pair.store.values().data + 8);
  CHECK(pair.matrix.view().rows() == 2);
  CHECK(pair.matrix.view().columns() == 3);
  CHECK(pair.matrix.view().stride == 3);
  CHECK(pair.vector.view().size() == 5);
  CHECK(std::as_const(pair.vector).view()(4) == 0.5);
}

TEST_CASE("a parameter that is none has no size, no values and no gradient", "[autograd]") {
  Vector vector;
  const Matrix matrix;
  CHECK_FALSE(vector);
  CHECK_FALSE(matrix);
  CHECK(vector.size() == 0);
  CHECK(matrix.size() == 0);
  CHECK_FALSE(vector.view());
  CHECK_FALSE(matrix.view());
  std::vector<double> memory(8);
  CHECK_FALSE(matrix.within(VectorView<double, HostSpace>(memory.data(), 8)));
}

TEST_CASE("a parameter has no values before its store has memory, and says what is missing", "[autograd][errors]") {
  Pair pair;
  const auto message = [&] { return seqrec_test::message_of<Error>([&] { pair.matrix.view(); }); };
  CHECK_THAT(message(), ContainsSubstring("a.matrix: has no memory yet") && ContainsSubstring("initialise"));
  pair.store.initialise(InitialValues::none, 1);
  CHECK_THAT(message(), ContainsSubstring("a.matrix: has no memory yet"));
  pair.store.allocate();
  CHECK(pair.matrix.view());
}

TEST_CASE("a parameter sees its part of memory laid out like the store", "[autograd]") {
  Pair pair;
  pair.store.initialise(InitialValues::none, 1);
  std::vector<float> memory(14);
  const VectorView<float, HostSpace> all(memory.data(), 14);
  const MatrixView<float, HostSpace> part = pair.matrix.within(all);
  CHECK(part.data == memory.data() + 8);
  CHECK(part.rows() == 2);
  CHECK(part.columns() == 3);
  CHECK(pair.vector.within(VectorView<const float, HostSpace>(all)).data == memory.data());

  CHECK_THAT(seqrec_test::message_of<ShapeError>([&] { pair.matrix.within(all.row_range(0, 13)); }),
             ContainsSubstring("a.matrix: lies at 8 .. 14") && ContainsSubstring("not for 13"));
  CHECK(pair.vector.within(all.row_range(0, 5)).size() == 5);
  CHECK_THROWS_AS(pair.vector.within(all.row_range(0, 4)), ShapeError);
}

TEST_CASE("an entry counts its elements", "[autograd]") {
  CHECK(ParameterEntry{"v", {5}, Initialiser::constant(0), ParameterRole::weight}.size() == 5);
  CHECK(ParameterEntry{"m", {5, 3}, Initialiser::constant(0), ParameterRole::weight}.size() == 15);
  CHECK(ParameterEntry{"m", {5, 3}, Initialiser::constant(0), ParameterRole::weight}.offset == -1);
}
