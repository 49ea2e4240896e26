// SPDX-License-Identifier: Apache-2.0
/// The one list of the kernels in seqrec::compiled: every op of the CPU backend, in float and double. With
/// SEQREC_COMPILED (which that target defines) <seqrec/cpu.hpp> includes it, and the kernels below are no longer
/// compiled by whoever calls them. The library itself is one generated file a group and element type
/// (cmake/compiled.cmake).
///
/// The vector width is part of each symbol's name: a program compiled for other vectors than its library does not link.
/// Not listed, and compiled where they are used: optimizer_step (its updates belong to optim/) and sampled_loss
/// over a row loss of your own.
#pragma once

#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cpu/additive_attention.hpp"
#include "seqrec/cpu/candidate_attention.hpp"
#include "seqrec/cpu/catalogue_loss.hpp"
#include "seqrec/cpu/click_loss.hpp"
#include "seqrec/cpu/decay_rows.hpp"
#include "seqrec/cpu/dropout_residual_layer_norm.hpp"
#include "seqrec/cpu/elementwise.hpp"
#include "seqrec/cpu/embed_sequence.hpp"
#include "seqrec/cpu/embedding_bag.hpp"
#include "seqrec/cpu/gated_silu.hpp"
#include "seqrec/cpu/gather_rows.hpp"
#include "seqrec/cpu/gru.hpp"
#include "seqrec/cpu/interaction.hpp"
#include "seqrec/cpu/last_row_attention.hpp"
#include "seqrec/cpu/linear.hpp"
#include "seqrec/cpu/moe_balance.hpp"
#include "seqrec/cpu/moe_ffn.hpp"
#include "seqrec/cpu/moe_route.hpp"
#include "seqrec/cpu/optimizer_step.hpp"
#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/prefix_mean.hpp"
#include "seqrec/cpu/rank_of_target.hpp"
#include "seqrec/cpu/row_dot.hpp"
#include "seqrec/cpu/running_statistics.hpp"
#include "seqrec/cpu/sampled_loss.hpp"
#include "seqrec/cpu/score_items.hpp"
#include "seqrec/cpu/self_attention.hpp"
#include "seqrec/cpu/top_k.hpp"
#include "seqrec/cpu/unit_activation.hpp"
#include "seqrec/ops/row_losses.hpp"

/// One op: `how` is `template` (compile it here) or `extern template` (it is compiled elsewhere).
/// What follows the argument struct are its template arguments after the context.
#define SEQREC_CPU_OP(how, Scalar, op, Arguments, ...) \
  how void op(BasicContext<Scalar>&, const Arguments<BasicContext<Scalar> __VA_OPT__(, ) __VA_ARGS__>&);

// The groups take about equally long to compile.

#define SEQREC_CPU_OPS_ATTENTION(how, S)                                           \
  SEQREC_CPU_OP(how, S, candidate_attention_forward, CandidateAttentionForward)    \
  SEQREC_CPU_OP(how, S, candidate_attention_backward, CandidateAttentionBackward)  \
  SEQREC_CPU_OP(how, S, self_attention_saved_size, SelfAttentionSavedSize)         \
  SEQREC_CPU_OP(how, S, self_attention_forward, SelfAttentionForward)              \
  SEQREC_CPU_OP(how, S, self_attention_backward, SelfAttentionBackward)            \
  SEQREC_CPU_OP(how, S, last_row_attention, LastRowAttention)                      \
  SEQREC_CPU_OP(how, S, additive_attention_saved_size, AdditiveAttentionSavedSize) \
  SEQREC_CPU_OP(how, S, additive_attention_forward, AdditiveAttentionForward)      \
  SEQREC_CPU_OP(how, S, additive_attention_backward, AdditiveAttentionBackward)    \
  SEQREC_CPU_OP(how, S, gru_saved_size, GruSavedSize)                              \
  SEQREC_CPU_OP(how, S, gru_forward, GruForward)                                   \
  SEQREC_CPU_OP(how, S, gru_backward, GruBackward)

#define SEQREC_CPU_OPS_HEAD(how, S)                                    \
  SEQREC_CPU_OP(how, S, catalogue_loss, CatalogueLoss)                 \
  SEQREC_CPU_OP(how, S, sampled_loss, SampledLoss, BinaryCrossEntropy) \
  SEQREC_CPU_OP(how, S, sampled_loss, SampledLoss, Bpr)                \
  SEQREC_CPU_OP(how, S, sampled_loss, SampledLoss, SampledSoftmax)     \
  SEQREC_CPU_OP(how, S, click_loss, ClickLoss)                         \
  SEQREC_CPU_OP(how, S, packed_items_size, PackedItemsSize)            \
  SEQREC_CPU_OP(how, S, pack_items, PackItems)                         \
  SEQREC_CPU_OP(how, S, rank_of_target, RankOfTarget)                  \
  SEQREC_CPU_OP(how, S, score_items, ScoreItems)                       \
  SEQREC_CPU_OP(how, S, top_k, TopK)

