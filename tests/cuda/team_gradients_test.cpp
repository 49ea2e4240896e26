// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/team_gradients.cuh"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/cuda/elementwise.cuh"
#include "seqrec/cuda/team.cuh"
#include "seqrec/data/batches/row_index.hpp"

using namespace seqrec;
using cuda::Team;
using Context = Team::Context;
using seqrec_test::DeviceVector, seqrec_test::same_under_three_schedules, seqrec_test::to_device;

namespace {

constexpr index_t width = 35, table_rows = 50;
constexpr ElementRange weights{0, 16}, first_table{16, width*table_rows},
    second_table{16 + width * table_rows, width*table_rows};
constexpr index_t model_size = 16 + 2 * width * table_rows;

/// A list of table rows that a batch of one shard has whole, with its index on the host and on the device.
class List {
 public:
  List(index_t entries, std::uint64_t seed) {
    RandomStream random(seed, Purpose::synthetic_data, 0);
    for (index_t i = 0; i < entries; ++i) items.push_back(static_cast<item_t>(random.below(20) * 2));
    const auto size = static_cast<std::size_t>(entries);
    std::vector<offset_t> begins = {0, static_cast<offset_t>(entries)}, order(size), whole_order(size),
                          row_offsets(size + 1), whole_row_offsets(size + 1);
    std::vector<item_t> rows(size), whole_rows(size);
    ShardedRowIndex index;
    index.build(items, begins, table_rows, {order, rows, row_offsets, whole_order, whole_rows, whole_row_offsets});
    const RowIndex<HostSpace> whole = index.whole();
    host_rows.assign(whole.rows.data, whole.rows.data + whole.rows.size());
    order_ = to_device(whole_order);
    rows_ = to_device(host_rows);
    row_offsets_ = to_device(whole_row_offsets);
  }
  ListIndex<DeviceSpace> index(bool shared = false) const {
    const RowIndex<DeviceSpace> whole = {order_.view(), rows_.view(),
                                         row_offsets_.view().row_range(0, rows_.size() + 1)};
    return {whole, whole, 0, shared};
  }
  const DeviceVector<item_t>& rows() const { return rows_; }

  std::vector<item_t> items, host_rows;

 private:
  DeviceVector<offset_t> order_, row_offsets_;
  DeviceVector<item_t> rows_;
};

struct Shards {
  index_t count = 1;
  index_t num_shards() const { return count; }
  index_t shard(index_t s) const { return s; }
};

/// The same that knows where a list lies on the host.
struct ShardsOnHost : Shards {
  const List* list = nullptr;
  mutable int asked = 0;
  VectorView<const item_t, HostSpace> on_host(const VectorView<const item_t, DeviceSpace>& view) const {
    CHECK(view.data == list->rows().view().data);
    ++asked;
    return {list->host_rows.data(), view.size()};
  }
};

float value_of(std::uint64_t seed, index_t entry, index_t column) {
  RandomStream random(seed, Purpose::synthetic_data, static_cast<std::uint64_t>(entry * width + column));
  return static_cast<float>(random.normal());
}

/// Leaves the rows of a list's entries, two entries a row if `weighted`; added where a shard before has left the same.
void leave(Context& context, const ElementRange& table, const List& list, std::uint64_t seed, bool weighted = false,
           bool shared = false) {
  const index_t each = weighted ? 2 : 1, entries = std::ssize(list.items), rows = entries / each;
  const auto placed = context.place_rows({table, width, rows, list.index(shared), each, weighted});
  REQUIRE(placed);
  std::vector<float> values, coefficients;
  for (index_t row = 0; row < rows; ++row)
    for (index_t d = 0; d < width; ++d) values.push_back(value_of(seed, row, d));
  for (index_t e = 0; e < entries; ++e) coefficients.push_back(value_of(seed + 1, e, 0));
  if (placed.adds) {
    const auto source = context.matrix(rows, width);
    context.copy_from_host(source.data, values.data(), source.size());
    cuda::add(context, Add<Context>{source, placed.source});
  } else {
    context.copy_from_host(placed.source.data, values.data(), placed.source.size());
  }
  if (weighted) context.copy_from_host(placed.coefficients.data, coefficients.data(), entries);
}

using Dense = std::vector<double>;

/// The same by loops, added to the gradient of a whole model.
void add(Dense& all, const ElementRange& table, const List& list, std::uint64_t seed, bool weighted = false) {
  const index_t each = weighted ? 2 : 1;
  for (index_t e = 0; e < std::ssize(list.items); ++e)
    for (index_t d = 0; d < width; ++d)
      all[static_cast<std::size_t>(table.offset + list.items[static_cast<std::size_t>(e)] * width + d)] +=
          (weighted ? static_cast<double>(value_of(seed + 1, e, 0)) : 1.0) *
          static_cast<double>(value_of(seed, e / each, d));
}

template <class T>
std::vector<std::remove_const_t<T>> read(VectorView<T, DeviceSpace> values) {
  std::vector<std::remove_const_t<T>> host(static_cast<std::size_t>(values.size()));
  Memory<DeviceSpace>::copy_to_host(host.data(), values.data, host.size() * sizeof(T));
  return host;
}

double difference(const std::vector<float>& actual, const Dense& expected) {
  REQUIRE(actual.size() == expected.size());
  double most = 0;
  for (std::size_t i = 0; i < actual.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(actual[i]) - expected[i]));
  return most;
}

