// SPDX-License-Identifier: Apache-2.0
#include "common/options.hpp"

#include <string>

namespace examples {

std::filesystem::path default_candidate_dir() { return std::filesystem::path(SEQREC_BINARY_DIR) / "candidates"; }

void DataOptions::declare(CommandLine& line) {
  line.options(*this);
  line.text("--candidates", "N|full", seqrec::option_text(candidates),
            "negatives a held-out item is ranked among, drawn once per user; chooses what validation and test hold",
            [this](const std::string& given) {
              candidates = 0;
              if (given == "full") return;
              try {
                seqrec::parse_option("candidates", given, candidates);
              } catch (const seqrec::DataError&) {
              }
              if (candidates < 1)
                throw seqrec::ArgumentError(seqrec::concatenate("--candidates is '", given,
                                                                "', expected a whole number of at least 1, or 'full'"));
            });
}

void TrainingOptions::declare(CommandLine& line) {
  line.options(*this, {{"clip_norm", "--clip"},
                       {"ema_decay", "--ema"},
                       {"schedule_warm_up", "--warm-up"},
                       {"log_file", "--log"},
                       {"frozen", "--freeze"}});
}

void TrainingOptions::finish(const CommandLine& line, const DataOptions& shared, seqrec::index_t epochs) {
  if (schedule == ScheduleName::cosine) trainer.schedule.total = seqrec::Schedule::whole_run;
  if (schedule == ScheduleName::plateau) trainer.plateau = {.factor = 0.5, .patience = 3};
  if (!shared.quick) return;
  if (!line.given("--epochs")) trainer.epochs = epochs;
  trainer.evaluate_every = 1;
}

void ObjectiveOptions::declare(CommandLine& line) { line.options(*this, {{"reject_seen", "!--seen-negatives"}}); }

}  // namespace examples
