// SPDX-License-Identifier: Apache-2.0
// Copies, sums and masks of matrices, and the sum of losses.
//
// Each element is read and written once, eight columns a lane (row_octets.cuh). Losses are summed by one block.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/ops/elementwise.hpp"

namespace seqrec::cuda {

/// Leaves source, under dropout, in the target.
template <class S>
__global__ void pass_kernel(MatrixView<const S, DeviceSpace> source, Gradient<BasicContext<S>> target,
                            DropoutFactors<S> factors, int lanes, int alignment) {
  const OctetPlace at(lanes);
  const index_t row = at.first_row();
  if (row >= source.rows()) return;
  for_octets_of_lane(at, source.columns(), [&](index_t column, int count) {
    Octet<S> x = Octet<S>::load(source.row(row) + column, count, alignment);
    const unsigned kept = factors.kept_of_eight(row, column / octet);
    for (int i = 0; i < octet; ++i) x[i] *= factors.of((kept >> i & 1u) != 0);
    x.leave(target, row, column, count, alignment);
  });
}

template <class S>
void pass(BasicContext<S>& context, MatrixView<const S, DeviceSpace> source, const Gradient<BasicContext<S>>& target,
          const Dropout& dropout = {}) {
  if (!target) return;
  launch<pass_kernel<S>>(context, octet_shape(source.rows(), source.columns()), source, target,
                         DropoutFactors<S>(dropout), octets_of_row(source.columns()),
                         row_alignment(source, target.view));
}

template <class S>
void copy(BasicContext<S>& context, const Copy<BasicContext<S>>& a) {
  pass<S>(context, a.source, {a.target, GradientMode::write});
}

template <class S>
void add(BasicContext<S>& context, const Add<BasicContext<S>>& a) {
  pass<S>(context, a.source, {a.target, GradientMode::add});
}

template <class S>
void drop(BasicContext<S>& context, const Drop<BasicContext<S>>& a) {
  pass<S>(context, a.source, a.target, a.dropout);
}

/// Threads of the one block that sums the losses, and losses that each of them reads at once: a batch of 16,384 rows is
/// two rounds.
inline constexpr int loss_threads = 1024, losses_at_once = 8;

template <class Loss>
__global__ void accumulate_loss_kernel(VectorView<const Loss, DeviceSpace> losses,
                                       VectorView<double, DeviceSpace> sum) {
  double of_thread = 0;
  for (index_t first = threadIdx.x; first < losses.size(); first += loss_threads * losses_at_once) {
    Loss some[losses_at_once];
    for (int i = 0; i < losses_at_once; ++i) {
      const index_t place = first + i * loss_threads;
      some[i] = place < losses.size() ? losses(place) : Loss{0};
    }
    for (const Loss loss : some) of_thread += loss;
  }
  const double of_block = block_sum(of_thread);
  if (threadIdx.x == 0) sum(0) += of_block;
}

template <class S>
void accumulate_loss(BasicContext<S>& context, const AccumulateLoss<BasicContext<S>>& a) {
  if (a.losses.size() == 0) return;
  launch<accumulate_loss_kernel<double>>(context, {dim3(1), dim3(loss_threads)}, a.losses, context.loss_sum());
}

}  // namespace seqrec::cuda
