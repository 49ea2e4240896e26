// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/ops/linear.hpp"

namespace seqrec {

/// The weights of a linear map and where their gradients go; a block of rows is a linear map too.
template <class Context>
struct LinearWeights {
  const_matrix_of<Context> weight;    ///< (O, I)
  const_vector_of<Context> bias;      ///< (O), or null
  master_matrix_of<Context> dweight;  ///< (O, I), or null
  master_vector_of<Context> dbias;    ///< (O), or null
  bool exact = false;                 ///< LinearOptions::exact

  /// The map onto outputs first .. first+count-1.
  LinearWeights rows(index_t first, index_t count) const {
    return {weight.row_range(first, count), bias.row_range(first, count), dweight.row_range(first, count),
            dbias.row_range(first, count), exact};
  }
};

/// What follows a linear map in the same pass.
struct LinearEpilogue {
  Activation activation = Activation::none;
  Dropout dropout{};
};

/// y = dropout(activation(x weight' + bias)), recorded.
/// @param x (N, I)   @return (N, O)
template <class Context>
Variable<Context> apply_linear(Tape<Context>& tape, Variable<Context> x, LinearWeights<Context> w,
                               LinearEpilogue epilogue = {}) {
  const Variable<Context> y = tape.variable(x.rows(), w.weight.rows());
  ops::linear_forward(tape.context(), LinearForward<Context>{x.value(), w.weight, w.bias, y.value(),
                                                             epilogue.activation, epilogue.dropout, w.exact});
  tape.record([x, y, w, epilogue](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::linear_backward(
          t.context(), LinearBackward<Context>{x.value(), w.weight, y.value(), dy, t.gradient(x), w.dweight, w.dbias,
                                               epilogue.activation, epilogue.dropout, w.exact});
  });
  return y;
}

/// What a Linear is made of, beside its extents.
struct LinearOptions {
  Initialiser weights = Initialiser::xavier_normal();
  bool bias = true;    ///< zero in the beginning
  bool exact = false;  ///< products in full precision, also in a context that rounds those of its models
};

/// A fully connected layer, stored as PyTorch stores it.
template <class Context>
struct Linear {
  MatrixParameter<Context> weight;  ///< (O, I)
  VectorParameter<Context> bias;    ///< (O), or none
  bool exact;                       ///< LinearOptions::exact

  Linear(ParameterScope<Context> scope, index_t inputs, index_t outputs, const LinearOptions& options = {})
      : weight(scope.matrix("weight", outputs, inputs, options.weights)),
        bias(options.bias ? scope.vector("bias", outputs, Initialiser::constant(0)) : VectorParameter<Context>()),
        exact(options.exact) {}

  LinearWeights<Context> weights(const Tape<Context>& tape) const {
    return {tape.value(weight), tape.value(bias), tape.gradient(weight), tape.gradient(bias), exact};
  }

  /// @param x (N, I)   @return (N, O)
  Variable<Context> forward(Tape<Context>& tape, Variable<Context> x, LinearEpilogue epilogue = {}) const {
    return apply_linear(tape, x, weights(tape), epilogue);
  }
};

}  // namespace seqrec