constexpr double rounding = 1e-5;

/// Adds a number to one element of a dense gradient.
void add_to_element(Context& context, const ElementRange& block, index_t element, float number) {
  const auto source = context.matrix(1, 1);
  context.copy_from_host(source.data, &number, 1);
  const auto gradient = context.gradient({block.offset + element, 1}, block);
  cuda::add(context, Add<Context>{source, {gradient.data, 1, 1}});
}

}  // namespace

TEST_CASE("team of the device: rows of tables are summed along the batch's lists", "[cuda]") {
  const List history(60, 1), next(120, 2);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  add(expected, first_table, next, 21, true);
  add(expected, second_table, history, 31);
  std::vector<item_t> rows;
  std::set_union(history.host_rows.begin(), history.host_rows.end(), next.host_rows.begin(), next.host_rows.end(),
                 std::back_inserter(rows));
  const auto found = same_under_three_schedules([&] {
    Team team(model_size);
    for (int step = 0; step < 2; ++step) {
      team.run_step(1, 1, Shards{}, [&](Context& context, index_t) {
        leave(context, second_table, history, 31);
        leave(context, first_table, next, 21, true);
        leave(context, first_table, history, 11);
      });
      team.reduce();
    }
    const auto by_rows = team.step_gradients().of(first_table);
    CHECK_FALSE(by_rows.dense);
    CHECK(read(by_rows.rows) == rows);
    CHECK(by_rows.sums.rows() == std::ssize(rows));
    CHECK(read(team.step_gradients().of(second_table).rows) == history.host_rows);
    CHECK(team.memory_held() > 0);
    return read(team.gradients());
  });
  CHECK(difference(found, expected) < rounding);
}

TEST_CASE("team of the device: rows are merged on the host where the batch has them there", "[cuda]") {
  const List history(60, 1);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  Team team(model_size);
  ShardsOnHost shards;
  shards.list = &history;
  team.run_step(1, 1, shards, [&](Context& context, index_t) { leave(context, first_table, history, 11); });
  team.reduce();
  CHECK(shards.asked == 1);
  CHECK(difference(read(team.gradients()), expected) < rounding);
}

TEST_CASE("team of the device: further batches add to the sums of rows, whichever tables they touch", "[cuda]") {
  const List first(30, 1), second(40, 2), third(12, 3);
  Dense expected(model_size, 0);
  for (const auto& [list, seed] : {std::pair(&first, 11), {&second, 21}})
    add(expected, first_table, *list, static_cast<std::uint64_t>(seed));
  add(expected, second_table, third, 31);
  const auto found = same_under_three_schedules([&] {
    Team team(model_size);
    for (int step = 0; step < 2; ++step) {
      team.run_step(1, 1, Shards{}, [&](Context& c, index_t) { leave(c, first_table, first, 11); });
      team.run_further(1, 2, Shards{}, [&](Context& c, index_t) { leave(c, second_table, third, 31); });
      team.run_further(1, 3, Shards{}, [&](Context& c, index_t) { leave(c, first_table, second, 21); });
      team.run_further(1, 4, Shards{}, [](Context&, index_t) {});
      team.reduce();
    }
    CHECK(team.step_gradients().of(second_table).sums.rows() == std::ssize(third.host_rows));
    return read(team.gradients());
  });
  CHECK(difference(found, expected) < rounding);
}

