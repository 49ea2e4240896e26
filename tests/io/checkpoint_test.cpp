// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/checkpoint.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::TemporaryDirectory, seqrec_test::weights_of;
using Model = SasRec<cpu::Context>;

namespace {

/// No option has its default.
SasRecOptions all_options() {
  return {.items = 23,
          .width = 6,
          .blocks = 1,
          .heads = 3,
          .max_length = 9,
          .feed_forward_width = 5,
          .dropout = 0.1 + 0.2,  // not 0.3
          .norm = NormPlacement::post,
          .position_origin = PositionOrigin::start,
          .norm_epsilon = 1.0 / 3e6,
          .initial_deviation = 0.07,
          .seed = std::numeric_limits<std::uint64_t>::max()};
}

/// The parts of a checkpoint, to be written again with a change.
struct Parts {
  std::map<std::string, std::string> metadata;
  std::vector<TensorSource> tensors;
  std::vector<std::vector<float>> values;
};

/// What loading says about a checkpoint of all_options() after `change`.
std::string message_after(const std::function<void(Parts&)>& change) {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  Model model(all_options());
  save(path, model);
  Parts parts;
  {
    SafetensorsFile file(path);
    parts.metadata = file.metadata();
    for (const StoredTensor& tensor : file.tensors()) {
      parts.values.push_back(file.read<float>(tensor.name));
      parts.tensors.push_back({tensor.name, tensor.type, tensor.shape, parts.values.back().data()});
    }
  }
  change(parts);
  write_safetensors(path, parts.metadata, parts.tensors);
  std::string message = seqrec_test::message_of<DataError>([&] { load<Model>(path); });
  CHECK_THAT(message, ContainsSubstring(path.string() + ": "));  // every message names the file
  return message;
}
std::string message_after(const std::string& option, const std::string& text) {
  return message_after([&](Parts& parts) { parts.metadata.at("option." + option) = text; });
}

}  // namespace

TEST_CASE("a checkpoint knows what its items are", "[io]") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  Model model({.items = 3, .width = 4, .blocks = 0, .max_length = 5});
  save(path, model);
  CHECK(load<Model>(path).vocabulary().empty());
  model.set_vocabulary(Vocabulary(std::vector<std::string>{"tt0114709", "tt0113189", "-"}));
  save(path, model);
  const Model loaded = load<Model>(path);
  CHECK(loaded.names() == model.names());
  CHECK(loaded.vocabulary().find("tt0113189") == item_t{1});

  CHECK_THAT(message_after([](Parts& parts) {
               const Vocabulary ids(std::vector<std::int64_t>{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                                              13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24});
               parts.metadata["seqrec.item_ids"] = ids.text();
               parts.metadata["seqrec.item_ids_hash"] = ids.hash();
             }),
             ContainsSubstring("24 item ids, expected at most 23"));
}

TEST_CASE("a model comes back with its options and every bit of its weights", "[io]") {
  const TemporaryDirectory directory;
  const Model model(all_options());
  save(directory / "model.safetensors", model);
  const Model again = load<Model>(directory / "model.safetensors");
  CHECK(weights_of(again) == weights_of(model));

  std::string expected, actual;
  auto options = model.options(), options_again = again.options();
  for (const OptionValue& option : option_values(options)) expected += option.name + "=" + option.text + " ";
  for (const OptionValue& option : option_values(options_again)) actual += option.name + "=" + option.text + " ";
  CHECK(actual == expected);
  CHECK(options_again.dropout == 0.1 + 0.2);
  CHECK(options_again.norm_epsilon == 1.0 / 3e6);

  save(directory / "again.safetensors", again);
  CHECK((seqrec_test::read_file(directory / "again.safetensors") ==
         seqrec_test::read_file(directory / "model.safetensors")));
}

