// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/ops/row_losses.hpp"
#include "seqrec/ops/session_losses.hpp"

namespace seqrec {

/// Learning to predict the next event of sessions in parallel lanes, for a SessionTrainer: against the targets of the
/// other lanes, and more items that are sampled by popularity for all of them (Hidasi et al. 2016; Hidasi & Karatzoglou
/// 2018, section 3.1). The loss is the mean over the lanes.
///
///     SessionNextItem{.loss = BprMax{.score_regularisation = 1, .elu = 0.5}, .negatives = 2048}
///     SessionNextItem{.loss = SampledSoftmax{}, .negatives = 2048, .popularity_exponent = 0.5}
///
/// What is a row's own target is none of its negatives, however often it stands among them. Cross-entropy
/// (SampledSoftmax) is corrected for how likely an item is to be a negative, the other losses are not.
template <class... Losses>
struct BasicSessionNextItem {
  std::variant<Losses...> loss{};
  index_t negatives = 0;
  double popularity_exponent = 0.75;
  bool shuffle = false;

  static constexpr const char* key = "session-next-item";

  BatchPlan plan() const {
    return {.negatives = negatives,
            .sharing = NegativeSharing::per_batch,
            .sampling = {.popularity_exponent = popularity_exponent, .reject_seen = false},
            .log_probability = corrects_sampling()};
  }

  /// A name for logs and result files.
  std::string name() const {
    return concatenate("next item of sessions, ", loss_text(), ", against other sessions' targets",
                       negatives == 0
                           ? std::string()
                           : concatenate(" and ", negatives, " negatives a step",
                                         NegativeSampling{.popularity_exponent = popularity_exponent}.text()),
                       shuffle ? ", shuffled" : "");
  }

  /// @throws ArgumentError when a number is out of range
  void check() const {
    check_options("SessionNextItem", *this);
    plan().check();
    std::visit(
        [](const auto& chosen) {
          if constexpr (requires { chosen.check(); }) chosen.check();
        },
        loss);
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("loss", loss, "of each target against the other sessions' and what is sampled");
    visit("negatives", negatives, at_least(0), "sampled for all sessions of a step, beside the targets of the others");
    visit("popularity_exponent", popularity_exponent, not_negative(),
          "they are drawn with probability ~ (training events)^this; 0 is uniform");
    visit("shuffle", shuffle, any(), "sessions change places with others of their length; else they come as given");
  }

  /// Forward, loss, and the record for backward of one shard; the loss goes to the context's sum.
  /// @param model  whose encode goes on from carried states
  template <class Model, class Context>
  void operator()(const Model& model, Tape<Context>& tape, const TrainingBatch<typename Context::Space>& batch) const {
    BasicNextItem<Losses...>{.loss = loss, .negatives = negatives}(model, tape, batch);
  }

 private:
  bool corrects_sampling() const {
    return std::visit(
        []<class Loss>(const Loss& chosen) {
          if constexpr (CorrectsSampling<Loss>)
            return chosen.sampling_correction() != 0;
          else
            return false;
        },
        loss);
  }
  std::string loss_text() const {
    return std::visit(
        [](const auto& chosen) -> std::string {
          if constexpr (requires { chosen.text(); })
            return chosen.text();
          else
            return chosen.name;
        },
        loss);
  }
};

/// The losses that come with the library.
using SessionNextItem = BasicSessionNextItem<SampledSoftmax, BprMax, Top1Max, Top1, Bpr, BinaryCrossEntropy>;

}  // namespace seqrec
