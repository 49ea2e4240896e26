// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/data/dataset.hpp"

namespace examples {

/// A program that trains one static encoder: what it is called, and its defaults. The command line changes all of them;
/// names, ranges and meanings of options are those of the library's structs.
template <class Model>
struct EncoderProgram {
  using Options = typename Model::Options;

  const char* title;             ///< the model's name as people write it
  const char* about;             ///< what --help begins with
  const char* data = "ml-100k";  ///< the data set in $SEQREC_DATA, where --data is not given
  TrainingOptions training{};
  ObjectiveOptions objective{};
  Options options{};
  std::map<std::string, std::string> names{};  ///< of options that are called something else (CommandLine::options)
  /// What follows from the data and is not on the command line; null for nothing more.
  std::function<void(const CommandLine&, const seqrec::Dataset&, Options&)> adapt{};

  /// @return the status for the system
  int run(int argc, char** argv) {
    DataOptions shared;
    CommandLine line(about);
    shared.declare(line);
    training.declare(line);
    objective.declare(line);
    names.insert({{"items", ""}, {"user_categories", ""}, {"item_categories", ""}, {"seed", "--model-seed"}});
    line.options(options, names);
    return line.run(argc, argv, [&] {
      training.finish(line, shared, /*epochs=*/3);
      const seqrec::Split split = seqrec::leave_one_out(find_data(shared, data));
      const Candidates candidates(split, shared);
      fit_to_data(training, *split.data, options);
      if (!line.given("--model-seed")) options.seed = training.trainer.seed;
      if (adapt) adapt(line, *split.data, options);
      with_objective(objective, [&](const auto& chosen) {
        train_and_report<Model>(title, options, training.trainer, split, candidates, chosen, shared.json);
      });
    });
  }
};

}  // namespace examples
