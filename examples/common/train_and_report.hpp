// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "common/experiment.hpp"
#include "common/model_run.hpp"
#include "common/options.hpp"
#include "common/report.hpp"
#include "common/table.hpp"

namespace examples {

/// What every training program does once data, model and objective are chosen: it says what will be trained, trains it,
/// prints the table and writes the JSON.
/// @param title the model's name as people write it
template <class Model, class Objective>
void train_and_report(const std::string& title, const typename Model::Options& model_options, const Options& options,
                      const Experiment& experiment, const Objective& objective) {
  Model model(model_options);
  std::cout << title << ", " << objective.name() << '\n';
  print_options(std::cout, "model   ", named_values(model_options));
  print_options(std::cout, "training", named_values(options.trainer));
  const ModelRun run = train_and_test(model, experiment, options.trainer, objective);
  std::vector<TableRow> rows = {
      {title, run.training.validation.protocol, run.training.validation.ranking, run.training.validation.clicks},
      {title, run.test.protocol, run.test.ranking, run.test.clicks}};
  if (experiment.test_candidates() != nullptr) rows.push_back({title, run.test_full.protocol, run.test_full.ranking});
  print_table(std::cout, rows);
  write_report(options.json, {.model = Model::name,
                              .model_options = named_values(model_options),
                              .objective = objective.name(),
                              .experiment = experiment,
                              .trainer = options.trainer,
                              .run = run});
}

}  // namespace examples
