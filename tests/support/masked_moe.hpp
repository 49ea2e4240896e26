// SPDX-License-Identifier: Apache-2.0
// A mixture of experts by masks: every expert computes every row, and what was not chosen is multiplied by zero. The
// oracle of the sorted one.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "seqrec/core/team_options.hpp"
#include "seqrec/ops/moe_route.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

namespace seqrec_test {

struct MoeProblem {
  index_t chosen = 2;                                  ///< K
  Matrix logits;                                       ///< (N, X)
  Matrix selection_bias{};                             ///< (1, X) or empty
  Matrix x{}, weight1{}, bias1{}, weight2{}, bias2{};  ///< (N, D), (X F, D), (X, F), (X D, F), (X, D)
  Matrix base{};                                       ///< (N, D) or empty
  Matrix dy{};                                         ///< (N, D)
  seqrec::MoeGate gate = seqrec::MoeGate::sigmoid;
  bool normalise = true;
  double balance = 0;
  seqrec::Dropout dropout{};
  seqrec::ProductPrecision products = seqrec::ProductPrecision::full;
  Layout layout = Layout::dense;

  index_t rows() const { return logits.rows; }
  index_t experts() const { return logits.columns; }
  index_t width() const { return x.columns; }
  index_t units() const { return weight1.columns == 0 ? 0 : bias1.columns; }
};

/// Random numbers of these extents.
inline MoeProblem moe_problem(index_t rows, index_t experts, index_t chosen, index_t width = 5, index_t units = 3) {
  MoeProblem p{.chosen = chosen, .logits = random_matrix(rows, experts, 1)};
  p.x = random_matrix(rows, width, 2);
  p.weight1 = random_matrix(experts * units, width, 3, 0.5);
  p.bias1 = random_matrix(experts, units, 4, 0.5);
  p.weight2 = random_matrix(experts * width, units, 5, 0.5);
  p.bias2 = random_matrix(experts, width, 6, 0.5);
  p.dy = random_matrix(rows, width, 7);
  return p;
}

/// (N, X) The gates.
inline Matrix masked_gates(const MoeProblem& p) {
  Matrix gates(p.rows(), p.experts());
  for (index_t n = 0; n < p.rows(); ++n) {
    double sum = 0;
    for (index_t e = 0; e < p.experts(); ++e) sum += std::exp(p.logits(n, e));
    for (index_t e = 0; e < p.experts(); ++e)
      gates(n, e) =
          p.gate == seqrec::MoeGate::softmax ? std::exp(p.logits(n, e)) / sum : 1 / (1 + std::exp(-p.logits(n, e)));
  }
  return gates;
}

/// (N, X) 1 where an expert was chosen: fewer than K others are better, or as good and of a lower number.
inline Matrix moe_mask(const MoeProblem& p) {
  const Matrix gates = masked_gates(p);
  const auto score = [&](index_t n, index_t e) {
    return gates(n, e) + (p.selection_bias.size() > 0 ? p.selection_bias(e) : 0);
  };
  Matrix mask(p.rows(), p.experts());
  for (index_t n = 0; n < p.rows(); ++n)
    for (index_t e = 0; e < p.experts(); ++e) {
      index_t before = 0;
      for (index_t other = 0; other < p.experts(); ++other)
        before += score(n, other) > score(n, e) || (score(n, other) == score(n, e) && other < e);
      mask(n, e) = before < p.chosen;
    }
  return mask;
}

/// (N, X) Weights of the experts; zero where not chosen.
inline Matrix masked_weights(const MoeProblem& p, const Matrix& mask) {
  Matrix weights = masked_gates(p);
  for (index_t n = 0; n < p.rows(); ++n) {
    double sum = 0;
    for (index_t e = 0; e < p.experts(); ++e) sum += weights(n, e) *= mask(n, e);
    for (index_t e = 0; p.normalise && e < p.experts(); ++e) weights(n, e) /= sum;
  }
  return weights;
}

/// What the auxiliary loss adds to a step's.
inline double masked_balance_loss(const MoeProblem& p, const Matrix& mask) {
  const Matrix gates = masked_gates(p);
  double loss = 0;
  for (index_t e = 0; e < p.experts(); ++e) {
    double share = 0;
    for (index_t n = 0; n < p.rows(); ++n) share += mask(n, e) / static_cast<double>(p.rows() * p.chosen);
    for (index_t n = 0; n < p.rows(); ++n) {
      double whole = 0;
      for (index_t other = 0; other < p.experts(); ++other) whole += gates(n, other);
      loss += p.balance * static_cast<double>(p.experts()) * share * gates(n, e) / whole;
    }
  }
  return loss;
}

/// (N, D) The mixture, every expert on every row.
inline Matrix masked_mixture(const MoeProblem& p, const Matrix& weights) {
  Matrix y = p.base.size() > 0 ? p.base : Matrix(p.rows(), p.width());
  for (index_t e = 0; e < p.experts(); ++e)
    for (index_t n = 0; n < p.rows(); ++n) {
      std::vector<double> result(static_cast<std::size_t>(p.width()));
      for (index_t d = 0; d < p.width(); ++d) result[static_cast<std::size_t>(d)] = p.bias2(e, d);
      for (index_t h = 0; h < p.units(); ++h) {
        double unit = p.bias1(e, h);
        for (index_t d = 0; d < p.width(); ++d) unit += p.weight1(e * p.units() + h, d) * p.x(n, d);
        unit = std::max(unit, 0.0);
        if (p.dropout.active()) {
          const auto row = (p.dropout.first_row + n) * p.experts() + e;
          unit *=
              p.dropout.keeps(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(h)) ? p.dropout.scale() : 0;
        }
        for (index_t d = 0; d < p.width(); ++d)
          result[static_cast<std::size_t>(d)] += p.weight2(e * p.width() + d, h) * unit;
      }
      for (index_t d = 0; d < p.width(); ++d) y(n, d) += weights(n, e) * result[static_cast<std::size_t>(d)];
    }
  return y;
}

/// A routing with memory of its own.
template <class Context>
struct PlacedRouting {
  using Space = typename Context::Space;
  Placed<seqrec::offset_t, Space> experts, places, rows, starts;

  PlacedRouting(index_t n, index_t x, index_t k)
      : experts(n, k, std::vector<double>(static_cast<std::size_t>(n * k)), Layout::dense),
        places(n, k, std::vector<double>(static_cast<std::size_t>(n * k)), Layout::dense),
        rows(1, n * k, std::vector<double>(static_cast<std::size_t>(n * k)), Layout::dense),
        starts(1, x + 1, std::vector<double>(static_cast<std::size_t>(x + 1)), Layout::dense) {}

  seqrec::MoeRouting<Context> view() { return {experts.matrix(), places.matrix(), rows.vector(), starts.vector()}; }
};

}  // namespace seqrec_test
