// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Shares of each user's events that are held out; the rest is trained on.
struct RatioSplitOptions {
  double validation = 0.1;
  double test = 0.1;  ///< validation + test at most 0.9
};

/// Holds out shares of every history: the last events are for the test, those before them for validation, their numbers
/// rounded down. Every held-out event is a target of its own, with all that the user did before it as its history.
/// Users too short to have a test event are trained on only, and counted.
/// @throws ArgumentError for a share out of range, or without a data set
/// @throws DataError     if the data set is empty, or nothing is left for validation or test
SEQREC_FUNCTION Split ratio_split(std::shared_ptr<const Dataset> shared, const RatioSplitOptions& options = {});

/// The same of a data set that the split is to own: one with a name is copied unless it is moved or shared.
inline Split ratio_split(Dataset data, const RatioSplitOptions& options = {}) {
  return ratio_split(std::make_shared<const Dataset>(std::move(data)), options);
}

#if SEQREC_BODIES

SEQREC_FUNCTION Split ratio_split(std::shared_ptr<const Dataset> shared, const RatioSplitOptions& options) {
  check_argument(options.validation > 0 && options.validation < 1, "ratio_split validation", options.validation,
                 "a share between 0 and 1");
  check_argument(options.test > 0 && options.test < 1, "ratio_split test", options.test, "a share between 0 and 1");
  check_argument(options.validation + options.test <= 0.9 + 1e-9, "ratio_split validation + test",
                 options.validation + options.test, "at most 0.9, the rest is trained on");
  Split split =
      detail::begin_split(std::move(shared), concatenate("ratio split (last ", options.test, " of each user test, ",
                                                         options.validation, " before it validation)"));
  const Dataset& data = *split.data;
  // A tenth of thirty is three, although 0.1 is not exactly a tenth.
  const auto share = [](double ratio, index_t events) {
    return static_cast<index_t>(ratio * static_cast<double>(events) + 1e-9);
  };
  for (index_t user = 0; user < data.num_users(); ++user) {
    const index_t events = std::ssize(data.history(user));
    const index_t test = share(options.test, events);
    const index_t train = events - test - (test > 0 ? share(options.validation, events) : 0);
    split.train_lengths.push_back(train);
    split.train_only_users += test == 0;
    for (index_t position = train; position < events - test; ++position) split.validation.add(user, position);
    for (index_t position = events - test; position < events; ++position) split.test.add(user, position);
  }
  if (split.test.size() == 0 || split.validation.size() == 0)
    throw DataError(concatenate(data.name, ": no user has enough events for a ", split.protocol));
  split.left_out = concatenate(split.train_only_users, " users with under ", 1 / options.test, " events train only");
  return split;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
