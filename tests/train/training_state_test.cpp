// SPDX-License-Identifier: Apache-2.0
// What a run refuses to be resumed from: another run, and files that are damaged or made to harm.
#include "seqrec/train/training_state.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::TemporaryDirectory;

namespace {

using Model = SasRec<cpu::Context>;

const Dataset& toy_data() {
  static const Dataset data = synthetic_dataset({.users = 30, .items = 40, .genres = 4, .max_events = 12});
  return data;
}
const Split& toy_split() {
  static const Split split = leave_one_out(toy_data());
  return split;
}

SasRecOptions toy_model_options() { return {.items = 40, .width = 4, .blocks = 1, .max_length = 10, .seed = 3}; }

const NextItem bce{.loss = BinaryCrossEntropy{}};

/// A run of two epochs that left its state.
struct Saved {
  TemporaryDirectory directory;
  TrainerOptions options{.epochs = 2,
                         .batch_size = 10,
                         .seed = 5,
                         .state = directory / "state.safetensors",
                         .team = {.threads = 1},
                         .log = nullptr};
  Saved() {
    Model model(toy_model_options());
    Trainer(options).fit(model, toy_split(), bce);
    options.resume = true;
  }
  /// What resuming says, with the model as it was before.
  template <class Exception>
  std::string message(const TrainerOptions& how, const SasRecOptions& model_options = toy_model_options(),
                      const Split& split = toy_split(), const NextItem& objective = bce) const {
    Model model(model_options);
    return seqrec_test::message_of<Exception>([&] { Trainer(how).fit(model, split, objective); });
  }
  template <class Change>
  std::string changed(Change change) const {
    TrainerOptions how = options;
    change(how);
    return message<ArgumentError>(how);
  }
  void resume() const {
    Model model(toy_model_options());
    Trainer(options).fit(model, toy_split(), bce);
  }
};

/// The file's bytes with one text for another of the same length.
std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  const std::size_t at = bytes.find(from);
  REQUIRE(at != bytes.npos);
  return bytes.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a state is read by the run that wrote it", "[train]") {
  const Saved saved;
  CHECK_NOTHROW(saved.resume());
}

TEST_CASE("options that differ are named with both values", "[train][errors]") {
  const Saved saved;
  using O = TrainerOptions;
  CHECK(saved.changed([](O& o) { o.batch_size = 11; }) ==
        saved.options.state.string() +
            ": the run saved there has batch_size '10', expected '11' as in the run that is to go on");
  const auto names = [&](auto change, const char* name, const char* there, const char* here) {
    CHECK_THAT(saved.changed(change), ContainsSubstring(concatenate("has ", name, " ", there, ", expected '", here)));
  };
  names([](O& o) { o.accumulate = 2; }, "accumulate", "'1'", "2'");
  names([](O& o) { o.optimizer = Sgd{}; }, "optimizer", "'Adam'", "SGD'");
  names([](O& o) { o.optimizer = Adam{.beta2 = 0.98}; }, "beta2", "'0.999'", "0.98'");
  names([](O& o) { o.learning_rate = 0.5; }, "learning_rate", "'0.001'", "0.5'");
  names([](O& o) { o.rows = TableRows::lazy; }, "rows", "'dense'", "lazy'");
  names([](O& o) { o.schedule.warm_up = 3; }, "schedule_warm_up", "'0'", "3'");
  names([](O& o) { o.schedule.total = Schedule::whole_run; }, "schedule_total", "'0'", "6'");
  names([](O& o) { o.plateau.factor = 0.5; }, "plateau_factor", "'1'", "0.5'");
  names([](O& o) { o.clip_norm = 2; }, "clip_norm", "'0'", "2'");
  names([](O& o) { o.frozen = {"item_embedding", "final_norm"}; }, "frozen", "''", "item_embedding final_norm'");
  names([](O& o) { o.ema_decay = 0.9; }, "ema_decay", "'0'", "0.9'");
  names([](O& o) { o.seed = 6; }, "seed", "'5'", "6'");
  names([](O& o) { o.evaluate_every = 2; }, "evaluate_every", "'1'", "2'");
  names([](O& o) { o.evaluate_every_steps = 2; }, "evaluate_every_steps", "'0'", "2'");
  names([](O& o) { o.patience = 3; }, "patience", "'10'", "3'");
  names([](O& o) { o.selection = "auc"; }, "selection", "'ndcg@10'", "auc'");
  names([](O& o) { o.validation.top_k = {5, 10}; }, "validation top_k", "'5 10 20'", "5 10'");
  names([](O& o) { o.token_budget = 128; }, "token_budget", "'256'", "128'");
  names([](O& o) { o.team.slots = 4; }, "slots", "'8'", "4'");
}

