// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <variant>

#include "seqrec/optim/adagrad.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/optim/sgd.hpp"

namespace seqrec {

/// An algorithm chosen at run time. Each is a struct of options with a `Rule` (see Adam, and ops/optimizer_step.hpp).
using Algorithm = std::variant<Adam, Sgd, Adagrad>;

/// Calls work(algorithm) with the one that was chosen.
template <class Work>
decltype(auto) visit_algorithm(const Algorithm& algorithm, Work&& work) {
  return std::visit(work, algorithm);
}
/// The same for one that is known when compiling.
template <class OneAlgorithm, class Work>
decltype(auto) visit_algorithm(const OneAlgorithm& algorithm, Work&& work) {
  return work(algorithm);
}

/// Which rows of a table a step moves.
enum class TableRows {
  dense,  ///< all: a row without gradient goes on along its moments and decays, as in PyTorch's Adam
  lazy,   ///< those whose gradient is not zero throughout; others keep values and moments (PyTorch's SparseAdam)
};
constexpr std::array<const char*, 2> names_of(TableRows) { return {"dense", "lazy"}; }

}  // namespace seqrec
