// SPDX-License-Identifier: Apache-2.0
#include "common/options.hpp"

#include <string>

namespace examples {

std::filesystem::path default_candidate_dir() { return std::filesystem::path(SEQREC_BINARY_DIR) / "candidates"; }

void add_shared_options(CommandLine& line, Options& options) {
  seqrec::TrainerOptions& trainer = options.trainer;
  line.input("--data", options.data, "folder of one data set: u.data, or a file of 'user item' pairs");
  line.number("--epochs", trainer.epochs, at_least(1), "epochs at most");
  line.number("--seed", trainer.seed, any_seed(), "of order, negatives and dropout, and of the initial weights");
  const Expected<seqrec::index_t> threads{[](seqrec::index_t n) { return n >= 0 && n <= 4096; },
                                          "a whole number from 0 to 4096 (0 is one for each core)"};
  line.number("--threads", trainer.team.threads, threads, "0 is one for each core; results do not depend on it");
  line.output("--checkpoint", trainer.checkpoint, "where the best model is written (safetensors)");
  line.output("--json", options.json, "where the result is written");
  line.flag("--quick", options.quick, "a few epochs, on synthetic data if --data is not given: to see that all works");
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

void add_training_options(CommandLine& line, seqrec::TrainerOptions& options) {
  line.number("--learning-rate", options.learning_rate, positive(), "Adam's, per step");
  line.number("--beta2", options.optimizer.beta2, probability(), "Adam's decay of the mean of squares");
  line.number("--batch-size", options.batch_size, at_least(1), "users of a step");
  line.number("--clip", options.clip_norm, not_negative(), "limit of the gradient's norm; 0 for none");
  line.number("--warm-up", options.schedule.warm_up, at_least(0), "steps in which the learning rate grows from 0");
  line.number("--patience", options.patience, at_least(0),
              "validations without improvement before stopping; 0 never stops early");
  line.number("--evaluate-every", options.evaluate_every, at_least(1), "epochs between two validations");
}

void apply_quick(const CommandLine& line, Options& options, seqrec::index_t epochs) {
  if (!options.quick) return;
  if (!line.given("--epochs")) options.trainer.epochs = epochs;
  options.trainer.evaluate_every = 1;
}

}  // namespace examples