TEST_CASE("a run that froze parameters does not go on without", "[train][errors]") {
  Saved saved;
  saved.options.resume = false;
  saved.options.frozen = {"item_embedding"};
  Model model(toy_model_options());
  Trainer(saved.options).fit(model, toy_split(), bce);
  saved.options.resume = true;
  CHECK_NOTHROW(saved.resume());
  CHECK_THAT(saved.changed([](TrainerOptions& how) { how.frozen = {}; }),
             ContainsSubstring("has frozen 'item_embedding', expected ''"));
}

TEST_CASE("another model or objective is named", "[train][errors]") {
  const Saved saved;
  SasRecOptions wider = toy_model_options();
  wider.width = 8;
  CHECK_THAT(saved.message<ArgumentError>(saved.options, wider),
             ContainsSubstring("has model width '4', expected '8'"));
  CHECK_THAT(
      saved.message<ArgumentError>(saved.options, toy_model_options(), toy_split(), NextItem{.loss = FullSoftmax{}}),
      ContainsSubstring("has objective 'next item, ") && ContainsSubstring("expected 'next item, full softmax'"));
  CHECK_THAT(saved.message<ArgumentError>(saved.options, toy_model_options(), toy_split(),
                                          NextItem{.loss = BinaryCrossEntropy{}, .negatives = 2}),
             ContainsSubstring("2 negatives'"));
  NextItem by_popularity = bce;
  by_popularity.sampling.popularity_exponent = 0.75;
  CHECK_THAT(saved.message<ArgumentError>(saved.options, toy_model_options(), toy_split(), by_popularity),
             ContainsSubstring("0.75'"));
}

TEST_CASE("other data, another split and other candidates are named", "[train][errors]") {
  const Saved saved;
  const Dataset other = synthetic_dataset({.users = 30, .items = 40, .genres = 4, .max_events = 12, .seed = 9});
  const Split other_split = leave_one_out(other);
  CHECK_THAT(
      saved.message<DataError>(saved.options, toy_model_options(), other_split),
      ContainsSubstring("has data hash '" + toy_data().hash()) && ContainsSubstring("expected '" + other.hash()));
  Split shorter = toy_split();
  for (index_t& length : shorter.train_lengths) length = std::max<index_t>(length - 1, 0);
  CHECK_THAT(saved.message<DataError>(saved.options, toy_model_options(), shorter),
             ContainsSubstring("has split hash '" + toy_split().hash()));
  Dataset described = toy_data();
  described.item_features = make_feature_table(
      std::vector<std::vector<std::string>>(static_cast<std::size_t>(described.num_items()), {"genre=Comedy"}));
  const Split described_split = leave_one_out(described);
  CHECK_THAT(saved.message<DataError>(saved.options, toy_model_options(), described_split),
             ContainsSubstring("has features of items '"));
  Dataset renumbered = toy_data();  // a new export with other items under the same numbers
  std::vector<std::string> ids;
  for (index_t item = 0; item < renumbered.num_items(); ++item) ids.push_back("new " + std::to_string(item));
  renumbered.item_ids = Vocabulary(ids);
  CHECK_THAT(saved.message<DataError>(saved.options, toy_model_options(), leave_one_out(renumbered)),
             ContainsSubstring("has item ids '" + toy_data().item_ids.hash()));
  const CandidateLists candidates = draw_candidates(toy_split().validation, {.negatives = 5});
  TrainerOptions sampled = saved.options;
  sampled.validation.candidates = &candidates;
  CHECK_THAT(saved.message<DataError>(sampled),
             ContainsSubstring("has validation candidates 'none', expected '" + candidates.hash()));
}

TEST_CASE("threads, files, logs and the length of a run may change", "[train]") {
  const Saved saved;
  TrainerOptions how = saved.options;
  how.epochs = 3;
  how.team.threads = 2;
  how.checkpoint = saved.directory / "model.safetensors";
  how.log_file = saved.directory / "log.csv";
  how.save_every_steps = 1;
  Model model(toy_model_options());
  CHECK(Trainer(how).fit(model, toy_split(), bce).epochs == 3);
}

TEST_CASE("a missing state, and a file that is none, are named", "[train][errors]") {
  const Saved saved;
  TrainerOptions how = saved.options;
  how.state = saved.directory / "nowhere.safetensors";
  CHECK_THAT(saved.message<DataError>(how), ContainsSubstring("nowhere.safetensors: cannot be opened"));
  how.state.clear();
  CHECK_THAT(saved.message<ArgumentError>(how), ContainsSubstring("Trainer state is"));
  how.state = saved.directory / "model.safetensors";
  Model model(toy_model_options());
  save(how.state, model);
  CHECK_THAT(saved.message<DataError>(how), ContainsSubstring("seqrec.training_state is missing, expected the state"));
}

TEST_CASE("a refused state leaves the model as it was", "[train]") {
  const Saved saved;
  seqrec_test::write_file(saved.options.state, "no state");
  Model model(toy_model_options()), untouched(toy_model_options());
  CHECK_THROWS_AS(Trainer(saved.options).fit(model, toy_split(), bce), DataError);
  CHECK(seqrec_test::weights_of(model) == seqrec_test::weights_of(untouched));
}

