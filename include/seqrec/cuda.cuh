// SPDX-License-Identifier: Apache-2.0
/// The CUDA backend. Include it beside what you use of the library: one include and one type name,
/// seqrec::cuda::Context. Needs nvcc; holds the ops that docs/architecture.md lists, the others do not compile yet.
#pragma once

#include "seqrec/cuda/add_rows.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout_residual_layer_norm.cuh"
#include "seqrec/cuda/elementwise.cuh"
#include "seqrec/cuda/embed_sequence.cuh"
#include "seqrec/cuda/gather_rows.cuh"
#include "seqrec/cuda/linear.cuh"
#include "seqrec/cuda/optimizer_step.cuh"
#include "seqrec/cuda/sampled_loss.cuh"
#include "seqrec/cuda/table_step.cuh"
#include "seqrec/cuda/team.cuh"
