// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/last_rows.hpp"

#include <vector>

#include "seqrec/cpu/gather_rows.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;

TEST_CASE("last rows are those of histories that have one, and zeros for the others", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({2, 0, 3}, 9, 0, 5), 9, 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const LastRows<DoubleContext> last(tape, batch.histories());
  std::vector<double> rows = {1, 2, 3, 4, 5}, users = {6, 7, 8};
  const auto values = [](const Variable<DoubleContext>& x) {
    return std::vector<double>(x.value().data, x.value().data + x.value().size());
  };
  CHECK(values(last.of(tape.variable({rows.data(), 5, 1}))) == std::vector<double>{2, 0, 5});
  CHECK(values(last.without_empty(tape.variable({users.data(), 3, 1}))) == std::vector<double>{6, 0, 8});
}

TEST_CASE("last rows have no gradient, so a tape that records is refused", "[layers][errors]") {
  const ToyBatch batch(seqrec_test::toy_users({2}, 9, 0, 5), 9, 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::training);
  CHECK(seqrec_test::message_of<ArgumentError>([&] { LastRows<DoubleContext>(tape, batch.histories()); }) ==
        "LastRows: the tape records, expected one for inference");
}
