// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <type_traits>
#include <variant>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/models/static_encoder.hpp"
#include "seqrec/objectives/item_heads.hpp"
#include "seqrec/ops/row_losses.hpp"

namespace seqrec {

/// Cross-entropy of the next item against the whole catalogue: exact, and needs no negatives.
///
/// Where recommendations never repeat what a user has had, the model need not learn to score those items low:
/// `leave_out_seen` takes the items of a position's own row and of those before it out of its denominator (the target
/// stays, even when it is one of them). That is what an evaluation leaves out at that moment. What comes later in the
/// history stays in: it may be offered there, and the loss remains the likelihood of what came next among it.
struct FullSoftmax {
  static constexpr const char* name = "full softmax";
  static constexpr const char* key = "softmax";
  bool leave_out_seen = false;

  std::string text() const { return concatenate(name, leave_out_seen ? ", without seen items" : ""); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("leave_out_seen", leave_out_seen, any(), "what a history has held so far is no part of the softmax");
  }
};

/// Learning to predict the next item at every position of a history.
///
/// An objective is a value: it says what the batcher must sample and runs its head and loss on the tape. The loss is
/// the mean over the positions of a batch; negatives of one position add up.
///
///     NextItem{.loss = BinaryCrossEntropy{}}                   // SASRec's paper: one negative a position
///     NextItem{.loss = GeneralisedBinaryCrossEntropy{}, .negatives = 256, .sampling = {.reject_seen = false}}
///     NextItem{.loss = SampledSoftmax{}, .negatives = 128, .sampling = {.popularity_exponent = 0.75}}
///     NextItem{.loss = FullSoftmax{}}
///     NextItem{.loss = InfoNce{}, .negatives = 1024, .sharing = NegativeSharing::in_batch}   // two towers
///
/// In-batch negatives are the other next items of the batch, `negatives` of them, or all if there are no more: free to
/// make, and by popularity, which SampledSoftmax corrects (logQ, estimated by training events) and InfoNce does not.
/// The row's own target is not among them, however often it stands in the batch.
///
/// The loss is a variant and not a template parameter, so that a program can choose it at run time, and because
/// deducing a parameter from `.loss =` is beyond clang before version 17. `BasicNextItem<MyLoss>` takes a row loss of
/// your own (see ops/row_losses.hpp).
template <class... Losses>
struct BasicNextItem {
  std::variant<Losses...> loss{};
  /// Sampled for each position: one, or none for the full softmax.
  index_t negatives = std::visit([](const auto& chosen) { return samples<decltype(chosen)> ? 1 : 0; }, loss);
  NegativeSampling sampling{};
  /// Who is asked about the same negatives. Where a whole batch is, `sampling` must not reject what users have seen.
  NegativeSharing sharing = NegativeSharing::per_position;

  /// Next items and, for a sampled loss, negatives.
  BatchPlan plan() const {
    return std::visit(
        [this](const auto& chosen) {
          if constexpr (samples<decltype(chosen)>)
            return BatchPlan{.negatives = negatives,
                             .sharing = sharing,
                             .sampling = sampling_of_plan(),
                             .log_probability = reads_log_probability(chosen)};
          else
            return BatchPlan{.negatives = 0, .next_index = false};
        },
        loss);
  }

  static constexpr const char* key = "next-item";

  /// A name for logs and result files.
  std::string name() const {
    return std::visit(
        [this](const auto& chosen) {
          std::string text = concatenate("next item, ", text_of(chosen));
          if constexpr (samples<decltype(chosen)>)
            text += concatenate(", ", negatives, negatives == 1 ? " negative" : " negatives", shared_text(),
                                in_batch() ? "" : sampling.text());
          return text;
        },
        loss);
  }

