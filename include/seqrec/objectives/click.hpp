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
struct Click {
  index_t negatives = 1;  ///< sampled for each position
  NegativeSampling sampling{};

  /// Next items and negatives, as clicks.
  BatchPlan plan() const { return {.negatives = negatives, .sampling = sampling, .clicks = true}; }

  static constexpr const char* key = "click";

  /// A name for logs and result files.
  std::string name() const {
    return concatenate("click, ", negatives, negatives == 1 ? " negative" : " negatives", sampling.text());
  }

  /// @throws ArgumentError without negatives: there would be nothing to tell apart
  void check() const {
    check_options("Click", *this);
    plan().check();
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("negatives", negatives, at_least(1), "sampled for each position");
    visit("", sampling);
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
    ops::click_loss(context, ClickLoss<Context>{scores.value(), clicks.labels, clicks.loss_scale, losses, dscores});
    ops::accumulate_loss(context, AccumulateLoss<Context>{losses});
    tape.record([scores, dscores](Tape<Context>& t) { t.contribute(scores, dscores); });
  }
};

}  // namespace seqrec
