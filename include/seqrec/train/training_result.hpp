// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/figures.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/evaluate/evaluation.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace seqrec {

/// One validation.
struct EpochRecord {
  index_t epoch = 0;              ///< counted from 1
  index_t steps = 0;              ///< taken so far
  double loss = 0;                ///< mean over the targets since the validation before
  double seconds = 0;             ///< since the start
  double learning_rate = 0;       ///< of the last step
  double targets_per_second = 0;  ///< trained since the validation before, validating not counted
  RankingResult validation;
  std::vector<std::pair<std::string, double>> clicks{};  ///< click metrics by name; of frozen candidates only
  std::vector<Figure> figures{};                         ///< of the model's layers, such as the loads of experts
};

/// What a training run did.
struct TrainingResult {
  index_t best_epoch = 0;  ///< 0 where nothing was validated yet
  index_t best_steps = 0;  ///< after which the best weights were found
  index_t epochs = 0;      ///< begun
  index_t steps = 0;
  double seconds = 0;
  bool interrupted = false;  ///< by TrainerOptions::stop, before the end
  Evaluation validation;     ///< of the best weights
  /// Users who were not trained on, by original id: they have all items in training, and no negative is left to draw.
  std::vector<std::string> left_out;
  std::vector<EpochRecord> history;  ///< one for each validation
};

}  // namespace seqrec
