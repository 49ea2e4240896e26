// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// What a layer applies to each element of its result.
enum class Activation {
  none,     ///< x
  relu,     ///< max(x, 0)
  sigmoid,  ///< 1 / (1 + exp(-x))
  tanh,     ///< (exp(x) - exp(-x)) / (exp(x) + exp(-x))
  prelu,    ///< x where x > 0, else alpha x, alpha learned for each unit (He et al. 2015, arXiv:1502.01852)
  dice,  ///< x (p + alpha (1 - p)), p = sigmoid((x - mean) / sqrt(variance + epsilon)) (DIN, Zhou et al. 2018, eq. 3)
};

/// Names of the values, for option texts and checkpoints.
constexpr std::array<const char*, 6> names_of(Activation) {
  return {"none", "relu", "sigmoid", "tanh", "prelu", "dice"};
}

constexpr const char* name_of(Activation f) { return names_of(f)[static_cast<std::size_t>(f)]; }

/// Whether it learns a number for each unit; those that do not can be a linear layer's epilogue (ops/linear.hpp).
SEQREC_HOST_DEVICE constexpr bool has_slope(Activation f) { return f == Activation::prelu || f == Activation::dice; }

}  // namespace seqrec
