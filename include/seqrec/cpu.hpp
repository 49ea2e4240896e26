// SPDX-License-Identifier: Apache-2.0
/// The CPU backend. Include it beside what you use of the library: one include and one type name, seqrec::cpu::Context.
#pragma once

#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cpu/additive_attention.hpp"
#include "seqrec/cpu/candidate_attention.hpp"
#include "seqrec/cpu/catalogue_loss.hpp"
#include "seqrec/cpu/click_loss.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/decay_rows.hpp"
#include "seqrec/cpu/dropout_residual_layer_norm.hpp"
#include "seqrec/cpu/elementwise.hpp"
#include "seqrec/cpu/embed_sequence.hpp"
#include "seqrec/cpu/embedding_bag.hpp"
#include "seqrec/cpu/gated_silu.hpp"
#include "seqrec/cpu/gather_rows.hpp"
#include "seqrec/cpu/gru.hpp"
#include "seqrec/cpu/interaction.hpp"
#include "seqrec/cpu/linear.hpp"
#include "seqrec/cpu/moe_balance.hpp"
#include "seqrec/cpu/moe_ffn.hpp"
#include "seqrec/cpu/moe_route.hpp"
#include "seqrec/cpu/optimizer_step.hpp"
#include "seqrec/cpu/prefix_mean.hpp"
#include "seqrec/cpu/rank_of_target.hpp"
#include "seqrec/cpu/row_dot.hpp"
#include "seqrec/cpu/running_statistics.hpp"
#include "seqrec/cpu/sampled_loss.hpp"
#include "seqrec/cpu/score_items.hpp"
#include "seqrec/cpu/self_attention.hpp"
#include "seqrec/cpu/table_step.hpp"
#include "seqrec/cpu/team.hpp"
#include "seqrec/cpu/top_k.hpp"
#include "seqrec/cpu/unit_activation.hpp"

#ifdef SEQREC_COMPILED
#include "seqrec/cpu/instantiations.hpp"
#endif
