// SPDX-License-Identifier: Apache-2.0
// What the tests of blocks share.
#pragma once

#include "seqrec/layers/layer_norm.hpp"
#include "support/toy.hpp"

namespace seqrec_test {

/// Two blocks on rows of their own, the second after the first's pending sum, then the norm that must follow.
template <class Block, class Options>
struct TwoBlocks : LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  seqrec::MatrixParameter<DoubleContext> x;
  Block first, second;
  seqrec::LayerNorm<DoubleContext> last;

  TwoBlocks(const ToyBatch& toy, const Options& options)
      : batch(toy),
        x(store.scope().matrix("x", toy.rows(), options.width, seqrec::Initialiser::normal(1))),
        first(store.scope("first"), options),
        second(store.scope("second"), options),
        last(store.scope("last"), options.width) {
    finish();
    randomise(*this, 9, 0.4);
  }
  void operator()(seqrec::Tape<DoubleContext>& tape) const {
    seqrec::ResidualStream<DoubleContext> stream{leaf(tape, x), {}};
    stream = first.forward(tape, batch.histories(), stream);
    stream = second.forward(tape, batch.histories(), stream);
    weigh(tape, last.forward(tape, stream).y);
  }
};

}  // namespace seqrec_test
