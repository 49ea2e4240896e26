// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// What to recommend to one user.
/// @tparam Item  item_t: rows of the model's table; std::string or std::string_view: original ids
template <class Item>
struct BasicRecommendRequest {
  std::span<const Item> history{};     ///< oldest first; its last max_length items are read
  index_t count = 10;                  ///< most items wanted, at least 1; a catalogue with fewer left gives fewer
  std::span<const Item> exclusions{};  ///< items not to be offered, repetitions allowed: most callers say the history
  user_t profile = -1;                 ///< the user's segment of the features of users, where the model reads them
  std::span<const std::int64_t> times{};  ///< seconds since 1970 of the history's events, where the model reads them
};
using RecommendRequest = BasicRecommendRequest<item_t>;
using RecommendRequestById = BasicRecommendRequest<std::string>;

/// What to score for one user.
template <class Item>
struct BasicScoreRequest {
  std::span<const Item> history{};        ///< oldest first; its last max_length items are read
  std::span<const Item> candidates{};     ///< what to score, repetitions allowed
  user_t profile = -1;                    ///< the user's segment of the features of users, where the model reads them
  std::span<const std::int64_t> times{};  ///< seconds since 1970 of the history's events, where the model reads them
};
using ScoreRequest = BasicScoreRequest<item_t>;
using ScoreRequestById = BasicScoreRequest<std::string>;

/// An item with its score.
template <class Scalar>
struct Recommendation {
  item_t item;
  Scalar score;
};

/// The answer to a RecommendRequest among several.
template <class Scalar>
struct Recommendations {
  std::vector<Recommendation<Scalar>> items;  ///< best first; none where everything is excluded
  /// The history was empty, so there is nothing that a model could say: offer the most popular items (Popularity), or
  /// what the service offers to everybody.
  bool cold = false;
};

/// The answer to a ScoreRequest among several.
template <class Scalar>
struct Scores {
  std::vector<Scalar> scores;  ///< of the candidates, in their order; none where the user is cold
  bool cold = false;           ///< as in Recommendations: the candidates have no scores
};

/// An item by its original id, with its score.
template <class Scalar>
struct ScoredId {
  std::string id;
  Scalar score;
};

/// How many ids of a request the model has never seen. They were passed over.
struct UnknownIds {
  index_t history = 0;
  index_t exclusions = 0;
  index_t candidates = 0;
};

/// The answer to a request by original ids.
template <class Scalar>
struct AnswerById {
  /// Recommended items, best first; or candidates in the order of the request, without those that the model does not
  /// know, which have no score.
  std::vector<ScoredId<Scalar>> items;
  UnknownIds unknown;
  bool cold = false;  ///< as in Recommendations, where the model knows nothing of the history
};

}  // namespace seqrec
