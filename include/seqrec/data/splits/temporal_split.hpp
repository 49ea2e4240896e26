// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Two instants that cut time in three: before `validation` is trained on, from `test` on is tested.
struct TimeCuts {
  std::int64_t validation = 0;  ///< seconds since 1970, as in Dataset::times
  std::int64_t test = 0;        ///< later than `validation`
};

/// The instants before which the given shares of all events lie, as nearly as equal times allow.
/// @param train   share before the first instant, between 0 and 1
/// @param before_test  share before the second, above `train`
/// @throws ArgumentError for a share out of range   @throws DataError for data without times
SEQREC_FUNCTION TimeCuts time_quantiles(const Dataset& data, double train = 0.8, double before_test = 0.9);

/// Cuts all histories at the same two instants, as a system in use is tested (Ji et al. 2023, "A critical study on data
/// leakage in recommender system offline evaluation"): nothing that happened later is known anywhere in training. Every
/// event of the validation or test period is a target of its own, with all that the user did before it, in whatever
/// period, as its history.
///
/// Users without any event before the first instant have no history to train on: their events are left out of
/// validation and test, and counted. Items that appear only later stay targets, though no model can know them.
/// @throws ArgumentError if the instants are not in order, or without a data set
/// @throws DataError     for data without times, or if training, validation or test would be empty
SEQREC_FUNCTION Split temporal_split(std::shared_ptr<const Dataset> shared, const TimeCuts& cuts);

/// The same of a data set that the split is to own: one with a name is copied unless it is moved or shared.
inline Split temporal_split(Dataset data, const TimeCuts& cuts) {
  return temporal_split(std::make_shared<const Dataset>(std::move(data)), cuts);
}

#if SEQREC_BODIES

SEQREC_FUNCTION Split temporal_split(std::shared_ptr<const Dataset> shared, const TimeCuts& cuts) {
  check_argument(cuts.validation < cuts.test, "temporal_split validation", cuts.validation,
                 "an instant before that of the test");
  Split split = detail::begin_split(std::move(shared), concatenate("global temporal split (validation from ",
                                                                   cuts.validation, ", test from ", cuts.test, ")"));
  const Dataset& data = *split.data;
  if (data.times.empty())
    throw DataError(data.name + ": has no times, a temporal split needs them (leave_one_out and ratio_split do not)");
  index_t left_out = 0, new_users = 0;
  for (index_t user = 0; user < data.num_users(); ++user) {
    const std::int64_t* const begin = data.times.data() + data.offsets.data()[user];
    const std::int64_t* const end = data.times.data() + data.offsets.data()[user + 1];
    const index_t train = std::lower_bound(begin, end, cuts.validation) - begin;
    const index_t before_test = std::lower_bound(begin, end, cuts.test) - begin;
    const index_t events = end - begin;
    split.train_lengths.push_back(train);
    split.train_only_users += train == events;
    if (train == 0) {
      ++new_users;
      left_out += events;
      continue;
    }
    for (index_t position = train; position < before_test; ++position) split.validation.add(user, position);
    for (index_t position = before_test; position < events; ++position) split.test.add(user, position);
  }
  if (split.validation.size() == 0 || split.test.size() == 0)
    throw DataError(concatenate(data.name, ": the ", split.protocol, " leaves ", split.num_train_events(),
                                " training events and, of users with any, ", split.validation.size(),
                                " validation and ", split.test.size(), " test targets, expected some of each"));
  split.left_out = concatenate(left_out, " later events of ", new_users, " users without training events left out");
  return split;
}

SEQREC_FUNCTION TimeCuts time_quantiles(const Dataset& data, double train, double before_test) {
  check_argument(train > 0 && train < 1, "time_quantiles train", train, "a share between 0 and 1");
  check_argument(before_test > train && before_test < 1, "time_quantiles before_test", before_test,
                 "a share above that of train, below 1");
  if (data.times.empty()) throw DataError(data.name + ": has no times, they have no quantiles");
  std::vector<std::int64_t> times = data.times;
  const auto quantile = [&](double share) {
    const auto place = times.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size()));
    std::nth_element(times.begin(), place, times.end());
    return *place;
  };
  const std::int64_t first = quantile(train);
  return {first, quantile(before_test)};
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
