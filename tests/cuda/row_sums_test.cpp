// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/row_sums.cuh"

#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec;
using seqrec_test::DeviceVector, seqrec_test::same_under_three_schedules, seqrec_test::to_device;

/// Each group of lanes looks for the row of its number.
template <class T>
__global__ void find_places(VectorView<const item_t, DeviceSpace> rows, int lanes, VectorView<T, DeviceSpace> places) {
  const auto group = static_cast<index_t>(threadIdx.x) / lanes;
  for (index_t row = group; row < places.size() + group; row += cuda::warp_size / lanes) {
    const index_t place = cuda::place_among(rows, row, row, places.size(), lanes);
    if (row < places.size() && static_cast<int>(threadIdx.x) % lanes == 0) places(row) = static_cast<T>(place);
  }
}

constexpr index_t width = 33;

/// A matrix whose row i holds 100 i + column, scaled.
std::vector<double> matrix(index_t rows, double scale) {
  std::vector<double> values;
  for (index_t i = 0; i < rows; ++i)
    for (index_t d = 0; d < width; ++d)
      values.push_back(scale * (100 * static_cast<double>(i) + static_cast<double>(d)));
  return values;
}

MatrixView<double, DeviceSpace> as_matrix(DeviceVector<double>& values) {
  return {values.view().data, values.size() / width, width};
}

}  // namespace

TEST_CASE("the place of a row among ascending ones", "[cuda]") {
  for (const std::vector<item_t>& rows :
       {std::vector<item_t>{}, std::vector<item_t>{3}, std::vector<item_t>{0, 2, 3, 7, 9}, std::vector<item_t>{8, 9}}) {
    const auto on_device = to_device(rows);
    std::vector<int> expected(12, -1);
    for (std::size_t i = 0; i < rows.size(); ++i) expected[static_cast<std::size_t>(rows[i])] = static_cast<int>(i);
    for (const int lanes : {1, 4, 16, 32}) {
      CAPTURE(lanes);
      DeviceVector<int> places(12);
      cuda::launch<find_places<int>>(seqrec_test::DefaultStream{}, {1, cuda::warp_size}, on_device.view(), lanes,
                                     places.view());
      CHECK(places.to_host() == expected);
    }
  }
}

TEST_CASE("rows are summed over lists, with and without order, coefficients and sums to begin from", "[cuda]") {
  const cuda::BasicContext<double> context;
  const auto rows = to_device(std::vector<item_t>{1, 4, 6, 8});
  // One list names 4, 1, 4, 8 by entries two of which share a source row, with coefficients; the other is already
  // summed, for rows 1 and 6.
  const auto order = to_device(std::vector<offset_t>{1, 0, 2, 3});
  const auto named = to_device(std::vector<item_t>{1, 4, 8}), summed = to_device(std::vector<item_t>{1, 6});
  const auto row_offsets = to_device(std::vector<offset_t>{0, 1, 3, 4});
  const auto coefficients = to_device(std::vector<double>{2, 3, 5, 7});
  const std::vector<double> first = matrix(2, 1), second = matrix(2, 0.001);
  auto source = to_device(first), sums_before = to_device(second);
  const cuda::RowSummands<double> summands = {
      {as_matrix(sums_before), {{}, summed.view(), {}}, {}, 1},
      {as_matrix(source), {order.view(), named.view(), row_offsets.view()}, coefficients.view(), 2}};
  for (const bool adds : {false, true}) {
    const auto found = same_under_three_schedules([&] {
      auto sums = to_device(std::vector<double>(4 * width, adds ? 0.5 : -77));
      cuda::sum_rows(context, summands, rows.view(), as_matrix(sums), adds);
      return sums.to_host();
    });
    for (std::size_t d = 0; d < width; ++d) {
      const double begin = adds ? 0.5 : 0;
      CHECK(found[d] == begin + second[d] + 3 * first[d]);
      CHECK(found[width + d] == begin + 2 * first[d] + 5 * first[width + d]);
      CHECK(found[2 * width + d] == begin + second[width + d]);
      CHECK(found[3 * width + d] == begin + 7 * first[width + d]);
    }
  }
}

TEST_CASE("entries of a row that very many name are dealt among warps", "[cuda]") {
  const cuda::BasicContext<double> context;
  // Of 1500 entries the first and the last name row 2, those between row 5.
  constexpr offset_t entries = 1500;
  std::vector<offset_t> order = {0, entries - 1};
  for (offset_t e = 1; e < entries - 1; ++e) order.push_back(e);
  const auto on_device = to_device(order), row_offsets = to_device(std::vector<offset_t>{0, 2, entries});
  const auto rows = to_device(std::vector<item_t>{2, 5});
  for (const index_t columns : {3, 300}) {  // fewer than a lane has, and more than a warp has at once
    CAPTURE(columns);
    std::vector<double> values;
    for (offset_t e = 0; e < entries; ++e)
      for (index_t d = 0; d < columns; ++d) values.push_back(static_cast<double>(e % 7 + d));
    auto source = to_device(values);
    const MatrixView<const double, DeviceSpace> list(source.view().data, entries, columns);
    const auto found = same_under_three_schedules([&] {
      DeviceVector<double> sums(2 * columns);
      const MatrixView<double, DeviceSpace> target(sums.view().data, 2, columns);
      cuda::sum_rows(context, {{list, {on_device.view(), rows.view(), row_offsets.view()}, {}, 1}}, rows.view(), target,
                     false);
      return sums.to_host();
    });
    std::vector<double> expected(static_cast<std::size_t>(2 * columns));
    for (offset_t e = 0; e < entries; ++e)
      for (index_t d = 0; d < columns; ++d)
        expected[static_cast<std::size_t>((e == 0 || e == entries - 1 ? 0 : columns) + d)] +=
            values[static_cast<std::size_t>(e * columns + d)];
    CHECK(found == expected);  // whole numbers
  }
}

TEST_CASE("sums are added to the rows of a table", "[cuda]") {
  const cuda::BasicContext<double> context;
  const auto rows = to_device(std::vector<item_t>{0, 3});
  const std::vector<double> numbers = matrix(2, 1);
  auto sums = to_device(numbers), table = to_device(std::vector<double>(4 * width, 1.0));
  cuda::add_sums<double>(context, rows.view(), as_matrix(sums), as_matrix(table));
  const auto found = table.to_host();
  for (std::size_t d = 0; d < width; ++d) {
    CHECK(found[d] == 1 + numbers[d]);
    CHECK(found[width + d] == 1);
    CHECK(found[2 * width + d] == 1);
    CHECK(found[3 * width + d] == 1 + numbers[width + d]);
  }
}
