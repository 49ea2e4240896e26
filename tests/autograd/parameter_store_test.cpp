// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/parameter_store.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/cpu.hpp"
#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;

namespace {

template <class Scalar>
using Context = ContextBase<Scalar, Scalar, HostSpace>;
template <class Scalar>
using Store = ParameterStore<Context<Scalar>>;

static_assert(std::is_nothrow_move_constructible_v<Store<float>> && !std::is_copy_constructible_v<Store<float>>);

/// A layer with a layer inside.
template <class C>
struct Inner {
  VectorParameter<C> bias;
  explicit Inner(ParameterScope<C> scope) : bias(scope.vector("bias", 3, Initialiser::constant(0.5))) {}
};
template <class C>
struct Outer {
  MatrixParameter<C> weight;
  Inner<C> inner, numbered;
  explicit Outer(ParameterScope<C> scope)
      : weight(scope.matrix("weight", 3, 4, Initialiser::xavier_normal())),
        inner(scope / "inner"),
        numbered(scope / "list" / 2) {}
};

/// Parameters of all roles, made in an order in which they do not lie.
template <class C>
struct Toy {
  ParameterStore<C> store;
  VectorParameter<C> mean;
  MatrixParameter<C> table, weight;
  VectorParameter<C> bias;
  MatrixParameter<C> second_table;

  explicit Toy(InitialValues begin = InitialValues::drawn, std::uint64_t seed = 7, bool has_bias = true) {
    const auto scope = store.scope();
    mean = scope.statistic("mean", 5, Initialiser::constant(2));
    scope.moved_after_step([](C&, auto) {}, mean);
    table = scope.table("table", 5, 2, Initialiser::normal(1));
    weight = scope.matrix("weight", 3, 7, Initialiser::xavier_normal());
    if (has_bias) bias = scope.vector("bias", 3, Initialiser::constant(0.5));
    second_table = scope.table("second_table", 9, 4, Initialiser::uniform(1));
    store.initialise(begin, seed);
  }
};

template <class View>
std::vector<double> numbers(const View& view) {
  return {view.data, view.data + view.size()};
}

std::vector<std::string> names_of(const std::vector<ParameterEntry>& entries) {
  std::vector<std::string> names;
  for (const ParameterEntry& entry : entries) names.push_back(entry.name);
  return names;
}

template <class Scalar>
void check_layout() {
  Toy<Context<Scalar>> toy;
  constexpr index_t line = 64 / sizeof(Scalar);
  CHECK(reinterpret_cast<std::uintptr_t>(toy.store.values().data) % 64 == 0);
  const ParameterEntry* in_order[] = {&toy.store.entries()[2], &toy.store.entries()[3], &toy.store.entries()[1],
                                      &toy.store.entries()[4], &toy.store.entries()[0]};
  index_t end = 0;
  for (const ParameterEntry* entry : in_order) {
    CAPTURE(entry->name);
    CHECK(entry->offset == end);
    CHECK(reinterpret_cast<std::uintptr_t>(toy.store.values(*entry).data) % 64 == 0);
    CHECK(toy.store.values(*entry).data == toy.store.values().data + entry->offset);
    CHECK(toy.store.values(*entry).size() == entry->size());
    end += (entry->size() + line - 1) / line * line;
  }
  CHECK(toy.store.size() == end);
  CHECK(toy.store.values().size() == end);
  CHECK(toy.store.num_elements() == 5 + 10 + 21 + 3 + 36);
}

}  // namespace

TEST_CASE("a parameter is named after the layers that it lies in", "[autograd]") {
  Store<float> store;
  const Outer<Context<float>> at_top(store.scope()), inside(store.scope("blocks.0"));
  CHECK(names_of(store.entries()) == std::vector<std::string>{"weight", "inner.bias", "list.2.bias", "blocks.0.weight",
                                                              "blocks.0.inner.bias", "blocks.0.list.2.bias"});
}