TEST_CASE("a checkpoint holds the model's name and options, its tensors in order, and nothing else", "[io]") {
  const TemporaryDirectory directory;
  Model model(all_options());
  save(directory / "model.safetensors", model);
  const SafetensorsFile file(directory / "model.safetensors");
  const std::map<std::string, std::string> expected = {{"seqrec.model", "SasRec"},
                                                       {"option.items", "23"},
                                                       {"option.width", "6"},
                                                       {"option.blocks", "1"},
                                                       {"option.heads", "3"},
                                                       {"option.max_length", "9"},
                                                       {"option.feed_forward_width", "5"},
                                                       {"option.dropout", "0.30000000000000004"},
                                                       {"option.norm", "post"},
                                                       {"option.position_origin", "start"},
                                                       {"option.norm_epsilon", "3.3333333333333335e-07"},
                                                       {"option.initial_deviation", "0.07"},
                                                       {"option.seed", "18446744073709551615"},
                                                       {"option.user_categories", "0"},
                                                       {"option.item_categories", "0"},
                                                       {"option.units", "relu"},
                                                       {"option.position_bias", "false"},
                                                       {"option.time_bias", "false"},
                                                       {"option.moe_experts", "0"},
                                                       {"option.moe_top_k", "2"},
                                                       {"option.moe_shared_experts", "0"},
                                                       {"option.moe_expert_width", "0"},
                                                       {"option.moe_gate", "sigmoid"},
                                                       {"option.moe_normalise", "true"},
                                                       {"option.moe_balance", "loss_free"},
                                                       {"option.moe_bias_step", "0.005"},
                                                       {"option.moe_first_bias_step", "0.01"},
                                                       {"option.moe_first_steps", "200"},
                                                       {"option.moe_auxiliary_weight", "0.01"}};
  CHECK(file.metadata() == expected);
  auto& parameters = model.parameters();
  REQUIRE(file.tensors().size() == parameters.entries().size());
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    CHECK(file.tensors()[i].name == parameters.entries()[i].name);
    CHECK(file.tensors()[i].shape == parameters.entries()[i].shape);
    CHECK(file.tensors()[i].type == DataType::f32);
  }
}

TEST_CASE("a checkpoint replaces an older one whole, and a failure leaves it", "[io]") {
  const TemporaryDirectory directory;
  Model first(all_options()), second({.items = 3, .width = 2});
  save(directory / "model.safetensors", first);
  save(directory / "model.safetensors", second);
  CHECK(load<Model>(directory / "model.safetensors").num_items() == 3);
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { save(directory / "missing" / "x.safetensors", first); }),
             ContainsSubstring("missing"));
  CHECK(directory.entries() == 1);
}

TEST_CASE("a file that is no checkpoint of the model is refused", "[io]") {
  CHECK_THAT(message_after([](Parts& parts) { parts.metadata.clear(); }),
             ContainsSubstring("metadata field seqrec.model is missing, expected a checkpoint of a SasRec"));
  CHECK_THAT(message_after([](Parts& parts) { parts.metadata["seqrec.model"] = "Gru4Rec"; }),
             ContainsSubstring("holds a model named 'Gru4Rec', expected SasRec"));
  CHECK_THAT(message_after([](Parts& parts) { parts.metadata.erase("option.heads"); }),
             ContainsSubstring("metadata field option.heads is missing"));
  CHECK_THAT(seqrec_test::message_of<DataError>([] { load<Model>("no-such-file.safetensors"); }),
             ContainsSubstring("no-such-file.safetensors"));
}

TEST_CASE("options that are not what they must be are named with file, field and value", "[io]") {
  CHECK_THAT(message_after("width", "6x"), ContainsSubstring("option.width is \"6x\", expected a number"));
  CHECK_THAT(message_after("width", ""), ContainsSubstring("option.width is \"\""));
  CHECK_THAT(message_after("width", " 6"), ContainsSubstring("option.width"));
  CHECK_THAT(message_after("width", "6.0"), ContainsSubstring("option.width"));
  CHECK_THAT(message_after("width", "0"), ContainsSubstring("SasRec width is 0, expected 1 .. 65536"));
  CHECK_THAT(message_after("width", "99999999999999999999"), ContainsSubstring("option.width"));
  CHECK_THAT(message_after("items", "-1"), ContainsSubstring("SasRec items is -1"));
  CHECK_THAT(message_after("heads", "4"), ContainsSubstring("SasRec heads is 4, expected a divisor"));
  CHECK_THAT(message_after("blocks", "257"), ContainsSubstring("SasRec blocks is 257"));
  CHECK_THAT(message_after("dropout", "1"), ContainsSubstring("SasRec dropout is 1"));
  CHECK_THAT(message_after("dropout", "nan"), ContainsSubstring("dropout"));
  CHECK_THAT(message_after("norm_epsilon", "inf"), ContainsSubstring("norm_epsilon"));
  CHECK_THAT(message_after("norm", "sideways"),
             ContainsSubstring("option.norm is \"sideways\", expected one of original, pre, post"));
  CHECK_THAT(message_after("seed", "-1"), ContainsSubstring("option.seed"));
}

TEST_CASE("an untrusted option text does not get into the message as it is", "[io]") {
  const std::string message = message_after("width", "6\033[2J" + std::string(100000, 'x'));
  CHECK(message.size() < 1000);
  CHECK(message.find('\033') == std::string::npos);
  CHECK_THAT(message, ContainsSubstring("option.width is \"6\\x1b[2Jxxx"));
}

