// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/team_gradients.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/cpu/team.hpp"
#include "seqrec/data/batches/row_index.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using cpu::Team;
using Context = Team::Context;

namespace {

constexpr index_t width = 3, table_rows = 50;
constexpr ElementRange weights{0, 16}, first_table{16, 160}, second_table{176, 160};
constexpr index_t model_size = 336;

/// A list of table rows, cut into shards, with its indices.
class List {
 public:
  List(index_t entries, std::vector<offset_t> begins, std::uint64_t seed) : begins_(std::move(begins)) {
    RandomStream random(seed, Purpose::synthetic_data, 0);
    for (index_t i = 0; i < entries; ++i) items.push_back(static_cast<item_t>(random.below(20) * 2));
    const auto size = static_cast<std::size_t>(entries);
    for (auto* of : {&order_, &rows_, &whole_order_, &whole_rows_}) of->resize(size);
    row_offsets_.resize(size + begins_.size() - 1);
    whole_row_offsets_.resize(size + 1);
    index_.build(items, begins_, table_rows,
                 {order_, rows_, row_offsets_, whole_order_, whole_rows_, whole_row_offsets_});
  }
  ListIndex<HostSpace> shard(index_t i) const {
    return {index_.shard(i), index_.whole(), begins_[static_cast<std::size_t>(i)]};
  }
  /// The same list for every shard.
  ListIndex<HostSpace> shared() const { return {index_.whole(), index_.whole(), 0, true}; }

  std::vector<item_t> items;

 private:
  std::vector<offset_t> begins_, order_, row_offsets_, whole_order_, whole_row_offsets_;
  std::vector<item_t> rows_, whole_rows_;
  ShardedRowIndex index_;
};

struct Shards {
  index_t count;
  index_t num_shards() const { return count; }
  index_t shard(index_t s) const { return s; }
};

float value_of(std::uint64_t seed, index_t entry, index_t column) {
  RandomStream random(seed, Purpose::synthetic_data, static_cast<std::uint64_t>(entry * width + column));
  return static_cast<float>(random.normal());
}

/// Leaves the rows of a shard's entries, two entries a row if `weighted`.
void leave(Context& context, const ElementRange& table, const List& list, index_t shard, std::uint64_t seed,
           bool weighted = false) {
  const ListIndex<HostSpace> of = list.shard(shard);
  const index_t each = weighted ? 2 : 1, rows = of.shard.order.size() / each;
  if (rows == 0) return;
  const auto placed = context.place_rows({table, width, rows, of, each, weighted});
  if (!placed) throw std::logic_error("rows are left to a team");  // Catch knows one thread only
  for (index_t row = 0; row < rows; ++row)
    for (index_t d = 0; d < width; ++d) placed.source(row, d) = value_of(seed, of.first / each + row, d);
  for (index_t e = 0; weighted && e < rows * each; ++e) placed.coefficients(e) = value_of(seed + 1, of.first + e, 0);
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

double difference(const VectorView<float, HostSpace>& actual, const Dense& expected) {
  REQUIRE(actual.size() == std::ssize(expected));
  double most = 0;
  for (index_t i = 0; i < actual.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(actual(i)) - expected[static_cast<std::size_t>(i)]));
  return most;
}

constexpr double rounding = 1e-5;

std::vector<float> bits(Team& team) {
  const auto all = team.gradients();
  return {all.data, all.data + all.size()};
}

}  // namespace

TEST_CASE("rows of tables are summed over shards, the same bits on any number of threads and slots", "[cpu][threads]") {
  const List history(60, {0, 20, 20, 41, 60}, 1), next(120, {0, 40, 40, 82, 120}, 2);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  add(expected, first_table, next, 21, true);
  add(expected, second_table, history, 31);
  std::vector<float> same;
  for (const int threads : {1, 2, 3})
    for (const int slots : {1, 2, 8}) {
      CAPTURE(threads, slots);
      Team team(model_size, {.threads = threads, .slots = slots});
      for (int step = 0; step < 2; ++step) {
        team.run_step(1, 1, Shards{4}, [&](Context& context, index_t shard) {
          leave(context, second_table, history, shard, 31);
          leave(context, first_table, next, shard, 21, true);
          leave(context, first_table, history, shard, 11);
        });
        team.reduce();
        const auto by_rows = team.step_gradients().of({first_table.offset, table_rows * width});
        CHECK_FALSE(by_rows.dense);
        CHECK(by_rows.rows.size() == 20);
        CHECK(by_rows.sums.rows() == 20);
        CHECK(difference(team.gradients(), expected) < rounding);
        if (same.empty()) same = bits(team);
        CHECK(same == bits(team));
      }
    }
}