TEST_CASE("entries say what a parameter is, in the order in which layers made them", "[autograd]") {
  const Toy<Context<float>> toy;
  const auto& entries = toy.store.entries();
  CHECK(names_of(entries) == std::vector<std::string>{"mean", "table", "weight", "bias", "second_table"});
  const std::vector<std::vector<index_t>> shapes = {{5}, {5, 2}, {3, 7}, {3}, {9, 4}};
  const ParameterRole roles[] = {ParameterRole::statistic, ParameterRole::table, ParameterRole::weight,
                                 ParameterRole::weight, ParameterRole::table};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CHECK(entries[i].shape == shapes[i]);
    CHECK(entries[i].role == roles[i]);
  }
  CHECK(entries[1].initialiser.kind == Initialiser::Kind::normal);
  CHECK(entries[3].initialiser.scale == 0.5);
  CHECK(toy.weight.offset() == entries[2].offset);
  CHECK(toy.table.offset() == entries[1].offset);
}

TEST_CASE("parameters lie in one buffer, role by role, each on a cache line of its own", "[autograd]") {
  check_layout<float>();   // 16 elements a line
  check_layout<double>();  // 8
}

TEST_CASE("parameters are where their entries are, and zeros are between them", "[autograd]") {
  Toy<Context<double>> toy;
  const auto values = toy.store.values();
  CHECK(toy.weight.view().data == values.data + toy.weight.offset());
  CHECK(toy.mean.view().data == values.data + toy.mean.offset());
  std::vector<bool> used(static_cast<std::size_t>(values.size()), false);
  for (const ParameterEntry& entry : toy.store.entries())
    for (index_t i = 0; i < entry.size(); ++i) {
      CHECK_FALSE(used[static_cast<std::size_t>(entry.offset + i)]);  // no element belongs to two
      used[static_cast<std::size_t>(entry.offset + i)] = true;
    }
  index_t between = 0;
  for (index_t i = 0; i < values.size(); ++i)
    if (!used[static_cast<std::size_t>(i)]) {
      CHECK(values(i) == 0);
      ++between;
    }
  CHECK(between == toy.store.size() - toy.store.num_elements());
  CHECK(between > 0);
}

TEST_CASE("initial weights depend on the seed and the parameter's name, not on the other parameters", "[autograd]") {
  using Model = Toy<Context<double>>;
  Model toy, again, other_seed(InitialValues::drawn, 8), without_bias(InitialValues::drawn, 7, false);
  CHECK(numbers(toy.bias.view()) == std::vector<double>(3, 0.5));
  CHECK(numbers(toy.mean.view()) == std::vector<double>(5, 2.0));
  CHECK(numbers(toy.store.values()) == numbers(again.store.values()));
  CHECK(numbers(toy.weight.view()) != numbers(other_seed.weight.view()));
  CHECK(without_bias.table.offset() != toy.table.offset());
  CHECK(numbers(toy.table.view()) == numbers(without_bias.table.view()));
  CHECK(numbers(toy.second_table.view()) == numbers(without_bias.second_table.view()));
  for (const double value : numbers(toy.weight.view())) CHECK(value != 0);

  // the stream of a parameter begins anew: the first elements of two parameters are not shifted copies
  RandomStream random(7, Purpose::initial_weights, Hash().add("table").value());
  for (const double value : numbers(toy.table.view())) CHECK(value == random.normal());
}

TEST_CASE("every element type begins with the same numbers, drawn in double", "[autograd]") {
  Toy<Context<float>> narrow;
  Toy<Context<double>> wide;
  const auto check = [](const auto& a, const auto& b) {
    REQUIRE(a.size() == b.size());
    for (index_t i = 0; i < a.size(); ++i) CHECK(a.data[i] == static_cast<float>(b.data[i]));
  };
  check(narrow.weight.view(), wide.weight.view());
  check(narrow.table.view(), wide.table.view());
  check(narrow.second_table.view(), wide.second_table.view());
}

