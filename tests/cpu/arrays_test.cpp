// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/arrays.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <vector>

#include "seqrec/cpu/context.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("an array is a run of elements, not a copy", "[cpu]") {
  std::vector<float> values = {1, 2, 3, 4};
  cpu::array(values.data() + 1, 2) *= 10.0f;
  CHECK(values == std::vector<float>{1, 20, 30, 4});
  CHECK(cpu::array(values.data(), 0).sum() == 0);

  const std::vector<float>& constant = values;
  const auto read = cpu::array(constant.data(), 4);
  CHECK(read.sum() == 55);
  static_assert(!std::is_assignable_v<decltype(read(0)), float>);
}

TEST_CASE("products of arrays are taken element by element", "[cpu]") {
  const std::vector<double> a = {1, 2, 3}, b = {4, 5, 6};
  std::vector<double> product(3);
  cpu::array(product.data(), 3) = cpu::array(a.data(), 3) * cpu::array(b.data(), 3);
  CHECK(product == std::vector<double>{4, 10, 18});
}

TEST_CASE("a row of a strided matrix has its columns and nothing of the gap", "[cpu]") {
  std::vector<float> values(20);
  std::iota(values.begin(), values.end(), 0.0f);
  const MatrixView<float, HostSpace> block = MatrixView<float, HostSpace>(values.data(), 4, 5).column_range(1, 3);
  const auto row = cpu::row_array(block, 2);
  REQUIRE(row.size() == 3);
  CHECK(row(0) == 11);
  CHECK(row(2) == 13);
  cpu::row_array(block, 1).setZero();
  CHECK(values[5] == 5);
  CHECK(values[6] == 0);
  CHECK(values[8] == 0);
  CHECK(values[9] == 9);
  CHECK(cpu::row_array(MatrixView<const float, HostSpace>(block), 0).sum() == 1 + 2 + 3);
}

TEST_CASE("a row is left under the rule of its gradient", "[cpu]") {
  using Context = cpu::BasicContext<double>;
  std::vector<double> values = {1, 2, 3, 4, 5, 6};
  const std::vector<double> row = {10, 20};
  const MatrixView<double, HostSpace> view(values.data(), 2, 2, 3);
  cpu::leave_row(Gradient<Context>{view, GradientMode::add}, 0, cpu::array(row.data(), 2));
  CHECK(values == std::vector<double>{11, 22, 3, 4, 5, 6});
  cpu::leave_row(Gradient<Context>{view, GradientMode::write}, 1, 2.0 * cpu::array(row.data(), 2));
  CHECK(values == std::vector<double>{11, 22, 3, 20, 40, 6});
  cpu::leave_row(Gradient<Context>{}, 7, cpu::array(row.data(), 2));  // nobody wants it
  CHECK(values == std::vector<double>{11, 22, 3, 20, 40, 6});
}

TEST_CASE("a sum in one order is that of an aligned array, wherever the array lies", "[cpu]") {
  alignas(64) float aligned[37];
  alignas(64) float elsewhere[37 + 16];
  index_t different = 0;
  for (int i = 0; i < 37; ++i) aligned[i] = std::sin(static_cast<float>(7 * i)) * 1000;
  for (index_t size = 0; size <= 37; ++size)
    for (int shift = 0; shift < 16; ++shift) {
      std::copy_n(aligned, size, elsewhere + shift);
      different += cpu::sum_in_one_order(cpu::array(elsewhere + shift, size)) != cpu::array(aligned, size).sum();
    }
  CHECK(different == 0);
}
