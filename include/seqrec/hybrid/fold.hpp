// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/hybrid/hybrid_options.hpp"

namespace seqrec {

/// A split's training events cut once more. Of a user with n of them the last K = min(held_out, (n - fold_validation) /
/// 2) are what trees learn from. Everything that they are told comes from before: the model from the n - K -
/// fold_validation first events, by the fold_validation next it is chosen, and features count all n - K. Who has too
/// few events for that is learned from by model and features, and trees do not meet him.
struct Fold {
  Split model;   ///< validation: the events by which the model is chosen; test: those that trees learn from
  Split counts;  ///< trained on: what features count; test: the same
};

/// @throws ArgumentError for an option out of range   @throws DataError where no user has events enough
inline Fold make_fold(const Split& split, const HybridOptions& options) {
  check_options("hybrid", options);
  Fold fold{detail::begin_split(split.data, split.protocol + ", fold"),
            detail::begin_split(split.data, split.protocol + ", fold's counts")};
  fold.model.validation.name = "validation of the fold";
  fold.model.test.name = fold.counts.test.name = "held out of the fold";
  for (index_t user = 0; user < split.data->num_users(); ++user) {
    const index_t all = split.train_lengths[static_cast<std::size_t>(user)];
    const index_t held_out = std::clamp<index_t>((all - options.fold_validation) / 2, 0, options.held_out);
    const index_t counted = all - held_out, trained = held_out == 0 ? all : counted - options.fold_validation;
    fold.model.train_lengths.push_back(trained);
    fold.counts.train_lengths.push_back(counted);
    if (held_out == 0) {
      ++fold.model.train_only_users;
      continue;
    }
    for (index_t position = trained; position < counted; ++position) fold.model.validation.add(user, position);
    for (index_t position = counted; position < all; ++position) fold.model.test.add(user, position);
  }
  if (fold.model.test.size() == 0)
    throw DataError(concatenate(split.data->name, ": none of ", split.data->num_users(), " users has ",
                                options.fold_validation + 2,
                                " training events, expected some for trees to learn from"));
  fold.counts.test = fold.model.test;
  fold.counts.train_only_users = fold.model.train_only_users;
  fold.model.left_out = fold.counts.left_out =
      concatenate(fold.model.train_only_users, " users with too few events train only");
  return fold;
}

}  // namespace seqrec
