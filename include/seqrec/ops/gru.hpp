// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// Where the reset gate acts, and with it which half of the new state the update gate is.
enum class GruReset {
  after_product,   ///< n = tanh(W x + r (U h)), h' = (1 - z) n + z h: PyTorch and cuDNN (Cho et al. 2014, v3)
  before_product,  ///< n = tanh(W x + U (r h)), h' = (1 - z) h + z n: GRU4Rec's authors (Chung et al. 2014)
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(GruReset) { return {"after_product", "before_product"}; }

/// A gated recurrent unit over packed histories. For each row x, from the state h before it:
///
///     x_r = W_r x + c_r                   x_z and x_n likewise
///     r = sigmoid(x_r + U_r h + b_r)      z = sigmoid(x_z + U_z h + b_z)
///     after_product:  n = tanh(x_n + r (U_n h + b_n)),   h' = (1 - z) n + z h
///     before_product: n = tanh(x_n + U_n (r h) + b_n),   h' = (1 - z) h + z n
///
/// A history's states depend on its own rows alone, to the last bit, whatever other histories there are.
template <class Context>
struct GruForward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  index_t longest = 0;                                          ///< no history has more rows
  const_matrix_of<Context> x;                                   ///< (N, I)
  const_matrix_of<Context> input_weight;                        ///< (3 F, I) W_r, W_z, W_n below one another
  const_vector_of<Context> input_bias{};                        ///< (3 F) c_r | c_z | c_n, or null for none
  const_matrix_of<Context> weight;                              ///< (3 F, F) U_r, U_z, U_n below one another
  const_vector_of<Context> bias{};                              ///< (3 F) b_r | b_z | b_n, or null for none
  const_matrix_of<Context> initial{};                           ///< (B, F) states before the first rows; null for zeros
  matrix_of<Context> y;                                         ///< (N, F) the state after each row
  matrix_of<Context> final{};  ///< (B, F) the state after each history, of an empty one its initial; or null
  vector_of<Context> saved{};  ///< what the backend keeps for backward: gru_saved_size; null for inference
  GruReset reset = GruReset::after_product;
};

/// Gradients of GruForward, through all rows of each history. States handed on as `final` have none: what continues a
/// history in another batch is not trained through.
template <class Context>
struct GruBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  index_t longest = 0;                                          ///< the forward's
  const_matrix_of<Context> x;                                   ///< (N, I)
  const_matrix_of<Context> input_weight;                        ///< (3 F, I)
  const_matrix_of<Context> weight;                              ///< (3 F, F)
  const_matrix_of<Context> initial{};                           ///< (B, F) or null, the forward's
  const_matrix_of<Context> y;                                   ///< (N, F) the forward's result
  const_vector_of<Context> saved{};                             ///< the forward's
  const_matrix_of<Context> dy;                                  ///< (N, F)
  Gradient<Context> dx{};                                       ///< (N, I)
  master_matrix_of<Context> dinput_weight{};                    ///< (3 F, I) added to; null if not wanted
  master_vector_of<Context> dinput_bias{};                      ///< (3 F) added to; null if not wanted
  master_matrix_of<Context> dweight{};                          ///< (3 F, F) added to; null if not wanted
  master_vector_of<Context> dbias{};                            ///< (3 F) added to; null if not wanted
  Gradient<Context> dinitial{};                                 ///< (B, F)
  GruReset reset = GruReset::after_product;
};

/// Asks how many Scalars a backend keeps of GruForward.
template <class Context>
struct GruSavedSize {
  index_t rows = 0;         ///< N
  index_t width = 0;        ///< F
  index_t* size = nullptr;  ///< the answer
};

namespace ops {

SEQREC_OP_FALLBACK(gru_saved_size)
SEQREC_OP_FALLBACK(gru_forward)
SEQREC_OP_FALLBACK(gru_backward)

/// How many Scalars `saved` must hold.   @param rows N   @param width F
template <class Context>
index_t gru_saved_size(Context& context, index_t rows, index_t width) {
  index_t size = 0;
  using fallback::gru_saved_size;
  gru_saved_size(context, GruSavedSize<Context>{rows, width, &size});
  return size;
}

/// @throws ShapeError when extents disagree, offsets are none of N rows, or a history is longer than `longest`.
/// Cost: 6 N F (F + I) operations.
template <class Context>
void gru_forward(Context& context, const GruForward<Context>& a) {
  constexpr const char* op = "gru";
  const index_t rows = a.y.rows(), width = a.y.columns(), inputs = a.x.columns();
  check_offsets(op, "offsets", a.offsets, rows);
  check_longest(op, a.offsets, rows, a.longest);
  check_shape(op, "x", a.x, rows, inputs);
  check_shape(op, "input_weight", a.input_weight, 3 * width, inputs);
  check_optional_shape(op, "input_bias", a.input_bias, 3 * width);
  check_shape(op, "weight", a.weight, 3 * width, width);
  check_optional_shape(op, "bias", a.bias, 3 * width);
  check_optional_shape(op, "initial", a.initial, a.offsets.size() - 1, width);
  check_optional_shape(op, "final", a.final, a.offsets.size() - 1, width);
  if (a.saved) check_shape(op, "saved", a.saved, gru_saved_size(context, rows, width));
  using fallback::gru_forward;
  gru_forward(context, a);
}

/// @throws ShapeError as the forward pass. Cost: 12 N F (F + I) operations.
template <class Context>
void gru_backward(Context& context, const GruBackward<Context>& a) {
  constexpr const char* op = "gru backward";
  const index_t rows = a.y.rows(), width = a.y.columns(), inputs = a.x.columns();
  check_offsets(op, "offsets", a.offsets, rows);
  check_longest(op, a.offsets, rows, a.longest);
  check_shape(op, "x", a.x, rows, inputs);
  check_shape(op, "input_weight", a.input_weight, 3 * width, inputs);
  check_shape(op, "weight", a.weight, 3 * width, width);
  check_optional_shape(op, "initial", a.initial, a.offsets.size() - 1, width);
  check_shape(op, "dy", a.dy, rows, width);
  check_optional_shape(op, "dx", a.dx.view, rows, inputs);
  check_optional_shape(op, "dinput_weight", a.dinput_weight, 3 * width, inputs);
  check_optional_shape(op, "dinput_bias", a.dinput_bias, 3 * width);
  check_optional_shape(op, "dweight", a.dweight, 3 * width, width);
  check_optional_shape(op, "dbias", a.dbias, 3 * width);
  check_optional_shape(op, "dinitial", a.dinitial.view, a.offsets.size() - 1, width);
  check_shape(op, "saved", a.saved, gru_saved_size(context, rows, width));
  using fallback::gru_backward;
  gru_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
