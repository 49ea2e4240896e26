// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/trees/booster.hpp"
#include "seqrec/trees/booster_options.hpp"
#include "seqrec/trees/c_api.hpp"
#include "seqrec/trees/tree_data.hpp"

namespace seqrec {

/// How training stands after a round.
struct TreeRound {
  index_t round = 0;      ///< trees so far
  double validation = 0;  ///< BoosterOptions::metric
  index_t best_round = 0;
  double best = 0;
};

/// Who hears of training.
struct TreeListeners {
  std::function<void(const TreeRound&)> round{};  ///< after each, where there is a validation
  TreeLog log{};                                  ///< what LightGBM logs
};

/// What training leaves.
struct TrainedBooster {
  Booster booster;                   ///< the trees up to the best round
  index_t best_round = 0;            ///< by the validation; the last without one
  std::vector<double> validation{};  ///< BoosterOptions::metric after each round
};

namespace detail {

inline std::string booster_text(void* handle, index_t rounds) {
  std::string text;
  std::int64_t size = 0;
  for (int pass = 0; pass < 2; ++pass) {
    text.resize(static_cast<std::size_t>(size));
    check_lightgbm(LGBM_BoosterSaveModelToString(handle, 0, static_cast<int>(rounds), C_API_FEATURE_IMPORTANCE_GAIN,
                                                 size, &size, text.data()),
                   "saving trees");
  }
  if (!text.empty()) text.pop_back();  // the zero at its end
  return text;
}

}  // namespace detail

/// Grows trees. With a validation they end at the round that was best on it: training stops when there was no better
/// one for `patience` rounds. The same data, options and seed give the same text on any number of threads.
/// @param validation  null for all rounds
/// @throws TreeError where no split was found at all, or as LightGBM; ArgumentError for an option out of range
inline TrainedBooster train_booster(const TreeData& training, const TreeData* validation, const BoosterOptions& options,
                                    const TreeListeners& listeners = {}) {
  const std::string parameters = detail::booster_parameters(options);
  const detail::TreeLogScope log(listeners.log);
  void* made = nullptr;
  detail::check_lightgbm(LGBM_BoosterCreate(training.handle(), parameters.c_str(), &made), "training trees");
  const detail::BoosterHandle handle(made);
  if (validation != nullptr)
    detail::check_lightgbm(LGBM_BoosterAddValidData(made, validation->handle()), "validating trees");

  std::vector<double> history;
  TreeRound state;
  const double sign = options.metric == TreeMetric::log_loss ? -1 : 1;
  for (int finished = 0; state.round < options.rounds; ++state.round) {
    detail::check_lightgbm(LGBM_BoosterUpdateOneIter(made, &finished), "training trees");
    if (finished != 0) break;  // no leaf could be split: the next round would say the same
    if (validation == nullptr) continue;
    int values = 0;
    detail::check_lightgbm(LGBM_BoosterGetEval(made, 1, &values, &state.validation), "validating trees");
    history.push_back(state.validation);
    const index_t round = state.round + 1;
    // Threads sum the metric in their own order: what differs by rounding alone is not better.
    if (state.best_round == 0 || sign * (state.validation - state.best) > 1e-10) {
      state.best_round = round;
      state.best = state.validation;
    }
    if (listeners.round) listeners.round({round, state.validation, state.best_round, state.best});
    if (round - state.best_round >= options.patience) break;
  }
  const index_t best = validation == nullptr ? state.round : state.best_round;
  if (best == 0)
    throw TreeError(concatenate("training trees: of ", training.rows(), " rows no two leaves of ", options.min_rows,
                                " (min_rows) tell labels apart, expected at least one split"));
  return {Booster::from_text(detail::booster_text(made, best), "trained trees"), best, std::move(history)};
}

}  // namespace seqrec
