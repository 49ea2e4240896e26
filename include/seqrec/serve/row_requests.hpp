// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/serve/requests.hpp"

namespace seqrec::detail {

/// The ids behind a model's rows, for requests by id.   @throws ArgumentError where it has none
template <class Model>
const Vocabulary& vocabulary_of(const Model& model) {
  static_assert(
      requires { model.vocabulary(); },
      "seqrec: requests by original id need a model with vocabulary(), such as one derived from ItemModel");
  if (model.vocabulary().empty())
    throw ArgumentError(
        "request by original id: the model knows no ids, expected a vocabulary; hint: Trainer::fit gives a model that "
        "of "
        "its data set, a checkpoint keeps it, and set_vocabulary takes one");
  return model.vocabulary();
}

/// Requests by original id as requests by row: what is not known is left out and counted. Buffers are kept from call to
/// call.
class RowRequests {
 public:
  /// @return valid until the next call
  template <class Text>
  std::span<const RecommendRequest> of(const Vocabulary& vocabulary,
                                       std::span<const BasicRecommendRequest<Text>> requests) {
    begin(requests, [](const auto& request) { return request.history.size() + request.exclusions.size(); });
    recommend_.clear();
    for (std::size_t i = 0; i < requests.size(); ++i)
      recommend_.push_back({known(vocabulary, requests[i].history, unknown_[i].history), requests[i].count,
                            known(vocabulary, requests[i].exclusions, unknown_[i].exclusions), requests[i].profile,
                            known_times(vocabulary, requests[i], i)});
    return recommend_;
  }
  template <class Text>
  std::span<const ScoreRequest> of(const Vocabulary& vocabulary, std::span<const BasicScoreRequest<Text>> requests) {
    begin(requests, [](const auto& request) { return request.history.size() + request.candidates.size(); });
    score_.clear();
    for (std::size_t i = 0; i < requests.size(); ++i)
      score_.push_back({known(vocabulary, requests[i].history, unknown_[i].history),
                        known(vocabulary, requests[i].candidates, unknown_[i].candidates), requests[i].profile,
                        known_times(vocabulary, requests[i], i)});
    return score_;
  }

  /// What the last call left out of a request.
  const UnknownIds& unknown(std::size_t request) const { return unknown_[request]; }

 private:
  template <class Requests, class Size>
  void begin(const Requests& requests, Size size) {
    std::size_t total = 0, events = 0;
    for (const auto& request : requests) {
      total += size(request);
      events += request.times.size();
    }
    rows_.resize(total);  // all that is needed: spans into it stay
    times_.resize(events);
    used_ = used_times_ = 0;
    unknown_.assign(requests.size(), {});
  }

  template <class Text>
  std::span<const item_t> known(const Vocabulary& vocabulary, std::span<const Text> ids, index_t& unknown) {
    const std::size_t first = used_;
    for (const std::string_view id : ids) {
      if (const auto row = vocabulary.find(id))
        rows_[used_++] = *row;
      else
        ++unknown;
    }
    return std::span(rows_).subspan(first, used_ - first);
  }

  /// The times of the events whose items are known.
  template <class Request>
  std::span<const std::int64_t> known_times(const Vocabulary& vocabulary, const Request& request, std::size_t number) {
    if (request.times.empty()) return {};
    if (request.times.size() != request.history.size())
      throw ArgumentError(concatenate("request ", number, " by original id: times are ", request.times.size(),
                                      ", expected ", request.history.size(), ", one for each id of the history"));
    const std::size_t first = used_times_;
    for (std::size_t i = 0; i < request.times.size(); ++i)
      if (vocabulary.find(request.history[i])) times_[used_times_++] = request.times[i];
    return std::span(times_).subspan(first, used_times_ - first);
  }

  std::vector<item_t> rows_;
  std::size_t used_ = 0;
  std::vector<std::int64_t> times_;
  std::size_t used_times_ = 0;
  std::vector<UnknownIds> unknown_;
  std::vector<RecommendRequest> recommend_;
  std::vector<ScoreRequest> score_;
};

}  // namespace seqrec::detail
