// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/gru_steps.hpp"

#include <utility>
#include <vector>

#include "seqrec/cpu/context.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"

using namespace seqrec;
using cpu::detail::Stretch, cpu::detail::TimeSteps;
using Rows = std::vector<std::pair<index_t, index_t>>;

namespace {

/// The steps of histories with these lengths, of which none is longer than `longest`.
struct Steps {
  std::vector<offset_t> offsets;
  cpu::BasicContext<double> context;
  TimeSteps steps;

  Steps(const std::vector<index_t>& lengths, index_t longest)
      : offsets(seqrec_test::offsets_of(lengths)),
        steps(context, {offsets.data(), static_cast<index_t>(offsets.size())}, longest) {}

  Rows rows(const Stretch& stretch) const {
    Rows all;
    stretch.for_rows(steps, [&](index_t place, index_t row) { all.emplace_back(place, row); });
    return all;
  }
};

}  // namespace

TEST_CASE("histories are taken from the longest to the shortest, equal ones in their order", "[cpu]") {
  const Steps of({2, 0, 3, 1, 3}, 5);  // rows from 0, 2, 2, 5 and 6 on
  CHECK(of.steps.users() == 5);
  CHECK(of.steps.steps() == 3);
  std::vector<index_t> users, active;
  for (index_t i = 0; i < 5; ++i) users.push_back(of.steps.user(i));
  for (index_t t = 0; t < 5; ++t) active.push_back(of.steps.active(t));
  CHECK(users == std::vector<index_t>{2, 4, 0, 3, 1});
  CHECK(active == std::vector<index_t>{4, 3, 2, 0, 0});
  CHECK(of.steps.row(1, 2) == 8);
  CHECK(of.steps.row(3, 0) == 5);
}

TEST_CASE("stretches have so many rows at most and a step at least, from either end", "[cpu]") {
  const Steps of({2, 0, 3, 1, 3}, 5);
  const auto is = [](const Stretch& s, index_t begin, index_t end, index_t rows) {
    return s.begin == begin && s.end == end && s.rows == rows;
  };
  CHECK(is(Stretch::after(of.steps, 0, 7), 0, 2, 7));
  CHECK(is(Stretch::after(of.steps, 0, 6), 0, 1, 4));
  CHECK(is(Stretch::after(of.steps, 0, 3), 0, 1, 4));  // one step, whatever it has
  CHECK(is(Stretch::after(of.steps, 2, 100), 2, 3, 2));
  CHECK(is(Stretch::before(of.steps, 3, 5), 1, 3, 5));
  CHECK(is(Stretch::before(of.steps, 3, 4), 2, 3, 2));
  CHECK(is(Stretch::before(of.steps, 1, 1), 0, 1, 4));
  CHECK(is(Stretch::before(of.steps, 3, 100), 0, 3, 9));
  CHECK(of.rows(Stretch::after(of.steps, 1, 100)) == Rows{{0, 3}, {1, 7}, {2, 1}, {3, 4}, {4, 8}});
}

TEST_CASE("where there are no rows there are no steps", "[cpu]") {
  for (const std::vector<index_t>& lengths : {std::vector<index_t>{}, {0, 0}}) {
    const Steps of(lengths, 4);
    CHECK(of.steps.steps() == 0);
    CHECK(of.rows(Stretch::after(of.steps, 0, 10)).empty());
    CHECK(of.rows(Stretch::before(of.steps, 0, 10)).empty());
  }
}
