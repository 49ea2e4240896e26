// SPDX-License-Identifier: Apache-2.0
/// The CUDA backend. Include it beside what you use of the library: one include and one type name,
/// seqrec::cuda::Context. Needs nvcc; holds the ops that docs/architecture.md lists, the others do not compile yet.
#pragma once

#include "seqrec/cuda/add_rows.cuh"
#include "seqrec/cuda/additive_attention.cuh"
#include "seqrec/cuda/candidate_attention.cuh"
#include "seqrec/cuda/click_loss.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/decay_rows.cuh"
#include "seqrec/cuda/dropout_residual_layer_norm.cuh"
#include "seqrec/cuda/elementwise.cuh"
#include "seqrec/cuda/embed_sequence.cuh"
#include "seqrec/cuda/embedding_bag.cuh"
#include "seqrec/cuda/gather_rows.cuh"
#include "seqrec/cuda/gru.cuh"
#include "seqrec/cuda/interaction.cuh"
#include "seqrec/cuda/linear.cuh"
#include "seqrec/cuda/optimizer_step.cuh"
#include "seqrec/cuda/prefix_mean.cuh"
#include "seqrec/cuda/row_dot.cuh"
#include "seqrec/cuda/running_statistics.cuh"
#include "seqrec/cuda/sampled_loss.cuh"
#include "seqrec/cuda/table_step.cuh"
#include "seqrec/cuda/team.cuh"
#include "seqrec/cuda/unit_activation.cuh"