TEST_CASE("options that promise a model too large for memory cost one exception", "[io]") {
  CHECK_THAT(message_after("items", "2147483647"),
             ContainsSubstring("'item_embedding.weight': shape is '[23,6]', expected [2147483647,6]"));
  CHECK_THAT(
      message_after([](Parts& parts) {
        for (const auto& [name, text] : std::map<std::string, std::string>{{"option.items", "2147483647"},
                                                                           {"option.width", "65536"},
                                                                           {"option.heads", "1"},
                                                                           {"option.blocks", "256"},
                                                                           {"option.max_length", "1048576"},
                                                                           {"option.feed_forward_width", "1048576"}})
          parts.metadata[name] = text;
      }),
      ContainsSubstring("expected [2147483647,65536]"));
  CHECK_THAT(message_after("blocks", "256"), ContainsSubstring("tensor 'blocks.1.attention_norm.weight' is missing"));
}

TEST_CASE("tensors that are not the model's are named", "[io]") {
  CHECK_THAT(message_after([](Parts& parts) { parts.tensors.pop_back(); }),
             ContainsSubstring("tensor 'final_norm.bias' is missing"));
  CHECK_THAT(message_after([](Parts& parts) {
               parts.tensors.push_back({"extra\n", DataType::f32, {1}, parts.values[0].data()});
             }),
             ContainsSubstring("tensor 'extra\\x0a' is not a parameter of this SasRec"));
  CHECK_THAT(message_after([](Parts& parts) { parts.tensors[3].name = "renamed"; }),
             ContainsSubstring("tensor 'blocks.0.attention_norm.bias' is missing"));
  CHECK_THAT(message_after([](Parts& parts) {
               parts.tensors[0].shape = {6, 23};
             }),
             ContainsSubstring("tensor 'item_embedding.weight': shape is '[6,23]', expected [23,6]"));
  CHECK_THAT(message_after([](Parts& parts) { parts.tensors[0].shape = {23 * 6}; }),
             ContainsSubstring("shape is '[138]', expected [23,6]"));
  CHECK_THAT(message_after([](Parts& parts) { parts.tensors[2].type = DataType::i32; }),
             ContainsSubstring("tensor 'blocks.0.attention_norm.weight': dtype is I32, expected F32"));
}

TEST_CASE("floats load into a model of doubles, doubles into one of floats only if rounded", "[io]") {
  using Wide = SasRec<cpu::BasicContext<double>>;
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors", wide_path = directory / "wide.safetensors";
  const Model model(all_options());
  save(path, model);
  const std::vector<float> weights = weights_of(model);
  CHECK(weights_of(load<Wide>(path)) == std::vector<double>(weights.begin(), weights.end()));

  const Wide wide(all_options());
  save(wide_path, wide);
  CHECK(weights_of(load<Wide>(wide_path)) == weights_of(wide));
  CHECK_THAT(
      seqrec_test::message_of<DataError>([&] { load<Model>(wide_path); }),
      ContainsSubstring("'item_embedding.weight': dtype is F64, expected F32, F16 or BF16: floats do not hold") &&
          ContainsSubstring("Precision::rounded"));
  std::vector<float> rounded;
  for (const double weight : weights_of(wide)) rounded.push_back(static_cast<float>(weight));
  CHECK(weights_of(load<Model>(wide_path, Precision::rounded)) == rounded);
}

TEST_CASE("weights that are not finite are not loaded, and not saved", "[io][errors]") {
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(message_after([&](Parts& parts) { parts.values[0][6 * 2 + 5] = not_a_number; }),
             ContainsSubstring("tensor 'item_embedding.weight': element [2,5] is nan, expected a finite number"));
  CHECK_THAT(message_after([&](Parts& parts) { parts.values[2][1] = -std::numeric_limits<float>::infinity(); }),
             ContainsSubstring("tensor 'blocks.0.attention_norm.weight': element [1] is -inf, expected a finite"));

  const TemporaryDirectory directory;
  Model model(all_options());
  save(directory / "m", model);
  const std::string before = seqrec_test::read_file(directory / "m");
  model.parameters().values().data[model.parameters().entries().front().offset + 6 * 22 + 1] = not_a_number;
  CHECK(seqrec_test::message_of<NonFiniteError>([&] { save(directory / "m", model); }) ==
        "save " + (directory / "m").string() + ": item_embedding.weight[22,1] is nan, expected a finite number");
  CHECK((seqrec_test::read_file(directory / "m") == before));
}

TEST_CASE("a checkpoint cut short anywhere is refused", "[io]") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  Model model({.items = 3, .width = 2, .blocks = 0, .max_length = 2});
  save(path, model);
  const std::string whole = seqrec_test::read_file(path);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    seqrec_test::write_file(path, whole.substr(0, size));
    CHECK_THAT(seqrec_test::message_of<DataError>([&] { load<Model>(path); }), ContainsSubstring(path.string()));
  }
}
