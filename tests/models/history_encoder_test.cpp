// SPDX-License-Identifier: Apache-2.0
// What is known of users and items, in every static encoder.
#include "seqrec/models/history_encoder.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/extend_catalogue.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/hstu.hpp"
#include "seqrec/models/narm.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/encoders.hpp"
#include "support/golden_model.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr index_t items = 11, item_categories = 4, user_categories = 3;

/// What is known of users and items, and an objective that lays it beside each shard, as a batcher does.
struct Known {
  std::vector<category_t> of_items, of_users;
  std::vector<offset_t> item_offsets, user_offsets;
  std::vector<user_t> profiles{0, 1, 2, 3};
  NextItem objective{.loss = FullSoftmax{}};

  explicit Known(Golden&& golden)
      : of_items(golden.integers("of_items")),
        of_users(golden.integers("of_users")),
        item_offsets(golden.integers("item_offsets")),
        user_offsets(golden.integers("user_offsets")) {}

  template <class T>
  static VectorView<const T, HostSpace> view(const std::vector<T>& values) {
    return {values.data(), std::ssize(values)};
  }
  Jagged<const category_t, HostSpace> items_known() const { return {view(of_items), view(item_offsets)}; }
  Batch<HostSpace> beside(Batch<HostSpace> batch) const {
    batch.features.of_users = {view(of_users), view(user_offsets)};
    batch.features.user_categories = user_categories;
    batch.profiles = view(profiles).row_range(batch.first_user, batch.users());
    return batch;
  }
  template <class Model>
  void operator()(const Model& model, Tape<DoubleContext>& tape, TrainingBatch<HostSpace> shard) const {
    shard.histories = beside(shard.histories);
    objective(model, tape, shard);
  }
};

template <class Model>
typename Model::Options small_options() {
  typename Model::Options options{.items = items};
  options.width = 4;
  options.max_length = 8;
  if constexpr (requires { options.hidden; }) options.hidden = 3;
  if constexpr (requires { options.blocks; }) options.blocks = 1;
  if constexpr (requires { options.time_bias; }) options.time_bias = false;  // the batch has no times
  options.user_categories = user_categories;
  options.item_categories = item_categories;
  return options;
}

template <class Model>
void check_derivatives(bool drops) {
  const Known known(Golden("two_towers"));
  auto options = small_options<Model>();
  options.dropout = drops ? 0.3 : 0;
  Model model(options);
  randomise(model, 4);
  DoubleContext context;
  model.set_item_features(context, known.items_known());
  const ToyBatch batch(toy_users({6, 3, 0, 2}, items, 0, 5), items, 0, {1, 3});
  DoubleContext::Team team(model.parameters().size(), {.threads = 1, .slots = 2});
  const auto loss = [&] {
    model.parameters().compose(context);
    return compute_gradients(team, model, known, batch, 21, 4);
  };
  loss();
  const GradientCheck check = check_gradients(model.parameters(), team.gradients(), loss);
  INFO(Model::name << ": " << check.text());
  CHECK(check.worst < 1e-6);
  CHECK(check.elements > items * 4 + item_categories * 4 + user_categories * 4);
}

}  // namespace

TEST_CASE("towers of items and users agree with PyTorch", "[models]") {
  Golden golden("two_towers");
  const Known known(Golden("two_towers"));
  auto model = model_of<AvgPool<DoubleContext>>(golden);
  DoubleContext context;
  model.set_item_features(context, known.items_known());
  for (const auto& entry : model.parameters().entries()) {
    CAPTURE(entry.name);
    CHECK(deviation(model.parameters().values(entry), golden.matrix("parameter." + entry.name)) < golden_tolerance);
  }
  const ToyBatch batch = batch_of(golden, {1, 3});
  DoubleContext::Team team(model.parameters().size(), {.threads = 2, .slots = 3});
  CHECK(compute_gradients(team, model, known, batch, 1, 1) ==
        Approx(golden.matrix("loss")(0)).epsilon(golden_tolerance));
  for (const auto& entry : model.parameters().entries()) {
    CAPTURE(entry.name);
    CHECK(deviation(team.gradients().row_range(entry.offset, entry.size()), golden.matrix("gradient." + entry.name)) <
          golden_tolerance);
  }
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto whole = batch_of(golden, {});
  CHECK(deviation(model.encode(tape, known.beside(whole.histories())).value(), golden.matrix("encoded")) <
        golden_tolerance);
}

TEST_CASE("gradients of features are the derivatives of every encoder's loss", "[models]") {
  const bool drops = GENERATE(false, true);
  check_derivatives<AvgPool<DoubleContext>>(drops);
  check_derivatives<SasRec<DoubleContext>>(drops);
  check_derivatives<Gru4Rec<DoubleContext>>(drops);
  check_derivatives<Narm<DoubleContext>>(drops);
  check_derivatives<Hstu<DoubleContext>>(drops);
}

TEST_CASE("a model with features of items is served without them", "[models]") {
  using Model = AvgPool<DoubleContext>;
  const TemporaryDirectory directory;
  auto options = small_options<Model>();
  options.user_categories = 0;
  Model model(options);
  randomise(model, 4);
  DoubleContext context;
  model.set_item_features(context, Known(Golden("two_towers")).items_known());
  save(directory / "model", model);
  const Model loaded = load<Model>(directory / "model");
  CHECK(weights_of(loaded) == weights_of(model));
  CHECK(encode(loaded, {1, 2, 3}) == encode(model, {1, 2, 3}));
}

TEST_CASE("a catalogue with features grows: old vectors stay, new ones begin as their own", "[models]") {
  using Model = AvgPool<DoubleContext>;
  auto options = small_options<Model>();
  options.user_categories = 0;
  Model model(options);
  randomise(model, 4);
  DoubleContext context;
  model.set_item_features(context, Known(Golden("two_towers")).items_known());
  std::vector<std::string> ids;
  for (index_t item = 0; item < items; ++item) ids.push_back("old " + std::to_string(item));
  model.set_vocabulary(Vocabulary(ids));
  const std::vector<std::string> new_ids = {"new"};
  Model larger = extend_catalogue(model, new_ids);
  CHECK(encode(larger, {1, 2, 3}) == encode(model, {1, 2, 3}));
  auto& parameters = larger.parameters();
  const auto row = [&](const std::string& name) {
    const auto& entries = parameters.entries();
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == name; });
    const auto values = parameters.values(*entry);
    return std::vector<double>(values.data + items * 4, values.data + (items + 1) * 4);
  };
  CHECK(row("item_embedding.weight") == row("item_embedding.own"));
  CHECK(row("output_embedding.weight") == row("output_embedding.own"));
}

TEST_CASE("an encoder that reads features of users asks for them", "[models][errors]") {
  const AvgPool<DoubleContext> model(small_options<AvgPool<DoubleContext>>());
  CHECK_THROWS_WITH(encode(model, {1, 2, 3}),
                    "AvgPool: the batch has features of users with 0 categories, expected those that the model was "
                    "made for, 3");
}
