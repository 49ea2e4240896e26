// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/item_model.hpp"

#include <string>
#include <vector>

#include "seqrec/cpu/context.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Options {
  index_t items = 3;
  index_t max_length = 5;
  index_t user_categories = 2;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, at_least(1), "V");
    visit("max_length", max_length, at_least(1), "L");
    visit("user_categories", user_categories, at_least(0), "of users");
  }
};

struct Model : ItemModel<cpu::Context, Options> {
  explicit Model(const Options& options) : ItemModel("Model", options) {}
  using ItemModel::check_longest;
};
static_assert(Named<Model>);

Vocabulary vocabulary(const std::vector<std::string>& ids) { return Vocabulary(ids); }

}  // namespace

TEST_CASE("a model offers its options and is made of none that are out of range", "[models]") {
  const Model model({.items = 7});
  CHECK(model.num_items() == 7);
  CHECK(model.max_length() == 5);
  CHECK_THROWS_WITH(Model({.items = 0}), ContainsSubstring("Model items is 0"));
}

TEST_CASE("a model keeps the names of what it reads", "[models]") {
  Model model({});
  CHECK(model.names() == Names{});
  model.set_names({vocabulary({"a", "b", "c"}), vocabulary({"age=1", "age=2"}), vocabulary({"genre=x"})});
  CHECK(model.vocabulary() == vocabulary({"a", "b", "c"}));
  CHECK(model.names().user_categories.size() == 2);
  CHECK(model.names().item_categories.empty());  // it reads none

  model.set_vocabulary(vocabulary({"c", "a"}));  // of two of its three items
  CHECK(model.vocabulary()[1] == "a");
  CHECK(model.names().user_categories.size() == 2);

  Model without({.user_categories = 0});
  without.set_names({{}, vocabulary({"age=1"}), {}});
  CHECK(without.names() == Names{});
}

TEST_CASE("a model refuses more names than it has items or categories", "[models]") {
  Model model({});
  CHECK_THROWS_WITH(model.set_vocabulary(vocabulary({"a", "b", "c", "d"})),
                    ContainsSubstring("4 item ids, expected at most 3"));
  CHECK_THROWS_WITH(model.set_names({{}, vocabulary({"1", "2", "3"}), {}}),
                    ContainsSubstring("3 user categories, expected at most 2"));
  CHECK(model.names() == Names{});
}

TEST_CASE("a model refuses histories longer than it reads", "[models]") {
  const Model model({});
  CHECK_NOTHROW(model.check_longest("Model", 5));
  CHECK_THROWS_WITH(model.check_longest("Model", 6),
                    ContainsSubstring("Model: the longest history has 6 items, expected at most 5; hint: keep"));
}