TEST_CASE("a model begins drawn, as zeros, or without memory", "[autograd]") {
  using Model = Toy<ContextBase<float, float, seqrec_test::CountingSpace>>;
  const int before = seqrec_test::CountingSpace::allocations;
  Model none(InitialValues::none);
  CHECK(seqrec_test::CountingSpace::allocations == before);
  CHECK(none.store.size() > 0);
  CHECK_FALSE(none.store.values());
  CHECK(none.weight.rows() == 3);

  const Model drawn, zero(InitialValues::zero);
  CHECK(seqrec_test::CountingSpace::allocations == before + 2);  // one block a model
  CHECK(none.store.size() == drawn.store.size());
  CHECK(none.weight.offset() == drawn.weight.offset());
  CHECK(numbers(zero.store.values()) == std::vector<double>(static_cast<std::size_t>(zero.store.size()), 0.0));

  none.store.allocate();
  CHECK(seqrec_test::CountingSpace::allocations == before + 3);
  CHECK(numbers(none.store.values()) == numbers(zero.store.values()));
  CHECK(none.weight.view().data == none.store.values().data + none.weight.offset());
}

TEST_CASE("a model without parameters is a model", "[autograd]") {
  Store<float> store;
  store.initialise(InitialValues::drawn, 1);
  CHECK(store.size() == 0);
  CHECK(store.num_elements() == 0);
  CHECK(store.entries().empty());
}

TEST_CASE("a parameter without elements takes no place", "[autograd]") {
  Store<float> store;
  const auto empty = store.scope().matrix("empty", 0, 3, Initialiser::normal(1));
  auto bias = store.scope().vector("bias", 3, Initialiser::constant(1));
  store.initialise(InitialValues::drawn, 1);
  CHECK(empty);
  CHECK(empty.columns() == 3);
  CHECK(empty.view().size() == 0);
  CHECK(bias.offset() == 0);
  CHECK(store.size() == 16);
}

TEST_CASE("what makes no layout is refused, by the parameter's name", "[autograd][errors]") {
  using seqrec_test::message_of;
  Store<float> store;
  const auto scope = store.scope("layer");
  scope.matrix("weight", 2, 2, Initialiser::constant(0));
  CHECK_THAT(message_of<ArgumentError>([&] { scope.vector("weight", 3, Initialiser::constant(0)); }),
             ContainsSubstring("layer.weight: two parameters have this name"));
  CHECK_NOTHROW(store.scope("other").vector("weight", 3, Initialiser::constant(0)));
  for (const index_t extent : {index_t{-1}, index_t{1} << 47}) {
    const std::string text = std::to_string(extent);
    CHECK_THAT(message_of<ArgumentError>([&] { scope.matrix("odd", extent, 4, Initialiser::constant(0)); }),
               ContainsSubstring("layer.odd") && ContainsSubstring(text));
    CHECK_THAT(message_of<ArgumentError>([&] { scope.table("odd", 4, extent, Initialiser::constant(0)); }),
               ContainsSubstring("layer.odd") && ContainsSubstring(text));
  }
  CHECK_THROWS_AS(scope.vector("odd", -1, Initialiser::constant(0)), ArgumentError);
  CHECK_THROWS_AS(store.allocate(), ArgumentError);  // of what?
  CHECK(names_of(store.entries()) == std::vector<std::string>{"layer.weight", "other.weight"});

  store.initialise(InitialValues::none, 1);
  CHECK_THAT(message_of<ArgumentError>([&] { scope.vector("late", 3, Initialiser::constant(0)); }),
             ContainsSubstring("layer.late: comes after the layout was fixed"));
  CHECK_THAT(message_of<ArgumentError>([&] { store.initialise(InitialValues::drawn, 1); }),
             ContainsSubstring("called again"));
  CHECK(store.entries().size() == 2);
}

TEST_CASE("a statistic that nobody moves is an error", "[autograd][errors]") {
  Store<float> store;
  const auto scope = store.scope("norm");
  const auto mean = scope.statistic("mean", 3, Initialiser::constant(0));
  scope.statistic("variance", 3, Initialiser::constant(1));
  scope.vector("weight", 3, Initialiser::constant(1));
  scope.moved_after_step([](auto&, auto) {}, mean);
  CHECK_THAT(
      seqrec_test::message_of<ArgumentError>([&] { store.initialise(InitialValues::drawn, 1); }),
      ContainsSubstring("norm.variance: is a statistic that nobody moves") && ContainsSubstring("moved_after_step"));
}

