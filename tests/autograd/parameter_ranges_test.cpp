// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/parameter_ranges.hpp"

#include <string>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/context_base.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = ContextBase<double, double, HostSpace>;  // 8 elements a cache line
using Names = std::vector<std::string>;

/// Two weights, two tables, two statistics; made in another order than they lie.
struct Toy {
  ParameterStore<Context> store;

  Toy() {
    const auto item = store.scope("item"), items = store.scope("item_side"), norm = store.scope("norm");
    item.table("table", 5, 2, Initialiser::constant(0));
    norm.vector("weight", 9, Initialiser::constant(0));  // 0 .. 9, up to 16
    const auto mean = norm.statistic("mean", 3, Initialiser::constant(0));
    const auto variance = norm.statistic("variance", 3, Initialiser::constant(0));
    norm.moved_after_step([](Context&, auto) {}, mean, variance);
    items.matrix("weight", 2, 2, Initialiser::constant(0));  // 16 .. 20, up to 24
    items.table("table", 3, 3, Initialiser::constant(0));
    store.initialise(InitialValues::none, 1);
  }
};

std::string shown(const ParameterRanges& ranges) {
  const char* const names[] = {"weight", "table", "statistic", "composed", "frozen"};
  std::string text;
  for (const ParameterRange& range : ranges) {
    text += concatenate(names[static_cast<int>(range.role)], " ", range.offset, "+", range.size);
    if (range.row_width != 0) text += concatenate(" rows of ", range.row_width);
    text += "\n";
  }
  return text;
}

std::string shown(const Names& frozen) { return shown(ParameterRanges(Toy().store, frozen)); }

}  // namespace

TEST_CASE("parameters of a role are one run, and tables a run each, with the width of their rows", "[autograd]") {
  const Toy toy;
  const ParameterRanges ranges(toy.store);
  CHECK(shown(ranges) ==
        "weight 0+24\n"
        "table 24+10 rows of 2\n"
        "table 40+9 rows of 3\n"
        "statistic 56+16\n");
  CHECK(ranges.size() == 4);
  for (const ParameterRange& range : ranges)
    CHECK(range.moved_by_optimizer() == (range.role != ParameterRole::statistic));
  for (const ParameterEntry& entry : toy.store.entries()) CHECK_FALSE(ranges.is_frozen(entry));
}

TEST_CASE("runs come from entries alone, too", "[autograd]") {
  const Toy toy;
  CHECK(shown(ParameterRanges(toy.store.entries(), toy.store.size())) == shown(ParameterRanges(toy.store)));
}

TEST_CASE("what is frozen belongs to no optimiser, by name or by the beginning of names up to a dot", "[autograd]") {
  CHECK(shown(Names{"norm.weight"}) ==
        "frozen 0+16\n"
        "weight 16+8\n"
        "table 24+10 rows of 2\n"
        "table 40+9 rows of 3\n"
        "statistic 56+16\n");
  CHECK(shown(Names{"norm"}) ==
        "frozen 0+16\n"
        "weight 16+8\n"
        "table 24+10 rows of 2\n"
        "table 40+9 rows of 3\n"
        "frozen 56+16\n");
  CHECK(shown(Names{"item"}) ==  // not item_side
        "weight 0+24\n"
        "frozen 24+16\n"
        "table 40+9 rows of 3\n"
        "statistic 56+16\n");
  CHECK(shown(Names{"item.table", "item_side"}) ==  // neighbours are one run, tables or not
        "weight 0+16\n"
        "frozen 16+40\n"
        "statistic 56+16\n");
  CHECK(shown(Names{"norm.variance"}) ==
        "weight 0+24\n"
        "table 24+10 rows of 2\n"
        "table 40+9 rows of 3\n"
        "statistic 56+8\n"
        "frozen 64+8\n");
  CHECK(shown(Names{"norm", "item", "item_side"}) == "frozen 0+72\n");
}

TEST_CASE("frozen parameters are known by their entries", "[autograd]") {
  const Toy toy;
  const Names frozen = {"item", "norm.mean"};
  const ParameterRanges ranges(toy.store, frozen);
  Names found;
  for (const ParameterEntry& entry : toy.store.entries())
    if (ranges.is_frozen(entry)) found.push_back(entry.name);
  CHECK(found == Names{"item.table", "norm.mean"});
  CHECK_FALSE(ParameterRange{0, 1, ParameterRole::frozen}.moved_by_optimizer());
}

TEST_CASE("a name that no parameter has is refused with those that there are", "[autograd][errors]") {
  const Toy toy;
  for (const std::string name : {"nrom", "norm.", "norm.weigh", "ite", "item.table.rows", ""}) {
    const Names frozen = {"item", name};
    CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { ParameterRanges(toy.store, frozen); }),
               ContainsSubstring("frozen is '" + name + "'") &&
                   ContainsSubstring("item.table, norm.weight, norm.mean, norm.variance, item_side.weight, "
                                     "item_side.table"));
  }
}

TEST_CASE("parameters without elements make no run of their own, nor anything of their neighbours", "[autograd]") {
  const int weights = GENERATE(1, 20);  // of one, the run would lie over the table's
  ParameterStore<Context> store;
  const auto scope = store.scope();
  scope.table("table", 5, 2, Initialiser::constant(0));
  for (int i = 0; i < weights; ++i) scope.matrix(std::to_string(i), 0, 3, Initialiser::constant(0));
  scope.table("no_rows", 0, 2, Initialiser::constant(0));
  store.initialise(InitialValues::none, 1);
  CHECK(shown(ParameterRanges(store)) == "table 0+10 rows of 2\n");
  const Names frozen = {"0"};
  CHECK(shown(ParameterRanges(store, frozen)) == "table 0+10 rows of 2\n");
}

TEST_CASE("a model without parameters has no runs", "[autograd]") {
  ParameterStore<Context> store;
  store.initialise(InitialValues::none, 1);
  CHECK(ParameterRanges(store).size() == 0);
}

TEST_CASE("composed parameters are runs that follow the optimiser, which does not move them", "[autograd]") {
  ParameterStore<Context> store;
  const auto table = store.scope().table("own", 3, 2, Initialiser::constant(0));
  const auto bias = store.scope().vector("bias", 3, Initialiser::constant(0));
  const auto sum = store.scope().composed("sum", {}, table, bias);
  CHECK(sum.rows() == 3);
  store.initialise(InitialValues::none, 1);
  const ParameterRanges ranges(store);
  CHECK(shown(ranges) ==
        "weight 0+8\n"
        "table 8+6 rows of 2\n"
        "composed 16+8\n");
  for (const ParameterRange& range : ranges) {
    CHECK(range.follows_optimizer());
    CHECK(range.moved_by_optimizer() == (range.role != ParameterRole::composed));
  }
}

TEST_CASE("a vector whose elements are looked up is a table of rows of one", "[autograd]") {
  ParameterStore<Context> store;
  store.scope("bias").table("weight", 5, Initialiser::constant(0));
  store.initialise(InitialValues::none, 1);
  CHECK(shown(ParameterRanges(store)) == "table 0+5 rows of 1\n");
}
