// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "seqrec/core/batch.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/ops/gru.hpp"

namespace seqrec {

/// What a Gru is made of, beside its extents.
struct GruOptions {
  index_t layers = 1;
  GruReset reset = GruReset::after_product;
  double dropout = 0;   ///< probability, of the states that a layer hands to the next
  bool xavier = false;  ///< weights begin Xavier-uniform (GRU4Rec's authors); else U(-1/sqrt(F), 1/sqrt(F)) (PyTorch)
};

/// The states that a recurrent layer goes on from, and leaves for what comes after: where histories are cut into
/// batches.
template <class Context>
struct RecurrentStates {
  const_matrix_of<Context> initial{};  ///< (B, layers F) before the first rows, a layer's beside the other's; or null
  matrix_of<Context> final{};          ///< (B, layers F) after the last rows, written; or null
};

/// A gated recurrent unit over packed histories, of one layer or several, with the parameters of PyTorch's nn.GRU:
/// gates r, z, n below one another. With the reset before the product (GRU4Rec's authors) it has one bias, bias_ih.
template <class Context>
class Gru {
 public:
  using Space = typename Context::Space;

  /// @param inputs columns of x   @param width F   @throws ArgumentError unless there is a layer
  Gru(ParameterScope<Context> scope, index_t inputs, index_t width, const GruOptions& options = {})
      : width_(width), reset_(options.reset), dropout_(options.dropout) {
    check_argument(options.layers >= 1, "Gru layers", options.layers, "at least 1");
    const Initialiser uniform = Initialiser::uniform(1 / std::sqrt(static_cast<double>(width)));
    for (index_t i = 0; i < options.layers; ++i) {
      const std::string name = "_l" + std::to_string(i);
      const index_t columns = i == 0 ? inputs : width;
      // A gate's matrix is Xavier's; the three below one another have other fans.
      const auto weights = [&](index_t fan_in) {
        return options.xavier ? Initialiser::uniform(std::sqrt(6.0 / static_cast<double>(fan_in + width))) : uniform;
      };
      const Initialiser biases = options.xavier ? Initialiser::constant(0) : uniform;
      const bool two_biases = reset_ == GruReset::after_product;
      layers_.push_back({scope.matrix("weight_ih" + name, 3 * width, columns, weights(columns)),
                         scope.matrix("weight_hh" + name, 3 * width, width, weights(width)),
                         scope.vector("bias_ih" + name, 3 * width, biases),
                         two_biases ? scope.vector("bias_hh" + name, 3 * width, biases) : VectorParameter<Context>()});
    }
  }

  index_t width() const { return width_; }
  index_t layers() const { return std::ssize(layers_); }

  /// The last layer's state after each row.
  /// @param x (N, I)   @return (N, F)   @throws ShapeError for states of other histories or another width
  Variable<Context> forward(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> x,
                            const RecurrentStates<Context>& states = {}) const {
    check(batch, states);
    for (index_t i = 0; i < layers(); ++i) {
      if (i > 0) x = drop(tape, x, dropout_, batch.first_row);
      x = run(tape, batch, layers_[static_cast<std::size_t>(i)], x, states.initial.column_range(i * width_, width_),
              states.final.column_range(i * width_, width_));
    }
    return x;
  }

  /// One row of every history, with dropout on each layer's state. What is dropped is missing from `states.final` too:
  /// GRU4Rec's authors carry the dropped state on.
  /// @param x (B, I)   @return (B, F)   @throws ShapeError as forward, and for histories of other lengths
  Variable<Context> step(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> x,
                         const RecurrentStates<Context>& states, double dropout) const {
    check(batch, states);
    check_extent("gru step", "longest history", batch.longest, batch.users() == 0 ? 0 : 1);
    check_extent("gru step", "number of rows", batch.rows(), batch.users());
    for (index_t i = 0; i < layers(); ++i) {
      x = drop(tape,
               run(tape, batch, layers_[static_cast<std::size_t>(i)], x,
                   states.initial.column_range(i * width_, width_), {}),
               dropout, batch.first_row);
      if (states.final)
        ops::copy(tape.context(), Copy<Context>{x.value(), states.final.column_range(i * width_, width_)});
    }
    return x;
  }

 private:
  struct Layer {
    MatrixParameter<Context> weight_ih, weight_hh;  ///< (3 F, I), (3 F, F)
    VectorParameter<Context> bias_ih, bias_hh;      ///< (3 F), the second may be none
  };

  void check(const Batch<Space>& batch, const RecurrentStates<Context>& states) const {
    check_optional_shape("gru", "initial states", states.initial, batch.users(), layers() * width_);
    check_optional_shape("gru", "final states", states.final, batch.users(), layers() * width_);
  }

  Variable<Context> run(Tape<Context>& tape, const Batch<Space>& batch, const Layer& layer, Variable<Context> x,
                        const_matrix_of<Context> initial, matrix_of<Context> final) const {
    Context& context = tape.context();
    const Variable<Context> y = tape.variable(batch.rows(), width_);
    const auto saved =
        tape.recording() ? context.vector(ops::gru_saved_size(context, batch.rows(), width_)) : vector_of<Context>{};
    GruForward<Context> a{};
    a.offsets = batch.offsets();
    a.longest = batch.longest;
    a.x = x.value();
    a.input_weight = tape.value(layer.weight_ih);
    a.input_bias = tape.value(layer.bias_ih);
    a.weight = tape.value(layer.weight_hh);
    a.bias = tape.value(layer.bias_hh);
    a.initial = initial;
    a.y = y.value();
    a.final = final;
    a.saved = saved;
    a.reset = reset_;
    ops::gru_forward(context, a);
    const auto dinput_weight = tape.gradient(layer.weight_ih), dweight = tape.gradient(layer.weight_hh);
    const auto dinput_bias = tape.gradient(layer.bias_ih), dbias = tape.gradient(layer.bias_hh);
    tape.record([=](Tape<Context>& t) {
      const auto dy = t.incoming(y);
      if (!dy) return;
      GruBackward<Context> b{a.offsets, a.longest, a.x, a.input_weight, a.weight, a.initial, a.y, a.saved, dy};
      b.dx = t.gradient(x);
      b.dinput_weight = dinput_weight;
      b.dinput_bias = dinput_bias;
      b.dweight = dweight;
      b.dbias = dbias;
      b.reset = a.reset;
      ops::gru_backward(t.context(), b);
    });
    return y;
  }

  index_t width_;
  GruReset reset_;
  double dropout_;
  std::vector<Layer> layers_;
};

}  // namespace seqrec