TEST_CASE("team of the device: rows are added to a table whose gradient is dense as well", "[cuda]") {
  const List history(60, 1);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  expected[static_cast<std::size_t>(first_table.offset) + 7] += 6;
  expected[3] += 3;
  Team team(model_size);
  for (int step = 0; step < 2; ++step) {
    team.run_step(1, 1, Shards{}, [&](Context& context, index_t) {
      add_to_element(context, first_table, 7, 6);
      add_to_element(context, weights, 3, 3);
      leave(context, first_table, history, 11);
    });
    team.reduce();
    CHECK(team.step_gradients().of(first_table).dense);
    CHECK(difference(read(team.gradients()), expected) < rounding);
  }
}

TEST_CASE("team of the device: more lists for a table than a launch takes, and lists that shards share", "[cuda]") {
  std::vector<List> lists;
  for (std::uint64_t i = 0; i < 2 * cuda::most_summands + 3; ++i) lists.emplace_back(20, i + 1);
  const List shared(8, 77);
  Dense expected(model_size, 0);
  for (std::size_t i = 0; i < lists.size(); ++i) add(expected, first_table, lists[i], 100 + 10 * i);
  for (int shard = 0; shard < 3; ++shard) add(expected, second_table, shared, 5);
  Team team(model_size);
  for (int step = 0; step < 2; ++step) {
    team.run_step(1, 1, Shards{3}, [&](Context& context, index_t shard) {
      leave(context, second_table, shared, 5, false, true);
      for (std::size_t i = 0; shard == 0 && i < lists.size(); ++i) leave(context, first_table, lists[i], 100 + 10 * i);
    });
    team.reduce();
    CHECK(difference(read(team.gradients()), expected) < rounding);
  }
}

TEST_CASE("team of the device: a block is made dense for who asks, and stays what it was", "[cuda]") {
  const List history(60, 1);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  Team team(model_size);
  for (int step = 0; step < 2; ++step) {
    team.run_step(1, 1, Shards{}, [&](Context& context, index_t) { leave(context, first_table, history, 11); });
    team.reduce();
    CHECK(read(team.dense_gradient(weights)) == std::vector<float>(16, 0.0f));
    const auto dense = team.dense_gradient(first_table);
    CHECK(team.step_gradients().of(first_table).dense.data == dense.data);
    CHECK(team.dense_gradient(first_table).data == dense.data);
    CHECK(difference(read(team.gradients()), expected) < rounding);
    CHECK(team.gradients().data == team.gradients().data);
  }
}

TEST_CASE("team of the device: what an unfinished step has left counts for nothing", "[cuda]") {
  const List history(60, 1);
  Team team(model_size);
  CHECK_THROWS_AS(team.run_step(1, 1, Shards{},
                                [&](Context& context, index_t) {
                                  leave(context, first_table, history, 77);
                                  throw std::runtime_error("stop");
                                }),
                  std::runtime_error);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  team.run_step(1, 2, Shards{}, [&](Context& context, index_t) { leave(context, first_table, history, 11); });
  team.reduce();
  CHECK(difference(read(team.gradients()), expected) < rounding);
}

TEST_CASE("team of the device: memory follows the rows that are touched, not the table", "[cuda]") {
  const List history(60, 1);
  constexpr ElementRange huge{0, width << 33};  // more than a terabyte of gradients, if somebody asked for them
  Team team(huge.size);
  const std::size_t before = Memory<DeviceSpace>::held();
  team.run_step(1, 1, Shards{}, [&](Context& context, index_t) { leave(context, huge, history, 11); });
  team.reduce();
  CHECK(team.step_gradients().of(huge).sums.rows() == std::ssize(history.host_rows));
  CHECK(Memory<DeviceSpace>::held() - before < 1 << 20);
}
