// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/command_line.hpp"
#include "common/options.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"

namespace examples {

/// How DIN is trained unless the command line says otherwise, alone and in a hybrid: chosen by validation on
/// MovieLens-100K.
struct DinSettings {
  TrainingOptions training{.trainer = {.epochs = 40,
                                       .batch_size = 8,
                                       .learning_rate = 3e-3,
                                       .optimizer = seqrec::Adam{.beta2 = 0.98},
                                       .seed = 1,
                                       .evaluate_every = 2,
                                       .patience = 5}};
  seqrec::Click objective{.negatives = 2};
  seqrec::DinOptions model{
      .max_length = 20, .attention_hidden = {32}, .recency_bias = true, .hidden = {64}, .dropout = 0.4};

  /// Declares all of them.
  void declare(CommandLine& line) {
    training.declare(line);
    line.options(objective, {{"reject_seen", "!--seen-negatives"}});
    line.options(model, {{"items", ""}, {"user_categories", ""}, {"item_categories", ""}, {"seed", "--model-seed"}});
  }
  /// Sets what the model has from the data and from other options.
  void fit_model(const CommandLine& line, const seqrec::Dataset& data) {
    fit_to_data(training, data, model);
    if (!line.given("--model-seed")) model.seed = training.trainer.seed;
  }
};

}  // namespace examples
