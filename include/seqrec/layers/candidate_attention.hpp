// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "seqrec/layers/hidden_layers.hpp"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec {

/// What a CandidateAttention is made of.
struct CandidateAttentionOptions {
  index_t width = 0;                       ///< D
  std::vector<index_t> hidden = {80, 40};  ///< widths of the scoring network's hidden layers, 1 to 3 of them
  Activation activation = Activation::prelu;
  bool softmax = true;  ///< over a candidate's history, after division by sqrt(D/H); else scores are the weights
  Initialiser weights = Initialiser::xavier_normal();
  index_t heads = 1;  ///< H, a divisor of D: each weighs D/H columns of the history's vectors
  /// Distances from the newest visible item that have a learned number each, which is added to the scaled scores before
  /// the softmax; items further back share the last one. 0 for no recency bias.
  index_t recency = 0;
  double recency_step = -0.2;  ///< what they begin with: 0 for the newest item, this much more for each before it
  /// Adds a number for the time from each item to the newest visible one (time_bucket), not to the moment of asking.
  bool time_decay = false;

  /// As the paper has it (Zhou et al. 2018, figure 2 and section 4.3): one layer of 36 units with Dice, no softmax, so
  /// that the sum keeps how strongly a history speaks for a candidate.
  static CandidateAttentionOptions paper(index_t width) {
    return {.width = width, .hidden = {36}, .activation = Activation::dice, .softmax = false};
  }
  /// As the authors' code has it (zhougr1993/DeepInterestNetwork): 80-40 with sigmoids, softmax of scores / sqrt(D).
  static CandidateAttentionOptions official_code(index_t width) {
    return {.width = width, .hidden = {80, 40}, .activation = Activation::sigmoid, .softmax = true};
  }
};

/// Attention of a candidate to a user's history (DIN's local activation unit, Zhou et al. 2018): see
/// ops/candidate_attention.hpp for the formula and how it is split.
template <class Context>
class CandidateAttention {
 public:
  /// What a forward pass leaves.
  struct Result {
    Variable<Context> y;         ///< (C, D)
    vector_of<Context> weights;  ///< (H pairs) of each visible history item, by candidate, then by head
  };

  /// @throws ArgumentError unless there are 1 to 3 hidden layers, heads that divide the width, and a softmax where
  /// there is a recency bias or a time decay
  CandidateAttention(ParameterScope<Context> scope, const CandidateAttentionOptions& options)
      : weighting_{options.softmax, 1 / std::sqrt(static_cast<double>(head_width(checked(options))))},
        hidden_(scope, {4 * options.width, options.hidden, options.activation, options.weights}),
        output_(scope / "output", options.hidden.back(), options.heads, {.weights = options.weights}) {
    if (options.recency > 0)
      recency_ = scope.matrix("recency_bias", options.heads, options.recency, Initialiser::ramp(options.recency_step));
    if (options.time_decay) decay_ = scope.matrix("time_decay", options.heads, time_buckets, Initialiser::constant(0));
  }

  /// @throws ShapeError where there is a time decay and the batch has no times
  /// @param keys (N, D) the batch's histories   @param queries (C, D) the candidates
  Result forward(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                 const Candidates<typename Context::Space>& candidates, Variable<Context> keys,
                 Variable<Context> queries) const {
    Context& context = tape.context();
    AttentionUnit<Context> unit;
    unit.layers = static_cast<index_t>(hidden_.size());
    for (std::size_t l = 0; l < hidden_.size(); ++l)
      unit.hidden[l] = {tape.value(hidden_.linears[l].weight), tape.value(hidden_.linears[l].bias),
                        hidden_.activations[l].view(tape), tape.gradient(hidden_.linears[l].weight),
                        tape.gradient(hidden_.linears[l].bias)};
    unit.weight = tape.value(output_.weight);
    unit.bias = tape.value(output_.bias);
    unit.dweight = tape.gradient(output_.weight);
    unit.dbias = tape.gradient(output_.bias);
    unit.recency = tape.value(recency_);
    unit.drecency = tape.gradient(recency_);
    unit.decay = tape.value(decay_);
    unit.ddecay = tape.gradient(decay_);

    const Variable<Context> y = tape.variable(queries.rows(), queries.columns());
    const auto weights = context.vector(unit.heads() * candidates.pairs);
    const auto saved = tape.recording() ? context.vector(ops::candidate_attention_saved_size<Context>(candidates, unit))
                                        : vector_of<Context>{};
    const auto offsets = batch.offsets();
    const auto times = batch.times;
    const AttentionWeighting weighting = weighting_;
    ops::candidate_attention_forward(
        context, CandidateAttentionForward<Context>{offsets, candidates, keys.value(), queries.value(), unit, weighting,
                                                    y.value(), weights, saved, times});
    tape.record([=](Tape<Context>& t) {
      if (const auto dy = t.incoming(y))
        ops::candidate_attention_backward(
            t.context(),
            CandidateAttentionBackward<Context>{offsets, candidates, keys.value(), queries.value(), unit, weighting,
                                                weights, saved, dy, t.gradient(keys), t.gradient(queries), times});
    });
    return {y, weights};
  }

 private:
  static index_t head_width(const CandidateAttentionOptions& options) { return options.width / options.heads; }
  static const CandidateAttentionOptions& checked(const CandidateAttentionOptions& options) {
    const auto layers = static_cast<index_t>(options.hidden.size());
    check_argument(layers >= 1 && layers <= AttentionUnit<Context>::most_hidden, "CandidateAttention hidden layers",
                   layers, "1 .. 3");
    check_argument(options.heads >= 1 && options.width % options.heads == 0, "CandidateAttention heads", options.heads,
                   "a divisor of the width");
    check_argument(options.recency >= 0, "CandidateAttention recency", options.recency, "at least 0");
    check_argument(options.recency == 0 || options.softmax, "CandidateAttention recency", options.recency,
                   "0 without a softmax");
    check_argument(!options.time_decay || options.softmax, "CandidateAttention time_decay", "true",
                   "false without a softmax");
    return options;
  }

  AttentionWeighting weighting_;
  HiddenLayers<Context> hidden_;
  Linear<Context> output_;
  MatrixParameter<Context> recency_;  ///< (H, R), or none
  MatrixParameter<Context> decay_;    ///< (H, time_buckets), or none
};

}  // namespace seqrec
