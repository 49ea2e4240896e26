// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "seqrec/serve/request_server.hpp"
#include "seqrec/serve/row_requests.hpp"

namespace seqrec::detail {

/// Answers requests by original ids, by a RequestServer. Buffers are kept from call to call.
template <class Model>
class IdServer {
 public:
  using Scalar = typename Model::Context::Scalar;

  /// Rows of the model's table without an id are not offered.
  /// @param answers  one for each request, empty   @throws ArgumentError for a model without a vocabulary
  template <class Team, class Text>
  void recommend(RequestServer<Model>& server, Team& team, std::span<const BasicRecommendRequest<Text>> requests,
                 std::span<AnswerById<Scalar>> answers) {
    const Vocabulary& ids = vocabulary_of(server.model());
    const std::span<const RecommendRequest> by_row = rows_.of(ids, requests);
    recommended_.resize(std::max(recommended_.size(), requests.size()));
    const std::span found(recommended_.data(), requests.size());
    server.recommend(team, by_row, ids.size(), found);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      begin(answers[i], i, found[i].cold, found[i].items.size());
      for (const auto& [item, score] : found[i].items) answers[i].items.push_back({std::string(ids[item]), score});
    }
  }

  /// The same for scores of candidates.
  template <class Team, class Text>
  void score(RequestServer<Model>& server, Team& team, std::span<const BasicScoreRequest<Text>> requests,
             std::span<AnswerById<Scalar>> answers) {
    const Vocabulary& ids = vocabulary_of(server.model());
    const std::span<const ScoreRequest> by_row = rows_.of(ids, requests);
    scored_.resize(std::max(scored_.size(), requests.size()));
    const std::span found(scored_.data(), requests.size());
    server.score(team, by_row, found);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      begin(answers[i], i, found[i].cold, found[i].scores.size());
      for (std::size_t k = 0; k < found[i].scores.size(); ++k)
        answers[i].items.push_back({std::string(ids[by_row[i].candidates[k]]), found[i].scores[k]});
    }
  }

 private:
  void begin(AnswerById<Scalar>& answer, std::size_t request, bool cold, std::size_t items) const {
    answer.unknown = rows_.unknown(request);
    answer.cold = cold;
    answer.items.reserve(items);
  }

  RowRequests rows_;
  std::vector<Recommendations<Scalar>> recommended_;
  std::vector<Scores<Scalar>> scored_;
};

}  // namespace seqrec::detail
