// SPDX-License-Identifier: Apache-2.0
// How a front door finds its backend: by argument-dependent lookup on the context, and on nothing else.
#include "seqrec/ops/fallback.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/context_base.hpp"
#include "seqrec/ops/add_rows.hpp"
#include "seqrec/ops/candidate_attention.hpp"
#include "seqrec/ops/catalogue_loss.hpp"
#include "seqrec/ops/click_loss.hpp"
#include "seqrec/ops/decay_rows.hpp"
#include "seqrec/ops/dropout_residual_layer_norm.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/embed_sequence.hpp"
#include "seqrec/ops/embedding_bag.hpp"
#include "seqrec/ops/gather_rows.hpp"
#include "seqrec/ops/interaction.hpp"
#include "seqrec/ops/last_row_attention.hpp"
#include "seqrec/ops/linear.hpp"
#include "seqrec/ops/optimizer_step.hpp"
#include "seqrec/ops/pack_items.hpp"
#include "seqrec/ops/prefix_mean.hpp"
#include "seqrec/ops/rank_of_target.hpp"
#include "seqrec/ops/row_dot.hpp"
#include "seqrec/ops/running_statistics.hpp"
#include "seqrec/ops/sampled_loss.hpp"
#include "seqrec/ops/score_items.hpp"
#include "seqrec/ops/self_attention.hpp"
#include "seqrec/ops/top_k.hpp"
#include "seqrec/ops/unit_activation.hpp"
#include "support/catch.hpp"

