// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/carried_states.hpp"

#include <vector>

#include "seqrec/models/gru4rec.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Gru4Rec<DoubleContext>;

static_assert(StaticEncoder<CarriedStates<Model>>);

TEST_CASE("a shard goes on from the rows that it names, and leaves its states in its own", "[train]") {
  Model model({.items = 9, .width = 3, .layers = 2});
  randomise(model, 4);
  const ToyBatch batch(toy_users({1, 1, 1}, 9, 0, 3), 9, 0, {1});
  const Matrix before = random_matrix(4, 6, 2);
  Matrix after(5, 6, 77.0), expected(3, 6);
  const std::vector<offset_t> carried = {2, -1, 0};
  Matrix initial(3, 6);
  for (index_t column = 0; column < 6; ++column) {
    initial(0, column) = before(2, column);
    initial(2, column) = before(0, column);
  }
  for (const index_t i : {0, 1}) {
    DoubleContext context;
    Tape<DoubleContext> tape(context, Mode::inference);
    const Batch<HostSpace> shard = batch.shard(i).histories;
    const index_t first = shard.first_user, users = shard.users();
    const CarriedStates<Model> carrying{
        model, {carried.data() + first, users}, view_of(before), {after.values.data(), 5, 6}};
    CHECK(carrying.num_items() == 9);
    const auto states = carrying.encode(tape, shard).value();
    const auto plain = model.encode_step(
        tape, shard, {view_of(initial).row_range(first, users), {expected.values.data() + first * 6, users, 6}});
    for (index_t row = 0; row < users; ++row)
      for (index_t column = 0; column < 3; ++column) CHECK(states(row, column) == plain.value()(row, column));
  }
  for (index_t row = 0; row < 5; ++row)
    for (index_t column = 0; column < 6; ++column)
      CHECK(after(row, column) == (row < 3 ? expected(row, column) : 77.0));
}
