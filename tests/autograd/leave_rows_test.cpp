// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/leave_rows.hpp"

#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/cpu.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"

using namespace seqrec;
using Context = cpu::BasicContext<double>;

namespace {

struct Model {
  ParameterStore<Context> store;
  MatrixParameter<Context> table{store.scope().table("table", 6, 2, Initialiser::constant(0))};
  Model() { store.initialise(InitialValues::zero, 0); }
};

/// One shard, which is the whole batch.
struct OneShard {
  index_t num_shards() const { return 1; }
  int shard(index_t) const { return 0; }
};

const std::vector<item_t> items = {4, 1, 4};
const std::vector<double> rows = {1, 2, 30, 40, 500, 600};
constexpr index_t of_four = 8, of_one = 2;  // elements of the table

MatrixView<const double, HostSpace> source() { return {rows.data(), 3, 2}; }

void check(VectorView<double, HostSpace> gradient) {
  for (index_t i = 0; i < 12; ++i) {
    CAPTURE(i);
    CHECK(gradient(i) == (i == of_four ? 501 : i == of_four + 1 ? 602 : i == of_one ? 30 : i == of_one + 1 ? 40 : 0));
  }
}

}  // namespace

TEST_CASE("rows of a table's gradient are left to a team, and added at once without one", "[autograd]") {
  Model model;
  const seqrec_test::PlacedRowIndex<HostSpace> index(items);
  const ListIndex<HostSpace> of_shard{index.view(), {}}, of_batch{index.view(), index.view()};

  Context alone;
  alone.reserve_gradients(model.store.size());
  alone.begin_step(1, 1);
  Tape<Context> tape(alone, Mode::training);
  CHECK_FALSE(place_rows(tape, model.table, of_batch, 3));
  leave_rows<Context>(tape, model.table, source(), of_batch);
  check(alone.gradients());

  Context::Team team(model.store.size(), {.threads = 1, .slots = 1});
  for (const bool with_index : {true, false}) {  // without one they are added by shards here, too
    team.run_step(1, 1, OneShard{}, [&](Context& context, int) {
      Tape<Context> of_team(context, Mode::training);
      leave_rows<Context>(of_team, model.table, source(), with_index ? of_batch : of_shard);
    });
    team.reduce();
    CHECK(static_cast<bool>(team.step_gradients().of({0, 12}).dense) == !with_index);
    check(team.gradients());
  }
}

TEST_CASE("what adds up over shards in a slot, and rows that are weighted", "[autograd]") {
  Model model;
  const seqrec_test::PlacedRowIndex<HostSpace> index(items);
  const ListIndex<HostSpace> shared{index.view(), index.view(), 0, true}, list{index.view(), index.view()};
  Context::Team team(model.store.size(), {.threads = 1, .slots = 1});
  team.run_step(1, 1, OneShard{}, [&](Context& context, int) {
    Tape<Context> tape(context, Mode::training);
    leave_rows<Context>(tape, model.table, source(), shared);
    context.begin_shard();
    leave_rows<Context>(tape, model.table, source(), shared);
    const auto placed = place_rows(tape, model.table, list, 1, 3, true);
    REQUIRE(placed);
    placed.source(0, 0) = placed.source(0, 1) = 1;
    for (index_t e = 0; e < 3; ++e) placed.coefficients(e) = static_cast<double>(e + 1);
  });
  team.reduce();
  CHECK(team.gradients()(of_four) == 2 * 501 + 1 + 3);
  CHECK(team.gradients()(of_one + 1) == 2 * 40 + 2);
}

TEST_CASE("a vector may be a table of rows of one; of any other its rows are added at once", "[autograd]") {
  ParameterStore<Context> store;
  store.scope().vector("before", 5, Initialiser::constant(0));
  VectorParameter<Context> weight = store.scope().vector("weight", 6, Initialiser::constant(0));
  VectorParameter<Context> table = store.scope().table("table", 6, Initialiser::constant(0));
  store.initialise(InitialValues::zero, 0);
  const seqrec_test::PlacedRowIndex<HostSpace> index(items);
  const ListIndex<HostSpace> list{index.view(), index.view()};
  const MatrixView<const double, HostSpace> column(rows.data(), 3, 1);
  Context::Team team(store.size(), {.threads = 1, .slots = 1});
  team.run_step(1, 1, OneShard{}, [&](Context& context, int) {
    Tape<Context> tape(context, Mode::training);
    leave_rows<Context>(tape, table, column, list);
    leave_rows<Context>(tape, weight, column, list);
  });
  team.reduce();
  CHECK_FALSE(team.step_gradients().of({table.offset(), 6}).dense);
  CHECK(team.step_gradients().of({weight.offset(), 6}).dense);
  for (const auto* const of : {&weight, &table}) {
    const auto gradient = of->within(team.gradients());
    for (index_t i = 0; i < 6; ++i) CHECK(gradient(i) == (i == 4 ? 31 : i == 1 ? 2 : 0));
  }
}

TEST_CASE("nothing is left where nobody wants gradients", "[autograd]") {
  Model model;
  const seqrec_test::PlacedRowIndex<HostSpace> index(items);
  const ListIndex<HostSpace> list{index.view(), index.view()};
  Context context;
  Tape<Context> tape(context, Mode::training);
  CHECK_FALSE(place_rows(tape, model.table, list, 3));
  CHECK_NOTHROW(leave_rows<Context>(tape, model.table, source(), list));
  context.reserve_gradients(5);
  CHECK_THROWS_AS(place_rows(tape, model.table, list, 3), ShapeError);
  Tape<Context> inference(context, Mode::inference);
  CHECK_FALSE(place_rows(inference, model.table, list, 3));
}