/// A backend that a stranger wrote: a context of its own and an overload for each op, which records that it was called.
namespace fake {

struct Context : seqrec::ContextBase<float, float, seqrec::HostSpace> {
  std::vector<std::string> calls;
};

struct Rule {
  static constexpr int states = 1;
};

#define FAKE_OP(op, Arguments) \
  inline void op(Context& context, const seqrec::Arguments<Context>&) { context.calls.emplace_back(#op); }
FAKE_OP(linear_forward, LinearForward)
FAKE_OP(linear_backward, LinearBackward)
FAKE_OP(embed_sequence_forward, EmbedSequenceForward)
FAKE_OP(embed_sequence_backward, EmbedSequenceBackward)
FAKE_OP(dropout_residual_layer_norm_forward, DropoutResidualLayerNormForward)
FAKE_OP(dropout_residual_layer_norm_backward, DropoutResidualLayerNormBackward)
FAKE_OP(self_attention_forward, SelfAttentionForward)
FAKE_OP(self_attention_backward, SelfAttentionBackward)
FAKE_OP(last_row_attention, LastRowAttention)
FAKE_OP(prefix_mean_forward, PrefixMeanForward)
FAKE_OP(prefix_mean_backward, PrefixMeanBackward)
FAKE_OP(unit_activation_forward, UnitActivationForward)
FAKE_OP(unit_activation_backward, UnitActivationBackward)
FAKE_OP(running_statistics, RunningStatistics)
FAKE_OP(decay_rows, DecayRows)
FAKE_OP(candidate_attention_forward, CandidateAttentionForward)
FAKE_OP(candidate_attention_backward, CandidateAttentionBackward)
FAKE_OP(gather_rows_forward, GatherRowsForward)
FAKE_OP(gather_rows_backward, GatherRowsBackward)
FAKE_OP(last_row_numbers, LastRowNumbers)
FAKE_OP(visible_row_numbers, VisibleRowNumbers)
FAKE_OP(row_dot_forward, RowDotForward)
FAKE_OP(row_dot_backward, RowDotBackward)
FAKE_OP(interaction_forward, InteractionForward)
FAKE_OP(interaction_backward, InteractionBackward)
FAKE_OP(embedding_bag_forward, EmbeddingBagForward)
FAKE_OP(embedding_bag_backward, EmbeddingBagBackward)
FAKE_OP(click_loss, ClickLoss)
FAKE_OP(catalogue_loss, CatalogueLoss)
FAKE_OP(add_rows, AddRows)
FAKE_OP(score_items, ScoreItems)
FAKE_OP(top_k, TopK)
FAKE_OP(pack_items, PackItems)
FAKE_OP(rank_of_target, RankOfTarget)
FAKE_OP(add, Add)
FAKE_OP(copy, Copy)
FAKE_OP(accumulate_loss, AccumulateLoss)
#undef FAKE_OP

inline void self_attention_saved_size(Context& context, const seqrec::SelfAttentionSavedSize<Context>& a) {
  context.calls.emplace_back("self_attention_saved_size");
  *a.size = 0;
}
inline void packed_items_size(Context& context, const seqrec::PackedItemsSize<Context>& a) {
  context.calls.emplace_back("packed_items_size");
  *a.size = a.items;
}
inline void sum_squares(Context& context, const seqrec::SumSquares<Context>& a) {
  context.calls.emplace_back("sum_squares");
  a.result(0) = 25;
}
template <class RowLoss>
void sampled_loss(Context& context, const seqrec::SampledLoss<Context, RowLoss>&) {
  context.calls.emplace_back("sampled_loss");
}
template <class AnyRule>
void optimizer_step(Context& context, const seqrec::OptimizerStep<Context, AnyRule>&) {
  context.calls.emplace_back("optimizer_step");
}

}  // namespace fake

// The trap: were an argument struct a member of seqrec::ops, the unqualified call in a front door would find that very
// front door and recurse for ever, which clang compiles without a word. A function of seqrec::ops that takes anything
// shows whether lookup on a type reaches that namespace.
namespace seqrec::ops {
template <class T>
std::true_type lookup_probe(const T&);
struct PlantedArguments {};
}  // namespace seqrec::ops

namespace lookup {

template <class T>
concept reaches_ops = requires(const T& arguments) {
  lookup_probe(arguments);
};

static_assert(reaches_ops<seqrec::ops::PlantedArguments>);  // the probe works

template <class... Arguments>
constexpr bool none_reaches_ops = !(reaches_ops<Arguments> || ...);

using fake::Context;
using seqrec::BinaryCrossEntropy;

static_assert(!reaches_ops<Context>);
static_assert(none_reaches_ops<seqrec::LinearForward<Context>, seqrec::LinearBackward<Context>>);
static_assert(none_reaches_ops<seqrec::EmbedSequenceForward<Context>, seqrec::EmbedSequenceBackward<Context>>);
static_assert(none_reaches_ops<seqrec::DropoutResidualLayerNormForward<Context>>);
static_assert(none_reaches_ops<seqrec::DropoutResidualLayerNormBackward<Context>>);
static_assert(none_reaches_ops<seqrec::SelfAttentionForward<Context>, seqrec::SelfAttentionBackward<Context>>);
static_assert(none_reaches_ops<seqrec::SelfAttentionSavedSize<Context>>);
static_assert(none_reaches_ops<seqrec::LastRowAttention<Context>>);
static_assert(none_reaches_ops<seqrec::PrefixMeanForward<Context>, seqrec::PrefixMeanBackward<Context>>);
static_assert(none_reaches_ops<seqrec::UnitActivation<Context>, seqrec::RunningStatistics<Context>>);
static_assert(none_reaches_ops<seqrec::UnitActivationForward<Context>, seqrec::UnitActivationBackward<Context>>);
static_assert(none_reaches_ops<seqrec::AttentionUnit<Context>, seqrec::AttentionWeighting>);
static_assert(none_reaches_ops<seqrec::CandidateAttentionForward<Context>>);
static_assert(none_reaches_ops<seqrec::CandidateAttentionBackward<Context>>);
static_assert(none_reaches_ops<seqrec::GatherRowsForward<Context>, seqrec::GatherRowsBackward<Context>>);
static_assert(none_reaches_ops<seqrec::LastRowNumbers<Context>, seqrec::VisibleRowNumbers<Context>>);
static_assert(none_reaches_ops<seqrec::RowDotForward<Context>, seqrec::RowDotBackward<Context>>);
static_assert(none_reaches_ops<seqrec::InteractionForward<Context>, seqrec::InteractionBackward<Context>>);
static_assert(none_reaches_ops<seqrec::EmbeddingBagForward<Context>, seqrec::EmbeddingBagBackward<Context>>);
static_assert(none_reaches_ops<seqrec::ClickLoss<Context>, seqrec::Copy<Context>>);
static_assert(none_reaches_ops<seqrec::CatalogueLoss<Context>, seqrec::SampledLoss<Context, BinaryCrossEntropy>>);
static_assert(none_reaches_ops<seqrec::AddRows<Context>, seqrec::ScoreItems<Context>>);
static_assert(none_reaches_ops<seqrec::TopK<Context>, seqrec::RankOfTarget<Context>>);
static_assert(none_reaches_ops<seqrec::PackItems<Context>, seqrec::PackedItemsSize<Context>>);
static_assert(none_reaches_ops<seqrec::Add<Context>, seqrec::AccumulateLoss<Context>>);
static_assert(none_reaches_ops<seqrec::OptimizerStep<Context, fake::Rule>, seqrec::SumSquares<Context>>);
static_assert(none_reaches_ops<seqrec::Gradient<Context>>);

}  // namespace lookup

using namespace seqrec;

TEST_CASE("every front door calls the backend of its context, once", "[ops]") {
  fake::Context context;
  const offset_t no_segments[] = {0};
  const VectorView<const offset_t, HostSpace> offsets(no_segments, 1);
  float element = 0;  // of a gradient that somebody wants
  const auto check_call = [&](const std::string& op, auto call) {
    context.calls.clear();
    call();
    CHECK(context.calls == std::vector<std::string>{op});
  };
  using C = fake::Context;
  check_call("linear_forward", [&] { ops::linear_forward(context, LinearForward<C>{}); });
  check_call("linear_backward", [&] { ops::linear_backward(context, LinearBackward<C>{}); });
  check_call("embed_sequence_forward", [&] { ops::embed_sequence_forward(context, EmbedSequenceForward<C>{}); });
  check_call("embed_sequence_backward", [&] { ops::embed_sequence_backward(context, EmbedSequenceBackward<C>{}); });
  check_call("dropout_residual_layer_norm_forward",
             [&] { ops::dropout_residual_layer_norm_forward(context, DropoutResidualLayerNormForward<C>{}); });
  check_call("dropout_residual_layer_norm_backward",
             [&] { ops::dropout_residual_layer_norm_backward(context, DropoutResidualLayerNormBackward<C>{}); });
  check_call("self_attention_saved_size", [&] { ops::self_attention_saved_size(context, {}, 0, 1); });
  check_call("self_attention_forward", [&] { ops::self_attention_forward(context, SelfAttentionForward<C>{}); });
  check_call("last_row_attention", [&] {
    LastRowAttention<C> a;
    a.offsets = offsets;
    ops::last_row_attention(context, a);
  });
  check_call("prefix_mean_forward", [&] { ops::prefix_mean_forward(context, PrefixMeanForward<C>{}); });
  check_call("prefix_mean_backward", [&] {
    PrefixMeanBackward<C> a;
    a.dx.view.data = &element;
    ops::prefix_mean_backward(context, a);
  });
  check_call("unit_activation_forward", [&] { ops::unit_activation_forward(context, UnitActivationForward<C>{}); });
  check_call("unit_activation_backward", [&] { ops::unit_activation_backward(context, UnitActivationBackward<C>{}); });
  check_call("decay_rows", [&] { ops::decay_rows(context, DecayRows<C>{}); });
  check_call("running_statistics", [&] {
    RunningStatistics<C> a;
    a.rows.extents[0] = a.tracked.extents[0] = 1;
    ops::running_statistics(context, a);
  });
  const auto smallest_unit = [](auto& a) {
    a.unit.layers = 1;
    a.unit.weight.extents[0] = a.unit.bias.extents[0] = 1;
  };
  const auto no_candidates = [&](auto& a) { a.offsets = a.candidates.items.offsets = offsets; };
  check_call("candidate_attention_forward", [&] {
    CandidateAttentionForward<C> a;
    smallest_unit(a);
    no_candidates(a);
    ops::candidate_attention_forward(context, a);
  });
  check_call("candidate_attention_backward", [&] {
    CandidateAttentionBackward<C> a;
    smallest_unit(a);
    no_candidates(a);
    ops::candidate_attention_backward(context, a);
  });
  check_call("gather_rows_forward", [&] { ops::gather_rows_forward(context, GatherRowsForward<C>{}); });
  check_call("gather_rows_backward", [&] {
    GatherRowsBackward<C> a;
    a.dx.view.data = &element;
    ops::gather_rows_backward(context, a);
  });
  check_call("last_row_numbers", [&] { ops::last_row_numbers(context, LastRowNumbers<C>{offsets, {}}); });
  check_call("visible_row_numbers", [&] {
    ops::visible_row_numbers(context, VisibleRowNumbers<C>{offsets, offsets, {}, {}});
  });
  check_call("row_dot_forward", [&] {
    RowDotForward<C> a;
    a.y.extents[1] = 1;
    ops::row_dot_forward(context, a);
  });
  check_call("row_dot_backward", [&] {
    RowDotBackward<C> a;
    a.dy.extents[1] = 1;
    ops::row_dot_backward(context, a);
  });
  check_call("interaction_forward", [&] { ops::interaction_forward(context, InteractionForward<C>{}); });
  check_call("interaction_backward", [&] { ops::interaction_backward(context, InteractionBackward<C>{}); });
  check_call("embedding_bag_forward", [&] { ops::embedding_bag_forward(context, EmbeddingBagForward<C>{}); });
  check_call("embedding_bag_backward", [&] {
    EmbeddingBagBackward<C> a;
    a.dtable.data = &element;
    ops::embedding_bag_backward(context, a);
  });
  check_call("click_loss", [&] {
    ClickLoss<C> a;
    a.scores.extents[1] = 1;
    ops::click_loss(context, a);
  });
  check_call("catalogue_loss", [&] {
    CatalogueLoss<C> a;
    a.targets.extents[1] = 1;
    ops::catalogue_loss(context, a);
  });
  check_call("sampled_loss", [&] {
    SampledLoss<C, BinaryCrossEntropy> a;
    a.items.extents[1] = 1;
    ops::sampled_loss(context, a);
  });
  check_call("add_rows", [&] {
    AddRows<C> a;
    a.target.data = &element;
    a.index.row_offsets = offsets;
    ops::add_rows(context, a);
  });
  check_call("score_items", [&] { ops::score_items(context, ScoreItems<C>{}); });
  check_call("top_k", [&] {
    TopK<C> a;
    a.head.table.extents[0] = a.items.extents[1] = a.scores.extents[1] = 1;
    ops::top_k(context, a);
  });
  check_call("rank_of_target", [&] { ops::rank_of_target(context, RankOfTarget<C>{}); });
  check_call("packed_items_size", [&] { ops::packed_items_size(context, 1, 1); });
  check_call("copy", [&] { ops::copy(context, Copy<C>{}); });
  check_call("add", [&] { ops::add(context, Add<C>{}); });
  check_call("accumulate_loss", [&] { ops::accumulate_loss(context, AccumulateLoss<C>{}); });
  check_call("optimizer_step", [&] {
    OptimizerStep<C, fake::Rule> a;
    a.inputs.extents[0] = a.outcome.extents[0] = 1;
    ops::optimizer_step(context, a);
  });
  check_call("sum_squares", [&] {
    double result = 0;
    SumSquares<C> a;
    a.result = {&result, 1};
    ops::sum_squares(context, a);
    CHECK(result == 25);
  });

  // ask how much a table takes, or forward has kept, before they call
  {
    PackItems<C> a;
    a.table.extents[0] = a.packed.extents[0] = 1;
    ops::pack_items(context, a);
    CHECK(context.calls == std::vector<std::string>{"sum_squares", "packed_items_size", "pack_items"});
    context.calls.clear();
  }
  ops::self_attention_backward(context, SelfAttentionBackward<C>{});
  CHECK(context.calls == std::vector<std::string>{"self_attention_saved_size", "self_attention_backward"});
}

TEST_CASE("a front door checks shapes before it calls", "[ops][errors]") {
  fake::Context context;
  LinearForward<fake::Context> a;
  a.y.extents[0] = 2;
  CHECK_THROWS_AS(ops::linear_forward(context, a), ShapeError);
  CHECK(context.calls.empty());
}