TEST_CASE("only statistics are moved by their layer", "[autograd][errors]") {
  Store<float> store;
  const auto scope = store.scope("norm");
  const auto weight = scope.vector("weight", 3, Initialiser::constant(1));
  const auto move = [](auto&, auto) {};
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { scope.moved_after_step(move, weight); }),
             ContainsSubstring("norm.weight") && ContainsSubstring("statistic"));
  CHECK_THROWS_AS(scope.moved_after_step(move, VectorParameter<Context<float>>()), ArgumentError);
}

TEST_CASE("statistics move by what the step left, each by its own layer", "[autograd]") {
  using C = Context<double>;
  ParameterStore<C> store;
  const auto add = [](double factor) {
    return [factor](C&, std::span<const StatisticStep<C>> of) {
      for (const StatisticStep<C>& statistic : of)
        for (index_t i = 0; i < statistic.values.size(); ++i) statistic.values(i) += factor * statistic.sums(i);
    };
  };
  auto weight = store.scope().vector("weight", 2, Initialiser::constant(1));
  auto a = store.scope("first").statistic("a", 2, Initialiser::constant(1));
  auto b = store.scope("first").statistic("b", 3, Initialiser::constant(2));
  store.scope().moved_after_step(add(10), b, a);
  auto c = store.scope("second").statistic("c", 1, Initialiser::constant(3));
  store.scope().moved_after_step(add(100), c);
  std::vector<index_t> sizes;
  auto d = store.scope("third").statistic("d", 4, Initialiser::constant(0));
  auto e = store.scope("third").statistic("e", 1, Initialiser::constant(0));
  store.scope().moved_after_step(
      [&sizes](C&, auto of) {
        for (const auto& statistic : of) sizes.push_back(statistic.values.size());
      },
      e, d);
  store.initialise(InitialValues::drawn, 1);
  std::vector<double> gradients(static_cast<std::size_t>(store.size()));
  for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = static_cast<double>(i);
  const VectorView<const double, HostSpace> view(gradients.data(), store.size());
  const auto at = [](const auto& parameter, index_t i) { return static_cast<double>(parameter.offset() + i); };
  C context;

  store.update_statistics(context, view, ParameterRanges(store));
  CHECK(numbers(a.view()) == std::vector<double>{1 + 10 * at(a, 0), 1 + 10 * at(a, 1)});
  CHECK(numbers(b.view()) == std::vector<double>{2 + 10 * at(b, 0), 2 + 10 * at(b, 1), 2 + 10 * at(b, 2)});
  CHECK(numbers(c.view()) == std::vector<double>{3 + 100 * at(c, 0)});
  CHECK(numbers(weight.view()) == std::vector<double>{1, 1});
  CHECK(sizes == std::vector<index_t>{1, 4});  // in the order in which they were named

  const std::vector<std::string> frozen = {"first"};
  const std::vector<double> before = numbers(a.view());
  store.update_statistics(context, view, ParameterRanges(store, frozen));
  CHECK(numbers(a.view()) == before);
  CHECK(numbers(c.view()) == std::vector<double>{3 + 2 * 100 * at(c, 0)});
}

TEST_CASE("a layer's statistics stay together where one of them is frozen", "[autograd]") {
  using C = Context<double>;
  ParameterStore<C> store;
  int moved = 0;
  const auto a = store.scope().statistic("a", 2, Initialiser::constant(1));
  const auto b = store.scope().statistic("b", 3, Initialiser::constant(2));
  store.scope().moved_after_step([&moved](C&, auto) { ++moved; }, a, b);
  store.initialise(InitialValues::drawn, 1);
  C context;
  const std::vector<std::string> frozen = {"b"};
  store.update_statistics(context, store.values(), ParameterRanges(store, frozen));
  CHECK(moved == 0);
  store.update_statistics(context, store.values(), ParameterRanges(store));
  CHECK(moved == 1);
}

