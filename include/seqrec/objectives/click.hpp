// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/core/options.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/ops/click_loss.hpp"

namespace seqrec {

/// Learning to tell the item that came next from sampled ones, each a question of its own: binary cross-entropy of a
/// click. Every model can be trained so; one that looks at candidates (DIN) can be trained in no other way.
///
/// The loss is the mean over candidates, next items and negatives alike. With one negative a static encoder learns
/// exactly what NextItem with BinaryCrossEntropy teaches it (whose loss is twice as large: a mean over positions).
///
/// Negatives are drawn from the catalogue, or in_batch from what else comes next in the batch, of which a position gets
/// neither its target nor, unless `reject_seen` is off, what its user has had. Where a batch has nothing else, such as
/// one of a single user, the catalogue fills up: by popularity, as a larger batch would, or uniformly with `distinct`.
///
/// What is sampled by popularity teaches how much likelier an item is for this user than for everybody, and so takes
/// popularity out of a ranking. `correct_sampling` puts it back (logQ): the loss is that of s - log(V q), q being the
/// probability with which the item is sampled, so that s is what uniform negatives would teach. In_batch, q is an
/// item's share of the training events.
struct Click {
  index_t negatives = 1;  ///< sampled for each position
  NegativeSampling sampling{};
  /// per_position or in_batch.
  NegativeSharing sharing = NegativeSharing::per_position;
  bool correct_sampling = false;

  /// Next items and negatives, as clicks.
  BatchPlan plan() const {
    BatchPlan plan{.negatives = negatives,
                   .sharing = sharing,
                   .sampling = sampling,
                   .log_probability = correct_sampling,
                   .clicks = true};
    if (in_batch() && !sampling.distinct) plan.sampling.popularity_exponent = 1;
    return plan;
  }

  /// Whether negatives are the batch's other next items.
  bool in_batch() const { return sharing == NegativeSharing::in_batch; }

  static constexpr const char* key = "click";

  /// A name for logs and result files.
  std::string name() const {
    NegativeSampling shown = sampling;
    if (in_batch()) shown.popularity_exponent = 0;  // as often as they are next, and nothing else
    return concatenate("click, ", negatives, negatives == 1 ? " negative" : " negatives",
                       in_batch() ? " of the batch's own" : "", shown.text(), correct_sampling ? ", logQ" : "");
  }

  /// @throws ArgumentError without negatives, for there would be nothing to tell apart; for any other sharing; for an
  ///         exponent other than 1 in_batch, where next items come as often as they are taken; for a correction of
  ///         distinct negatives, whose probability is unknown
  void check() const {
    check_options("Click", *this);
    check_argument(!in_batch() || sampling.popularity_exponent == 0 || sampling.popularity_exponent == 1,
                   "Click popularity_exponent", sampling.popularity_exponent,
                   "nothing but 1 in_batch: next items come as often as they are taken");
    check_argument(!correct_sampling || !sampling.distinct, "Click correct_sampling", "true",
                   "false with distinct: how often an item is drawn without replacement is no power of its popularity");
    plan().check();
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("negatives", negatives, at_least(1), "sampled for each position");
    visit("sharing", sharing, any(),
          "where they come from: per_position from the catalogue, in_batch from its other targets");
    visit("", sampling);
    visit("correct_sampling", correct_sampling, any(), "scores are what uniform negatives would teach (logQ)");
  }

  /// Forward, loss, and the record for backward of one shard; the loss goes to the context's sum.
  template <class Model, class Context>
  void operator()(const Model& model, Tape<Context>& tape, const TrainingBatch<typename Context::Space>& batch) const {
    static_assert(Ranker<Model>,
                  "seqrec: Click needs a model with encode() and item_head(), or with score(tape, batch, candidates)");
    const Clicks<typename Context::Space>& clicks = batch.clicks;
    const Variable<Context> scores = score_candidates(tape, model, batch.histories, clicks.candidates);
    Context& context = tape.context();
    const auto losses = context.template vector<double>(scores.rows());
    const auto dscores = tape.recording() ? context.matrix(scores.rows(), 1) : matrix_of<Context>{};
    ClickLoss<Context> a{scores.value(), clicks.labels, clicks.loss_scale, losses, dscores};
    if (correct_sampling && batch.next.log_probability) {
      a.items = clicks.candidates.items.values;
      a.log_probability = batch.next.log_probability;
    }
    ops::click_loss(context, a);
    ops::accumulate_loss(context, AccumulateLoss<Context>{losses});
    tape.record([scores, dscores](Tape<Context>& t) { t.contribute(scores, dscores); });
  }
};

}  // namespace seqrec
