// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/extend_catalogue.hpp"

#include <string>
#include <vector>

#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;
using Texts = std::vector<std::string>;

namespace {

const Texts old_ids = {"a", "b", "c", "d", "e"}, new_ids = {"f", "g"};

template <class Model>
Model trained(const typename Model::Options& options) {
  Model model(options);
  seqrec_test::randomise(model, 9);
  model.set_vocabulary(Vocabulary(old_ids));
  return model;
}

/// Old values are in their places, new rows are those of a new model.   @return the names of what grew
template <class Model>
Texts check_extended(const Model& model) {
  const Model larger = extend_catalogue(model, new_ids);
  CHECK(larger.num_items() == 7);
  CHECK(larger.vocabulary() == Vocabulary(Texts{"a", "b", "c", "d", "e", "f", "g"}));
  auto options = model.options();
  options.items = 7;
  const Model fresh(options);
  Texts grown;
  const auto& entries = model.parameters().entries();
  REQUIRE(larger.parameters().entries().size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto before = model.parameters().values(entries[i]);
    const ParameterEntry& entry = larger.parameters().entries()[i];
    const auto after = larger.parameters().values(entry), begun = fresh.parameters().values(entry);
    CAPTURE(entry.name);
    if (entry.shape != entries[i].shape) grown.push_back(entry.name);
    index_t wrong = 0;
    for (index_t k = 0; k < entry.size(); ++k) wrong += after(k) != (k < before.size() ? before(k) : begun(k));
    CHECK(wrong == 0);
  }
  return grown;
}

}  // namespace

TEST_CASE("a catalogue grows in every table of items and nowhere else", "[models]") {
  // Five of what is not an item as well: positions, units.
  CHECK(check_extended(trained<SasRec<DoubleContext>>(
            {.items = 5, .width = 5, .blocks = 1, .max_length = 5, .seed = 3})) == Texts{"item_embedding.weight"});
  CHECK(check_extended(trained<AvgPool<DoubleContext>>({.items = 5, .width = 5, .seed = 3})) ==
        Texts{"item_embedding.weight", "output_embedding.weight"});
  CHECK(check_extended(trained<Din<DoubleContext>>({.items = 5,
                                                    .width = 5,
                                                    .attention_hidden = {5},
                                                    .attention_activation = Activation::dice,
                                                    .hidden = {5},
                                                    .activation = Activation::dice,
                                                    .user_categories = 5,
                                                    .seed = 3})) == Texts{"item_embedding.weight", "item_bias.weight"});
}

TEST_CASE("a catalogue extended twice goes on where it was, and by nothing stays", "[models]") {
  const auto model = trained<SasRec<DoubleContext>>({.items = 5, .width = 4, .blocks = 0, .seed = 3});
  const Texts f = {"f"}, g = {"g"};
  const auto once = extend_catalogue(model, new_ids), twice = extend_catalogue(extend_catalogue(model, f), g);
  CHECK(twice.names() == once.names());
  const auto same = extend_catalogue(model, {});
  CHECK(same.names() == model.names());
  for (index_t i = 0; i < model.parameters().size(); ++i)
    REQUIRE(same.parameters().values()(i) == model.parameters().values()(i));
}

TEST_CASE("names of categories stay with an extended catalogue", "[models]") {
  Din<DoubleContext> model({.items = 5, .width = 2, .attention_hidden = {2}, .hidden = {2}, .item_categories = 2});
  model.set_names({Vocabulary(old_ids), {}, Vocabulary(Texts{"genre=Drama", "genre=War"})});
  CHECK(extend_catalogue(model, new_ids).names().item_categories == model.names().item_categories);
}

TEST_CASE("ids that cannot extend a catalogue are named", "[models]") {
  auto model = trained<SasRec<DoubleContext>>({.items = 5, .width = 4, .blocks = 0, .seed = 3});
  const auto message = [&](const Texts& ids) {
    return seqrec_test::message_of<ArgumentError>([&] { extend_catalogue(model, ids); });
  };
  CHECK(message({"f", "c"}) == "extend_catalogue: new id 1, 'c', is that of item 2 already, expected new ids");
  CHECK_THAT(message({"f", "f"}), ContainsSubstring("'f'") && ContainsSubstring("is there before"));
  CHECK_THAT(message({""}), ContainsSubstring("is empty"));
  model.set_vocabulary(Vocabulary(Texts{"a", "b"}));
  CHECK(message({"f"}) ==
        "extend_catalogue: the model knows the ids of 2 of its 5 items, expected all; hint: set_vocabulary tells it");
}

TEST_CASE("a parameter that grows in another way is named", "[models]") {
  const auto problem = [](const ParameterEntry& before, const std::vector<ParameterEntry>& after) {
    return seqrec_test::message_of<ArgumentError>([&] { detail::grown_parameter(before, after, 5, 2); });
  };
  const auto entry = [](std::vector<index_t> shape) {
    return ParameterEntry{"x", std::move(shape), Initialiser::constant(0), ParameterRole::table};
  };
  CHECK(problem(entry({6, 2}), {entry({8, 2})}) ==
        "extend_catalogue: x has 12 elements, and 16 in a model of 2 more items, expected as many, or a row for each "
        "item");
  CHECK_THAT(problem(entry({5, 2}), {entry({5, 4})}), ContainsSubstring("x has 10 elements"));
  CHECK_THAT(problem(entry({5}), {}), ContainsSubstring("has no parameter x"));
  const std::vector<ParameterEntry> after = {entry({7, 2})};
  CHECK(&detail::grown_parameter(entry({5, 2}), after, 5, 2) == &after.front());
}
