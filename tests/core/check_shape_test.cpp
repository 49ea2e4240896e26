// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/check_shape.hpp"

#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a shape that is as expected passes", "[core]") {
  float memory[12] = {};
  CHECK_NOTHROW(check_shape("op", "x", VectorView<float, HostSpace>(memory, 4), 4));
  CHECK_NOTHROW(check_shape("op", "x", MatrixView<float, HostSpace>(memory, 3, 2, 4), 3, 2));
  CHECK_NOTHROW(check_optional_shape("op", "x", MatrixView<float, HostSpace>{}, 3, 2));
  CHECK_NOTHROW(check_optional_shape("op", "x", VectorView<const float, HostSpace>{}, 3));
}

TEST_CASE("a wrong shape names op, argument, extent and both values", "[core]") {
  double memory[12] = {};
  const MatrixView<const double, HostSpace> matrix(memory, 3, 4);
  const auto message = [](auto action) { return seqrec_test::message_of<ShapeError>(action); };
  CHECK(message([&] { check_shape("linear", "x", VectorView<double, HostSpace>(memory, 5), 4); }) ==
        "linear: size of x is 5, expected 4");
  CHECK(message([&] { check_shape("linear", "weight", matrix, 2, 4); }) == "linear: rows of weight is 3, expected 2");
  CHECK(message([&] { check_shape("linear", "weight", matrix, 3, 5); }) ==
        "linear: columns of weight is 4, expected 5");
  CHECK(message([&] { check_optional_shape("linear", "dx", matrix, 3, 3); }) ==
        "linear: columns of dx is 4, expected 3");
}
