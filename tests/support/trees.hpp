// SPDX-License-Identifier: Apache-2.0
// Small data that trees can learn, and trees for those who only want to ask some.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/trees/lightgbm.hpp"

namespace seqrec_test {

/// Rows of four columns: two quantities, one of them often missing, a category and noise. Groups of ten; in each the
/// label is 1 where a hidden score is among the highest two.
struct TreeToy {
  std::vector<double> values;
  std::vector<float> labels;
  std::vector<seqrec::index_t> groups;

  explicit TreeToy(seqrec::index_t num_groups, std::uint64_t seed = 1) {
    seqrec::RandomStream random(seed, seqrec::Purpose::synthetic_data, 0);
    const auto unit = [&] { return static_cast<double>(random.below(1'000'003)) / 1'000'003; };
    for (seqrec::index_t g = 0; g < num_groups; ++g) {
      groups.push_back(10);
      std::vector<double> hidden;
      for (int i = 0; i < 10; ++i) {
        const double a = unit(), b = unit(), noise = unit();
        const bool missing = unit() < 0.3;
        const auto category = static_cast<double>(random.below(40));
        values.insert(values.end(), {a, missing ? std::numeric_limits<double>::quiet_NaN() : b, category, noise});
        hidden.push_back(a * (std::fmod(category, 3) == 0 ? 2 : 1) + (missing ? 0.8 : b * b) + 0.3 * unit());
      }
      for (const double h : hidden) {
        int above = 0;
        for (const double other : hidden) above += other > h;
        labels.push_back(above < 2 ? 1.0f : 0.0f);
      }
    }
  }

  static seqrec::TreeColumns columns() { return {{"a", "b", "kind", "noise"}, {2}}; }
  seqrec::TreeRows<double> rows() const { return {values, 4}; }
  std::span<const double> row(seqrec::index_t r) const { return rows().row(r); }
  seqrec::TreeLabels targets() const { return {labels, groups}; }
};

/// Small trees of everything that a tree can have.
inline seqrec::BoosterOptions toy_trees(seqrec::TreeObjective objective = seqrec::TreeObjective::lambdarank) {
  seqrec::BoosterOptions options;
  options.objective = objective;
  options.rate = 0.2;
  options.leaves = 8;
  options.min_rows = 5;
  options.column_share = 1;
  options.l2 = 1;
  options.rounds = 12;
  return options;
}

inline seqrec::Booster toy_booster(seqrec::TreeObjective objective = seqrec::TreeObjective::lambdarank) {
  const TreeToy toy(60);
  const auto options = toy_trees(objective);
  const seqrec::TreeData data(TreeToy::columns(), toy.rows(), toy.targets(), options);
  return seqrec::train_booster(data, nullptr, options).booster;
}

}  // namespace seqrec_test
