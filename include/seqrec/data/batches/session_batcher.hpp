// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/data/batches/sampling.hpp"
#include "seqrec/data/batches/session_lanes.hpp"
#include "seqrec/data/batches/session_training_batch.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// How the steps of session-parallel training are made.
struct SessionBatcherOptions {
  index_t lanes = 32;  ///< sessions at a time
  /// Negatives of a step beside its targets, drawn from what, and whether logQ is wanted. What it names for positions
  /// or users has no place here.
  BatchPlan plan{.negatives = 0, .sharing = NegativeSharing::per_batch, .sampling = {.reject_seen = false}};
  bool shuffle = false;        ///< sessions change places with others of their length (SessionLanes)
  index_t token_budget = 256;  ///< rows of a shard
  std::uint64_t seed = 0;      ///< of order and negatives
};

/// Makes the steps of session-parallel training (Hidasi et al. 2016; Hidasi & Karatzoglou 2018, section 3.1): the
/// lanes' events and targets, where each lane's state is carried from, and as negatives of a row the other lanes'
/// targets and items that are drawn for the whole step.
///
/// Of a row's negatives one in so many is a target, the others are sampled: an item is one with probability
/// q(v) = (lanes p(v) + negatives s(v)) / (lanes + negatives), where p is the share of targets that are v and s what
/// sampling draws. Its logarithm is what a cross-entropy corrects for (logQ). Where lanes have run out, at the end of
/// an epoch, that is not exact.
///
/// A step is a function of (seed, epoch, step) alone. Making one of a size seen before allocates nothing.
class SessionBatcher {
 public:
  /// @param split  must outlive the batcher
  /// @throws ArgumentError for an option out of range, more negatives than there are other items, a plan with what
  /// lanes
  ///                       do not have, or a single lane without negatives
  /// @throws DataError     if no session has two training events
  SessionBatcher(const Split& split, const SessionBatcherOptions& options);
  SessionBatcher(const Split&&, const SessionBatcherOptions&) = delete;

  const SessionBatcherOptions& options() const { return options_; }
  /// What the steps refer to.
  const BatchConstants& constants() const { return batch_.constants(); }
  index_t steps_per_epoch() const { return lanes_.steps_per_epoch(); }

  /// A step of an epoch, both counted from 0; valid until the next call.
  /// @throws ArgumentError if there is no such step
  const HostSessionBatch& make(index_t epoch, index_t step);

  /// How many targets it has.
  /// @throws ArgumentError if there is no such step
  index_t num_targets(index_t epoch, index_t step) { return std::ssize(lanes_.at(epoch, step)); }

 private:
  static const SessionBatcherOptions& checked(const Split& split, const SessionBatcherOptions& options);
  std::vector<float> log_probability() const;

  const Split* split_;
  SessionBatcherOptions options_;
  SessionLanes lanes_;
  std::optional<NegativeSampler> sampler_;
  std::vector<float> log_probability_;  ///< (V), or empty
  HostSessionBatch batch_;
  std::vector<SessionRow> rows_;
  std::vector<item_t> sampled_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION const SessionBatcherOptions& SessionBatcher::checked(const Split& split,
                                                                     const SessionBatcherOptions& options) {
  const BatchPlan& plan = options.plan;
  plan.check();
  check_argument(plan.next_items && !plan.clicks && !plan.times, "session lanes plan", plan.clicks ? "clicks" : "other",
                 "next items and nothing else");
  check_argument(plan.negatives == 0 || plan.sharing == NegativeSharing::per_batch, "session lanes sharing",
                 option_text(plan.sharing), "per_batch");
  const index_t others = split.data->num_items() - 1;
  if (plan.negatives > others)
    throw ArgumentError(concatenate("session lanes negatives is ", plan.negatives, ", expected 0 .. ", others,
                                    ", the other items of the catalogue"));
  check_argument(!plan.next_index || plan.negatives > 0 || options.lanes > 1, "session lanes lanes", options.lanes,
                 "at least 2 without negatives: the other lanes' targets are all there are");
  return options;
}

SEQREC_FUNCTION SessionBatcher::SessionBatcher(const Split& split, const SessionBatcherOptions& options)
    : split_(&split),
      options_(checked(split, options)),
      lanes_(split, {options.lanes, options.shuffle, options.seed}),
      sampler_(options.plan.negatives == 0
                   ? std::nullopt
                   : std::optional<NegativeSampler>(std::in_place, split, options.seed, options.plan.sampling)),
      log_probability_(log_probability()),
      batch_({split.data->num_items(), 1, options.token_budget},
             {known_features(*split.data),
              log_probability_.empty()
                  ? VectorView<const float, HostSpace>{}
                  : VectorView<const float, HostSpace>{log_probability_.data(), std::ssize(log_probability_)}}),
      sampled_(static_cast<std::size_t>(options.plan.negatives)) {}

SEQREC_FUNCTION std::vector<float> SessionBatcher::log_probability() const {
  if (!options_.plan.log_probability) return {};
  std::vector<double> targets(static_cast<std::size_t>(split_->data->num_items()));
  double total = 0;
  for (index_t session = 0; session < split_->data->num_users(); ++session) {
    const auto history = split_->train_history(session);
    for (std::size_t event = 1; event < history.size(); ++event, ++total) ++targets.data()[history[event]];
  }
  const auto lanes = static_cast<double>(options_.lanes), negatives = static_cast<double>(options_.plan.negatives);
  std::vector<float> logarithms;
  for (std::size_t item = 0; item < targets.size(); ++item) {
    double drawn = 0;
    if (sampler_)
      drawn = sampler_->log_probability().empty() ? 1 / static_cast<double>(targets.size())
                                                  : std::exp(static_cast<double>(sampler_->log_probability()[item]));
    const double probability = (lanes * targets[item] / total + negatives * drawn) / (lanes + negatives);
    logarithms.push_back(static_cast<float>(std::log(probability)));
  }
  return logarithms;
}

SEQREC_FUNCTION const HostSessionBatch& SessionBatcher::make(index_t epoch, index_t step) {
  rows_.clear();
  for (const LaneStep& lane : lanes_.at(epoch, step)) {
    const item_t* const events = split_->train_history(lane.session).data() + lane.position;
    rows_.push_back({events[0], events[1], lane.carried, static_cast<user_t>(lane.session)});
  }
  if (sampler_) sampler_->draw_shared(epoch, step, {sampled_.data(), std::ssize(sampled_)});
  batch_.pack(rows_, sampled_);
  return batch_;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