TEST_CASE("a truncated state is refused, wherever it was cut", "[train][errors]") {
  const Saved saved;
  const std::string bytes = seqrec_test::read_file(saved.options.state);
  RandomStream random(1, Purpose::synthetic_data, 0);
  std::vector<std::size_t> lengths = {0, 1, 7, 8, 9, bytes.size() - 1};
  for (int i = 0; i < 60; ++i) lengths.push_back(random.below(static_cast<std::uint32_t>(bytes.size())));
  for (const std::size_t length : lengths) {
    CAPTURE(length, bytes.size());
    seqrec_test::write_file(saved.options.state, bytes.substr(0, length));
    CHECK_THROWS_AS(saved.resume(), DataError);
  }
}

TEST_CASE("a header that was tampered with is refused with a typed error, or makes no difference", "[train][errors]") {
  const Saved saved;
  const std::string bytes = seqrec_test::read_file(saved.options.state);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  RandomStream random(2, Purpose::synthetic_data, 0);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bytes;
    const auto at = random.below(static_cast<std::uint32_t>(header));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
    seqrec_test::write_file(saved.options.state, damaged);
    try {
      saved.resume();
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 200);  // what is left are digits of losses and times
}

TEST_CASE("numbers out of range in a state are named", "[train][errors]") {
  const Saved saved;
  const std::string bytes = seqrec_test::read_file(saved.options.state);
  const auto message = [&](const std::string& from, const std::string& to) {
    seqrec_test::write_file(saved.options.state, replaced(bytes, from, to));
    return saved.message<DataError>(saved.options);
  };
  CHECK_THAT(message("\"position.steps\":\"6\"", "\"position.steps\":\"x\""),
             ContainsSubstring("position.steps is \"x\""));
  const std::size_t targets = bytes.find("\"position.targets\":\"");
  const std::string field = bytes.substr(targets, bytes.find(',', targets) - targets);
  std::string negative = field;
  negative[negative.find(":\"") + 2] = '-';
  CHECK_THAT(message(field, negative), ContainsSubstring("metadata field position.targets is -") &&
                                           ContainsSubstring("expected 0 .. 9007199254740992"));
  CHECK_THAT(message("\"position.plateau_rate\":\"0.001\"", "\"position.plateau_rate\":\"-.001\""),
             ContainsSubstring("position.plateau_rate is -0.001, expected a positive number"));
  CHECK_THAT(message("\"position.steps\":\"6\"", "\"position.steps\":\"5\""),
             ContainsSubstring(".history-0: steps of record 1 is 6, expected ascending steps up to 5"));
  CHECK_THAT(message("\"seqrec.training_state\":\"3\"", "\"seqrec.training_state\":\"2\""),
             ContainsSubstring("is '2', expected version '3': go on with the seqrec that wrote it, or train anew"));
  CHECK_THAT(message("\"history.metrics\":\"hr@5 ", "\"history.metrics\":\"hr@5+"),
             ContainsSubstring(".history-0: the hash of the 2 validations that "));
  CHECK_THAT(message("\"moment.1.final_norm.bias\"", "\"moment.2.final_norm.bias\""),
             ContainsSubstring("tensor 'moment.1.final_norm.bias' is missing"));
}

TEST_CASE("weights that are not finite are not resumed from; a moment may be infinite", "[train][errors]") {
  const Saved saved;
  const float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const auto put = [&](const std::string& name, std::size_t element, float value) {
    std::string bytes = seqrec_test::read_file(saved.options.state);
    const SafetensorsFile file(saved.options.state);
    const StoredTensor& tensor = file.require(name, DataType::f32);
    const std::size_t data = bytes.size() - static_cast<std::size_t>(file.tensors().back().end);
    const std::size_t at = data + static_cast<std::size_t>(tensor.begin) + element * sizeof value;
    float before = 0;
    std::memcpy(&before, bytes.data() + at, sizeof before);
    std::memcpy(bytes.data() + at, &value, sizeof value);
    seqrec_test::write_file(saved.options.state, bytes);
    return before;
  };
  for (const char* const name : {"model.final_norm.weight", "best.final_norm.weight"})
    for (const float bad : {not_a_number, infinity}) {
      const float before = put(name, 2, bad);
      CHECK_THAT(saved.message<DataError>(saved.options),
                 ContainsSubstring(concatenate("tensor '", name, "': element [2] is ", bad, ", expected a finite")));
      put(name, 2, before);
    }
  const float before = put("moment.1.item_embedding.weight", 4 * 3 + 1, not_a_number);
  CHECK_THAT(saved.message<DataError>(saved.options),
             ContainsSubstring("tensor 'moment.1.item_embedding.weight': element [3,1] is nan, expected a number"));
  put("moment.1.item_embedding.weight", 4 * 3 + 1, before);
  put("moment.1.final_norm.bias", 0, infinity);  // as of a gradient whose square is beyond floats
  CHECK_NOTHROW(saved.resume());
}