#define SEQREC_CPU_OPS_ROWS(how, S)                                                             \
  SEQREC_CPU_OP(how, S, add_rows, AddRows)                                                      \
  SEQREC_CPU_OP(how, S, copy, Copy)                                                             \
  SEQREC_CPU_OP(how, S, add, Add)                                                               \
  SEQREC_CPU_OP(how, S, drop, Drop)                                                             \
  SEQREC_CPU_OP(how, S, decay_rows, DecayRows)                                                  \
  SEQREC_CPU_OP(how, S, accumulate_loss, AccumulateLoss)                                        \
  SEQREC_CPU_OP(how, S, dropout_residual_layer_norm_forward, DropoutResidualLayerNormForward)   \
  SEQREC_CPU_OP(how, S, dropout_residual_layer_norm_backward, DropoutResidualLayerNormBackward) \
  SEQREC_CPU_OP(how, S, embed_sequence_forward, EmbedSequenceForward)                           \
  SEQREC_CPU_OP(how, S, embed_sequence_backward, EmbedSequenceBackward)                         \
  SEQREC_CPU_OP(how, S, embedding_bag_forward, EmbeddingBagForward)                             \
  SEQREC_CPU_OP(how, S, embedding_bag_backward, EmbeddingBagBackward)                           \
  SEQREC_CPU_OP(how, S, interaction_forward, InteractionForward)                                \
  SEQREC_CPU_OP(how, S, interaction_backward, InteractionBackward)                              \
  SEQREC_CPU_OP(how, S, linear_forward, LinearForward)                                          \
  SEQREC_CPU_OP(how, S, linear_backward, LinearBackward)                                        \
  SEQREC_CPU_OP(how, S, moe_balance, MoeBalance)                                                \
  SEQREC_CPU_OP(how, S, moe_ffn_forward, MoeFfnForward)                                         \
  SEQREC_CPU_OP(how, S, moe_ffn_backward, MoeFfnBackward)                                       \
  SEQREC_CPU_OP(how, S, moe_route_forward, MoeRouteForward)                                     \
  SEQREC_CPU_OP(how, S, moe_route_backward, MoeRouteBackward)                                   \
  SEQREC_CPU_OP(how, S, sum_squares, SumSquares)                                                \
  SEQREC_CPU_OP(how, S, check_finite, CheckFinite)                                              \
  SEQREC_CPU_OP(how, S, conclude_step, ConcludeStep)                                            \
  SEQREC_CPU_OP(how, S, prefix_mean_forward, PrefixMeanForward)                                 \
  SEQREC_CPU_OP(how, S, prefix_mean_backward, PrefixMeanBackward)                               \
  SEQREC_CPU_OP(how, S, row_dot_forward, RowDotForward)                                         \
  SEQREC_CPU_OP(how, S, row_dot_backward, RowDotBackward)                                       \
  SEQREC_CPU_OP(how, S, running_statistics, RunningStatistics)                                  \
  SEQREC_CPU_OP(how, S, unit_activation_forward, UnitActivationForward)                         \
  SEQREC_CPU_OP(how, S, unit_activation_backward, UnitActivationBackward)                       \
  SEQREC_CPU_OP(how, S, gated_silu_forward, GatedSiluForward)                                   \
  SEQREC_CPU_OP(how, S, gated_silu_backward, GatedSiluBackward)                                 \
  SEQREC_CPU_OP(how, S, gather_rows_forward, GatherRowsForward)                                 \
  SEQREC_CPU_OP(how, S, gather_rows_backward, GatherRowsBackward)                               \
  SEQREC_CPU_OP(how, S, last_row_numbers, LastRowNumbers)                                       \
  SEQREC_CPU_OP(how, S, visible_row_numbers, VisibleRowNumbers)

#define SEQREC_CPU_OPS(how, S)     \
  SEQREC_CPU_OPS_ATTENTION(how, S) \
  SEQREC_CPU_OPS_HEAD(how, S)      \
  SEQREC_CPU_OPS_ROWS(how, S)

namespace seqrec::cpu {

SEQREC_CPU_OPS(extern template, float)
SEQREC_CPU_OPS(extern template, double)

}  // namespace seqrec::cpu
