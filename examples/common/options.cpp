// SPDX-License-Identifier: Apache-2.0
#include "common/options.hpp"

#include <array>
#include <string>
#include <variant>

namespace examples {

std::filesystem::path default_candidate_dir() { return std::filesystem::path(SEQREC_BINARY_DIR) / "candidates"; }

void add_data_options(CommandLine& line, Options& options) {
  line.input("--data", options.data,
             "folder of one data set: MovieLens of any size, RecBole's files, or 'user item' pairs");
  line.output("--json", options.json, "where the result is written");
  line.flag("--quick", options.quick, "a short run, on synthetic data if --data is not given: to see that all works");
  line.text("--candidates", "N|full", seqrec::option_text(options.candidates),
            "negatives a held-out item is ranked among, drawn once per user; chooses what validation and test hold",
            [&options](const std::string& given) {
              const Expected<seqrec::index_t> expected{[](seqrec::index_t n) { return n >= 1; },
                                                       "a whole number of at least 1, or 'full'"};
              options.candidates = given == "full" ? 0 : CommandLine::parse_number("--candidates", given, expected);
            });
  line.text("--candidate-dir", "DIR", options.candidate_dir.string(),
            "where the drawn candidates are kept, for every model and run to meet the same",
            [&options](const std::string& given) { options.candidate_dir = given; });
}

void add_shared_options(CommandLine& line, Options& options) {
  add_data_options(line, options);
  seqrec::TrainerOptions& trainer = options.trainer;
  line.number("--epochs", trainer.epochs, at_least(1), "epochs at most");
  line.number("--seed", trainer.seed, any_seed(), "of order, negatives and dropout, and of the initial weights");
  const Expected<seqrec::index_t> threads{[](seqrec::index_t n) { return n >= 0 && n <= 4096; },
                                          "a whole number from 0 to 4096 (0 is one for each core)"};
  line.number("--threads", trainer.team.threads, threads, "0 is one for each core; results do not depend on it");
  line.output("--checkpoint", trainer.checkpoint, "where the best model is written (safetensors)");
}

namespace {

enum class OptimizerName { adam, sgd, adagrad };
constexpr std::array<const char*, 3> names_of(OptimizerName) { return {"adam", "sgd", "adagrad"}; }

enum class ScheduleName { constant, cosine, plateau };
constexpr std::array<const char*, 3> names_of(ScheduleName) { return {"constant", "cosine", "plateau"}; }

/// Replaces the optimiser by one of another kind with its defaults; of the same kind it stays as the program set it.
template <class Kind>
void choose(seqrec::Algorithm& optimizer) {
  if (!std::holds_alternative<Kind>(optimizer)) optimizer = Kind{};
}

/// The optimiser that an option is about. Options are read in the order in which they are declared, --optimizer first.
template <class Kind>
Kind& chosen(seqrec::Algorithm& optimizer, const std::string& name, const char* expected) {
  if (Kind* const kind = std::get_if<Kind>(&optimizer)) return *kind;
  throw seqrec::ArgumentError(
      seqrec::concatenate(name, " is given with another optimizer, expected --optimizer ", expected));
}

void add_optimizer_options(CommandLine& line, seqrec::TrainerOptions& options) {
  seqrec::Algorithm& optimizer = options.optimizer;
  line.choice<OptimizerName>("--optimizer", static_cast<OptimizerName>(optimizer.index()),
                             "what moves the weights along their gradients", [&optimizer](OptimizerName name) {
                               if (name == OptimizerName::adam) choose<seqrec::Adam>(optimizer);
                               if (name == OptimizerName::sgd) choose<seqrec::Sgd>(optimizer);
                               if (name == OptimizerName::adagrad) choose<seqrec::Adagrad>(optimizer);
                             });
  line.number("--learning-rate", options.learning_rate, positive(), "per step");
  const auto number = [&line](const std::string& name, const Expected<double>& expected, const std::string& standard,
                              const std::string& about, auto&& take) {
    line.text(name, "N", standard, about, [name, expected, take](const std::string& given) {
      take(CommandLine::parse_number(name, given, expected));
    });
  };
  const seqrec::Adam* const adam = std::get_if<seqrec::Adam>(&optimizer);
  number("--beta2", probability(), seqrec::option_text(adam != nullptr ? adam->beta2 : seqrec::Adam{}.beta2),
         "Adam's decay of the mean of squares",
         [&optimizer](double beta2) { chosen<seqrec::Adam>(optimizer, "--beta2", "adam").beta2 = beta2; });
  number("--momentum", probability(), "0", "SGD's decay of the velocity",
         [&optimizer](double momentum) { chosen<seqrec::Sgd>(optimizer, "--momentum", "sgd").momentum = momentum; });
  number("--weight-decay", not_negative(), "0", "decoupled with Adam (AdamW), else added to the gradient",
         [&optimizer](double decay) { std::visit([decay](auto& kind) { kind.weight_decay = decay; }, optimizer); });
  line.choice("--rows", options.rows, "which rows of embedding tables a step moves: all, or those with a gradient");
}

void add_schedule_options(CommandLine& line, seqrec::TrainerOptions& options) {
  line.choice<ScheduleName>("--schedule", ScheduleName::constant,
                            "of the learning rate: cosine falls to 0 over the run, plateau halves it when validation "
                            "did not improve 4 times",
                            [&options](ScheduleName name) {
                              options.schedule.total = name == ScheduleName::cosine ? seqrec::Schedule::whole_run : 0;
                              options.plateau = {};
                              if (name == ScheduleName::plateau) options.plateau = {.factor = 0.5, .patience = 3};
                            });
  line.number("--warm-up", options.schedule.warm_up, at_least(0), "steps in which the learning rate grows from 0");
}

}  // namespace

void add_training_options(CommandLine& line, seqrec::TrainerOptions& options) {
  add_optimizer_options(line, options);
  add_schedule_options(line, options);
  line.number("--batch-size", options.batch_size, at_least(1), "users of a batch");
  line.number("--accumulate", options.accumulate, at_least(1), "batches of a step");
  line.number("--clip", options.clip_norm, not_negative(), "limit of the gradient's norm; 0 for none");
  line.number("--ema", options.ema_decay, probability(), "decay of the averaged weights that are kept; 0 for none");
  line.number("--steps", options.steps, at_least(0), "steps at most, instead of epochs; 0 goes by epochs");
  line.number("--patience", options.patience, at_least(0),
              "validations without improvement before stopping; 0 never stops early");
  line.number("--evaluate-every", options.evaluate_every, at_least(1), "epochs between two validations");
  line.number("--evaluate-every-steps", options.evaluate_every_steps, at_least(0),
              "steps between two validations, instead of epochs; 0 goes by epochs");
  line.output("--state", options.state, "where the state of the run is written, at each validation and on Ctrl-C");
  line.flag("--resume", options.resume, "go on with the run that wrote --state; all other options as they were");
  line.output("--log", options.log_file, "a line for each validation: .csv or .jsonl");
}

void apply_quick(const CommandLine& line, Options& options, seqrec::index_t epochs) {
  if (!options.quick) return;
  if (!line.given("--epochs")) options.trainer.epochs = epochs;
  options.trainer.evaluate_every = 1;
}

}  // namespace examples