TEST_CASE("further batches add to the sums of rows, whichever tables they touch", "[cpu]") {
  const List first(30, {0, 10, 30}, 1), second(40, {0, 40}, 2), third(12, {0, 12}, 3);
  Dense expected(model_size, 0);
  for (const auto& [list, seed] : {std::pair(&first, 11), {&second, 21}})
    add(expected, first_table, *list, static_cast<std::uint64_t>(seed));
  add(expected, second_table, third, 31);
  std::vector<float> same;
  for (const int threads : {1, 2, 3}) {
    Team team(model_size, {.threads = threads, .slots = 3});
    for (int step = 0; step < 2; ++step) {
      team.run_step(1, 1, Shards{2}, [&](Context& c, index_t shard) { leave(c, first_table, first, shard, 11); });
      team.run_further(1, 2, Shards{1}, [&](Context& c, index_t shard) { leave(c, second_table, third, shard, 31); });
      team.run_further(1, 3, Shards{1}, [&](Context& c, index_t shard) { leave(c, first_table, second, shard, 21); });
      team.run_further(1, 4, Shards{1}, [](Context&, index_t) {});
      team.reduce();
      CHECK(team.step_gradients().of(second_table).sums.rows() <= 12);
      CHECK(difference(team.gradients(), expected) < rounding);
      if (same.empty()) same = bits(team);
      CHECK(same == bits(team));
    }
  }
}

TEST_CASE("rows are added to a table whose gradient is dense as well", "[cpu]") {
  const List history(60, {0, 20, 41, 60}, 1);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  expected[static_cast<std::size_t>(first_table.offset)] += 6;
  expected[3] += 3;
  Team team(model_size, {.threads = 2, .slots = 2});
  for (int step = 0; step < 2; ++step) {
    team.run_step(1, 1, Shards{3}, [&](Context& context, index_t shard) {
      context.gradient({first_table.offset, 1}, first_table)(0) += static_cast<float>(shard + 1);
      context.gradient(weights, weights)(3) += 1;
      leave(context, first_table, history, shard, 11);
    });
    team.reduce();
    CHECK(team.step_gradients().of(first_table).dense);
    CHECK(difference(team.gradients(), expected) < rounding);
  }
}

TEST_CASE("lists that all shards have whole, and shards that leave nothing", "[cpu][threads]") {
  const List shared(8, {0, 8}, 3), history(60, {0, 20, 41, 60}, 1), of_one(60, {0, 20, 41, 60}, 1);
  Dense expected(model_size, 0);
  for (int shard = 0; shard < 3; ++shard) add(expected, first_table, shared, 5);
  for (index_t e = 20; e < 41; ++e)  // of the second shard alone
    for (index_t d = 0; d < width; ++d)
      expected[static_cast<std::size_t>(second_table.offset + of_one.items[static_cast<std::size_t>(e)] * width + d)] +=
          static_cast<double>(value_of(11, e, d));
  std::vector<float> same;
  for (const int threads : {1, 2, 3}) {
    Team team(model_size, {.threads = threads, .slots = 2});
    for (int step = 0; step < 2; ++step) {
      team.run_step(1, 1, Shards{3}, [&](Context& context, index_t shard) {
        const auto placed = context.place_rows({first_table, width, 8, shared.shared()});
        for (index_t row = 0; row < 8; ++row)
          for (index_t d = 0; d < width; ++d)
            placed.source(row, d) = (placed.adds ? placed.source(row, d) : 0.0F) + value_of(5, row, d);
        if (shard == 1) leave(context, second_table, of_one, shard, 11);
      });
      team.reduce();
      CHECK(difference(team.gradients(), expected) < rounding);
      if (same.empty()) same = bits(team);
      CHECK(same == bits(team));
    }
  }
}

TEST_CASE("a block is made dense for who asks, and stays what it was", "[cpu]") {
  const List history(60, {0, 60}, 1);
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  Team team(model_size, {.threads = 2, .slots = 2});
  for (int step = 0; step < 2; ++step) {
    team.run_step(1, 1, Shards{1},
                  [&](Context& context, index_t shard) { leave(context, first_table, history, shard, 11); });
    team.reduce();
    const auto nobody = team.dense_gradient(weights);
    CHECK(nobody.size() == weights.size);
    for (index_t i = 0; i < nobody.size(); ++i) CHECK(nobody(i) == 0);
    const auto dense = team.dense_gradient(first_table);
    CHECK(team.step_gradients().of(first_table).dense.data == dense.data);
    CHECK(team.dense_gradient(first_table).data == dense.data);
    CHECK(difference(team.gradients(), expected) < rounding);
    CHECK(team.gradients().data == team.gradients().data);
    team.gradients()(0) = 5;  // from now on that is the gradient
    CHECK(team.step_gradients().of({0, 1}).dense(0) == 5);
    CHECK(team.dense_gradient(weights)(0) == 5);
  }
}

TEST_CASE("what an unfinished step has left counts for nothing", "[cpu]") {
  const List history(60, {0, 20, 60}, 1);
  Team team(model_size, {.threads = 1, .slots = 2});
  CHECK_THROWS(team.run_step(1, 1, Shards{2}, [&](Context& context, index_t shard) {
    leave(context, first_table, history, shard, 77);
    if (shard == 1) throw std::runtime_error("stop");
  }));
  Dense expected(model_size, 0);
  add(expected, first_table, history, 11);
  team.run_step(1, 2, Shards{2},
                [&](Context& context, index_t shard) { leave(context, first_table, history, shard, 11); });
  team.reduce();
  CHECK(difference(team.gradients(), expected) < rounding);
  CHECK(team.memory_held() > 0);
}
