// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/batch.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/serve/known_user.hpp"
#include "seqrec/serve/last_states.hpp"
#include "seqrec/serve/recommender.hpp"

namespace seqrec {

/// A user whose history grows while he is served: an event is read once, and recommendations follow at the price of
/// scoring the catalogue.
///
/// What an event costs depends on the model. One whose positions count from the start (ReadsOn) keeps keys and values
/// of what it has read, until the history is longer than max_length and moves; a recurrent one (RecurrentEncoder) keeps
/// its state, and reads on beyond max_length, which a full pass cannot. Any other, and a history that moves, is read
/// anew. Whichever way, the recommendations have the bits of those that the whole history gets from the Recommender,
/// as long as that reads all of it.
///
/// Several users may be served at the same time, each by one thread. Weights must not change meanwhile.
template <class Model>
class UserState {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  static_assert(StaticEncoder<Model>, "seqrec: UserState needs a model with encode() and item_head()");
  static_assert(std::is_same_v<typename Context::Space, HostSpace>, "seqrec: UserState needs a model on the host");

  /// @param server  who lends contexts and buffers; it and its model must stay as long as this
  /// @param user    for models that read features of users; the times of events come with the events
  explicit UserState(const Recommender<Model>& server, const KnownUser& user = {})
      : server_(&server), features_(user.features), profile_(user.profile), state_(1, head_width()) {
    const auto rows = static_cast<std::size_t>(model().max_length());
    items_.reserve(rows);
    times_.reserve(rows);
    if constexpr (RecurrentEncoder<Model>) {
      before_ = Tensor<Scalar, 2, HostSpace>(1, model().state_columns());
      after_ = Tensor<Scalar, 2, HostSpace>(1, model().state_columns());
    } else if constexpr (ReadsOn<Model>) {
      if (model().reads_on()) kept_ = Tensor<Scalar, 2, HostSpace>(model().max_length(), model().kept_columns());
    }
  }

  /// Events that have been read.
  index_t size() const { return events_; }

  /// Reads the next event.
  /// @param seconds  since 1970, for models that read times
  /// @throws DataError for an item that the model's table does not have
  void append(item_t item, std::int64_t seconds = 0) {
    check_item("UserState item", item);
    if (std::ssize(items_) == model().max_length()) {
      items_.erase(items_.begin());
      times_.erase(times_.begin());
    }
    items_.push_back(item);
    times_.push_back(seconds);
    ++events_;
    server_->at_desk([&](auto& desk) {
      Context& context = desk.team.context();
      context.begin_shard();
      Tape<Context> tape(context, Mode::inference);
      const const_matrix_of<Context> state = read(tape);
      std::copy_n(state.data, state.size(), state_.view().data);
    });
  }

  /// The best items after what has been read.
  /// @throws ArgumentError  for a count below 1, or where nothing has been read
  /// @throws DataError      for an exclusion that the model's table does not have
  /// @throws NonFiniteError where the score of an item that may be offered is NaN
  std::vector<Recommendation<Scalar>> recommend(index_t count, std::span<const item_t> exclusions = {}) const {
    std::vector<Recommendation<Scalar>> answer;
    recommend(count, exclusions, answer);
    return answer;
  }
  /// The same in a list of the caller's, whose memory is used again.
  void recommend(index_t count, std::span<const item_t> exclusions, std::vector<Recommendation<Scalar>>& answer) const {
    detail::refuse_cold("UserState", events_ == 0);
    check_argument(count >= 1, "UserState count", count, "at least 1");
    for (const item_t item : exclusions) check_item("UserState exclusion", item);
    server_->at_desk([&](auto& desk) {
      Context& context = desk.team.context();
      context.begin_shard();
      desk.server.recommend_after(context, std::as_const(state_).view(), {count, exclusions}, answer);
    });
  }

 private:
  const Model& model() const { return *server_->model_; }
  index_t head_width() const { return model().item_head().width(); }

  void check_item(const char* what, item_t item) const {
    if (item < 0 || item >= model().num_items())
      throw DataError(concatenate(what, " is ", item, ", expected 0 .. ", model().num_items() - 1));
  }

  /// The state after the newest event.   @return (1, D)
  const_matrix_of<Context> read(Tape<Context>& tape) {
    if constexpr (RecurrentEncoder<Model>) {
      const index_t newest = std::ssize(items_) - 1;
      const auto state = model().encode_step(
          tape, rows_from(newest),
          {events_ == 1 ? const_matrix_of<Context>{} : const_matrix_of<Context>(before_.view()), after_.view()});
      std::swap(before_, after_);
      return state.value();
    }
    const Batch<HostSpace> history = rows_from(0);
    if constexpr (ReadsOn<Model>)
      if (model().reads_on() && events_ <= model().max_length())
        return model().encode_next(tape, history, kept_.view().row_range(0, history.rows())).value();
    return last_states(tape, model(), history);
  }

  /// The events from one on as a batch of one history.
  Batch<HostSpace> rows_from(index_t first) {
    const index_t rows = std::ssize(items_) - first;
    ends_[1] = static_cast<offset_t>(rows);
    Batch<HostSpace> batch;
    batch.items = {{items_.data() + first, rows}, {ends_, 2}};
    batch.longest = rows;
    if (profile_ >= 0) batch.profiles = {&profile_, 1};
    batch.features = features_;
    if (times_option(model()) != nullptr) batch.times = {times_.data() + first, rows};
    return batch;
  }

  const Recommender<Model>* server_;
  Features<HostSpace> features_;
  user_t profile_;
  index_t events_ = 0;
  offset_t ends_[2] = {0, 0};
  std::vector<item_t> items_;        ///< the last max_length events
  std::vector<std::int64_t> times_;  ///< theirs
  Tensor<Scalar, 2, HostSpace> state_;
  Tensor<Scalar, 2, HostSpace> before_, after_;  ///< (1, state_columns()) of a recurrent model
  Tensor<Scalar, 2, HostSpace> kept_;            ///< (max_length, kept_columns()) of a model that reads on
};

}  // namespace seqrec
