// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "common/command_line.hpp"
#include "common/report.hpp"
#include "common/table.hpp"
#include "seqrec/train/interrupt.hpp"
#include "seqrec/train/trainer.hpp"

namespace examples {

/// "width 50  blocks 2  ..." on a line.
inline void print_options(const std::string& heading, const std::vector<seqrec::OptionValue>& values) {
  std::cout << heading;
  for (const seqrec::OptionValue& value : values)
    std::cout << "  " << value.name << ' ' << (value.text.empty() ? "none" : value.text);
  std::cout << '\n';
}

/// Says what will be trained, trains it, and judges it.
/// @tparam ATrainer  Trainer, or SessionTrainer   @param title the model's name as people write it
/// @throws Interrupted with what to do about it when Ctrl-C ended the training; the best model and the state are where
///         the options say
template <class ATrainer, class Model, class Objective>
RunDescription train(const char* title, Model& model, seqrec::TrainerOptions options, const seqrec::Split& split,
                     const Candidates& candidates, const Objective& objective) {
  std::cout << title << ", " << objective.name() << '\n';
  print_options("model   ", seqrec::option_values(model.options()));
  print_options("training", seqrec::option_values(options));
  std::cout << std::flush;  // progress goes to standard error, and should come after what was said
  options.validation = candidates.options_of_validation();
  const seqrec::TrainingResult result = [&] {
    const seqrec::InterruptGuard interrupt;  // Ctrl-C ends training after the present step
    options.stop = &interrupt.requested();
    return ATrainer(options).fit(model, split, objective);
  }();
  if (result.interrupted)
    throw Interrupted(seqrec::concatenate("interrupted after step ", result.steps,
                                          options.state.empty()
                                              ? "; a run with --state FILE can be resumed"
                                              : "; to go on, start the same command again with --resume"));
  return describe_model(title, model, split, candidates, objective, options, result);
}

/// What every training program does once data, model and objective are chosen: it says what will be trained, trains it,
/// prints the table and writes the JSON.
/// @throws as train
template <class Model, class Objective>
void train_and_report(const char* title, const typename Model::Options& model_options,
                      const seqrec::TrainerOptions& options, const seqrec::Split& split, const Candidates& candidates,
                      const Objective& objective, const std::filesystem::path& json) {
  Model model(model_options);
  report(std::cout, train<seqrec::Trainer>(title, model, options, split, candidates, objective), json);
}

}  // namespace examples