TEST_CASE("a model moves, and its parameters and views stay valid", "[autograd]") {
  using Model = Toy<Context<double>>;
  Model model;
  const auto view = model.weight.view();
  const std::vector<double> before = numbers(model.store.values());
  std::vector<Model> models;
  models.push_back(std::move(model));
  models.reserve(10);  // and once more
  Model& moved = models.front();
  CHECK(moved.weight.view().data == view.data);
  CHECK(moved.store.values().data + moved.weight.offset() == view.data);
  CHECK(numbers(moved.store.values()) == before);
  moved.weight.view()(2, 6) = 42;
  CHECK(view(2, 6) == 42);
  CHECK(moved.store.values(moved.store.entries()[2])(20) == 42);

  Model other(InitialValues::drawn, 99);
  other = std::move(moved);
  CHECK(other.weight.view().data == view.data);
  CHECK(other.table.view().data == other.store.values().data + other.table.offset());
  Context<double> context;  // the updates came along
  CHECK_NOTHROW(other.store.update_statistics(context, other.store.values(), ParameterRanges(other.store)));
}

TEST_CASE("looking at parts of a model moves no parameter's place", "[autograd]") {
  // Once, visiting model.head gave its parameters the first offsets: two parameters shared gradients, and that of a
  // model whose whole had been visited before ran beyond the buffer of the head's.
  using C = cpu::BasicContext<double>;
  struct Model {
    ParameterStore<C> store;
    Outer<C> body{store.scope("body")}, head{store.scope("head")};
    Model() { store.initialise(InitialValues::drawn, 1); }
  };
  Model model;
  std::vector<index_t> offsets;
  for (const ParameterEntry& entry : model.store.entries()) offsets.push_back(entry.offset);

  const std::vector<std::string> body = {"body"}, head = {"head"};
  const ParameterRanges only_head(model.store, body), only_body(model.store, head), all(model.store);
  index_t seen = 0;
  for (const ParameterEntry& entry : std::as_const(model.store).entries())
    if (entry.name.starts_with("head.")) seen += std::as_const(model.store).values(entry).size();
  CHECK(seen == model.head.weight.size() + 3 + 3);
  const Model another;  // of the same type

  for (std::size_t i = 0; i < offsets.size(); ++i) CHECK(model.store.entries()[i].offset == offsets[i]);
  C context;
  context.reserve_gradients(model.store.size());
  const Tape<C> tape(context, Mode::training);
  const double* end = context.gradients().data + context.gradients().size();
  const auto of_body = tape.gradient(model.body.weight), of_head = tape.gradient(model.head.weight);
  CHECK(of_body.data == context.gradients().data + offsets[0]);
  CHECK(of_head.data == context.gradients().data + offsets[3]);
  CHECK(of_body.data + of_body.size() <= of_head.data);
  CHECK(of_head.data + of_head.size() <= end);

  C small;  // room for what the head alone would need
  small.reserve_gradients(model.head.weight.size() + 3 + 3);
  const Tape<C> too_small(small, Mode::training);
  CHECK_THAT(seqrec_test::message_of<ShapeError>([&] { too_small.gradient(model.head.weight); }),
             ContainsSubstring("head.weight: lies at") && ContainsSubstring("not for 18"));
}

TEST_CASE("values go to the host and back, as they lie in the store", "[autograd]") {
  Store<double> store;
  const auto weight = store.scope().matrix("weight", 3, 5, Initialiser::normal(1));
  const auto table = store.scope().table("table", 4, 3, Initialiser::normal(1));
  store.initialise(InitialValues::drawn, 1);
  std::vector<double> values = store.to_host();
  REQUIRE(std::ssize(values) == store.size());
  for (const ParameterEntry& entry : store.entries())
    for (index_t i = 0; i < entry.size(); ++i)
      CHECK(values[static_cast<std::size_t>(entry.offset + i)] == store.values(entry)(i));
  for (double& value : values) value += 1;
  store.copy_from_host(values);
  CHECK(store.to_host() == values);
  CHECK(weight.view()(2, 4) == values[14]);
  CHECK(table.view()(3, 2) == values[static_cast<std::size_t>(store.entries()[1].offset + 11)]);
  values.pop_back();
  CHECK_THROWS_AS(store.copy_from_host(values), ShapeError);
}