  /// @throws ArgumentError when a number of the loss is out of range, or negatives do not fit it
  void check() const {
    std::visit(
        [this](const auto& chosen) {
          if constexpr (samples<decltype(chosen)>) {
            check_argument(negatives >= 1, "NextItem negatives", negatives, "at least 1 for a sampled loss");
            check_argument(!in_batch() || !sampling.distinct, "NextItem distinct", "true",
                           "false in_batch: nothing is drawn, and next items may repeat");
            check_argument(!in_batch() || sampling.popularity_exponent == 0 || sampling.popularity_exponent == 1,
                           "NextItem popularity_exponent", sampling.popularity_exponent,
                           "nothing but 1 in_batch: next items come as often as they are taken");
            plan().check();
          } else {
            check_argument(negatives == 0, "NextItem negatives", negatives, "0, the full softmax samples nothing");
          }
          if constexpr (requires { chosen.check(); }) chosen.check();
        },
        loss);
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("loss", loss, "of each target: against sampled negatives, or against the whole catalogue");
    if (!samples_negatives()) return;
    visit("negatives", negatives, at_least(1), "sampled for each position, or for those who share them");
    visit(
        "sharing", sharing, any(),
        "who is asked about the same negatives: a position, a user's, or a batch; in_batch they are its other targets");
    visit("", sampling);
  }

  /// Whether negatives are the batch's other next items.
  bool in_batch() const { return sharing == NegativeSharing::in_batch; }
  /// Whether there are negatives: the full softmax needs none.
  bool samples_negatives() const {
    return std::visit([](const auto& chosen) { return samples<decltype(chosen)>; }, loss);
  }

  /// Forward, loss, and the record for backward of one shard; the loss goes to the context's sum.
  template <class Model, class Context>
  void operator()(const Model& model, Tape<Context>& tape, const TrainingBatch<typename Context::Space>& batch) const {
    static_assert(StaticEncoder<Model>,
                  "seqrec: NextItem needs a model with encode() and item_head(), whose view of a user does not "
                  "depend on the item; train a model that looks at candidates with a click objective");
    const Variable<Context> states = model.encode(tape, batch.histories);
    const ItemHeadParameters<Context> head = model.item_head();
    std::visit(
        [&](const auto& chosen) {
          if constexpr (!samples<decltype(chosen)>)
            detail::catalogue_head(chosen.leave_out_seen, tape, states, head, batch);
          else if constexpr (requires { chosen.row_loss(model.num_items(), negatives); })
            detail::sampled_head(chosen.row_loss(model.num_items(), negatives), tape, states, head, batch);
          else
            detail::sampled_head(chosen, tape, states, head, batch);
        },
        loss);
  }

 private:
  template <class Loss>
  static constexpr bool samples = !std::is_same_v<std::remove_cvref_t<Loss>, FullSoftmax>;

  /// Whether a loss corrects for how often an item is sampled.
  template <class Loss>
  static bool reads_log_probability(const Loss& chosen) {
    if constexpr (requires { chosen.row_loss(index_t{}, index_t{}); })
      return CorrectsSampling<decltype(chosen.row_loss(index_t{}, index_t{}))>;
    else
      return CorrectsSampling<Loss>;
  }

  /// How negatives come about: nobody's items are rejected among a batch's own, which come by popularity.
  NegativeSampling sampling_of_plan() const {
    return in_batch() ? NegativeSampling{.popularity_exponent = 1, .reject_seen = false} : sampling;
  }

  const char* shared_text() const {
    switch (sharing) {
      case NegativeSharing::per_position:
        return "";
      case NegativeSharing::per_user:
        return " a user";
      case NegativeSharing::per_batch:
        return " a batch";
      case NegativeSharing::in_batch:
        return " of the batch's own";
    }
    return "";
  }

  template <class Loss>
  static std::string text_of(const Loss& chosen) {
    if constexpr (requires { chosen.text(); })
      return chosen.text();
    else
      return chosen.name;
  }
};

/// The losses that come with the library.
using NextItem =
    BasicNextItem<BinaryCrossEntropy, FullSoftmax, GeneralisedBinaryCrossEntropy, Bpr, SampledSoftmax, InfoNce>;

}  // namespace seqrec
