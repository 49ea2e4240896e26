// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/options.hpp"

#include <map>
#include <string>

#include "seqrec/core/options.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// What is said of options with one change; empty where nothing is wrong with them.
template <class Change>
std::string message(Change change) {
  TrainerOptions options;
  change(options);
  try {
    options.check();
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "";
}

std::map<std::string, std::string> shown(const TrainerOptions& options) {
  std::map<std::string, std::string> all;
  for (const OptionValue& option : option_values(options)) all[option.name] = option.text;
  return all;
}

}  // namespace

TEST_CASE("a trainer's options are checked, each by name", "[train][errors]") {
  CHECK(message([](TrainerOptions&) {}).empty());
  CHECK(message([](auto& o) { o.epochs = 0; }) == "Trainer epochs is 0, expected at least 1");
  CHECK(message([](auto& o) { o.steps = -1; }) == "Trainer steps is -1, expected at least 0");
  CHECK(message([](auto& o) { o.accumulate = 0; }) == "Trainer accumulate is 0, expected at least 1");
  CHECK(message([](auto& o) { o.learning_rate = 0; }) == "Trainer learning_rate is 0, expected a positive number");
  CHECK(message([](auto& o) { o.clip_norm = -1; }) == "Trainer clip_norm is -1, expected at least 0");
  CHECK(message([](auto& o) { o.ema_decay = 1; }) == "Trainer ema_decay is 1, expected a value in [0, 1)");
  CHECK(message([](auto& o) { o.evaluate_every = 0; }) == "Trainer evaluate_every is 0, expected at least 1");
  CHECK(message([](auto& o) { o.evaluate_every_steps = -1; }) ==
        "Trainer evaluate_every_steps is -1, expected at least 0");
  CHECK(message([](auto& o) { o.patience = -1; }) == "Trainer patience is -1, expected at least 0");
  CHECK(message([](auto& o) { o.save_every_steps = -1; }) == "Trainer save_every_steps is -1, expected at least 0");
  CHECK(message([](auto& o) { o.resume = true; }) == "Trainer state is \"\", expected the file to resume from");
  CHECK_THAT(message([](auto& o) { o.log_file = "log.txt"; }), ContainsSubstring(".csv or .jsonl"));
  CHECK_THAT(message([](auto& o) { o.optimizer = Sgd{.momentum = 2}; }), ContainsSubstring("momentum is 2"));
  CHECK(message([](auto& o) { o.batch_size = 0; }) == "Trainer batch_size is 0, expected at least 1");
  CHECK(message([](auto& o) { o.token_budget = 0; }) == "Trainer token_budget is 0, expected at least 1");
  CHECK(message([](auto& o) { o.plateau.factor = 2; }) == "plateau factor is 2, expected a number in (0, 1]");
  CHECK(message([](auto& o) { o.team.slots = 0; }) == "Trainer slots is 0, expected 1 .. 4096");
  CHECK_THAT(message([](auto& o) { o.selection = "taste"; }),
             ContainsSubstring("metric is taste, expected one of hr@5"));
}

TEST_CASE("options show what decides the outcome, and nothing else", "[train]") {
  TrainerOptions options{.epochs = 7, .optimizer = Sgd{.momentum = 0.5}, .rows = TableRows::lazy};
  const auto all = shown(options);
  CHECK(all.at("epochs") == "7");
  CHECK(all.at("momentum") == "0.5");
  CHECK(all.at("rows") == "lazy");
  CHECK_FALSE(all.contains("beta1"));  // Adam's
  options.team.threads = 5;
  options.checkpoint = "x.safetensors";
  options.log_file = "x.csv";
  options.state = "x.state";
  options.resume = true;
  options.save_every_steps = 3;
  options.log = nullptr;
  CHECK(shown(options) == all);
  options.seed = 9;
  CHECK(shown(options) != all);
  CHECK_FALSE(options.by_steps());
  options.steps = 3;
  CHECK(options.by_steps());
}
