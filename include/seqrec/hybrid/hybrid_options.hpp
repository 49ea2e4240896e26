// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/explicit_options.hpp"
#include "seqrec/trees/booster_options.hpp"

namespace seqrec {

/// How trees are trained over a model and explicit features.
struct HybridOptions {
  bool out_of_fold = true;
  bool refit = true;
  bool interest = false;
  index_t held_out = 10;
  index_t fold_validation = 2;
  index_t negatives = 20;
  std::string without{};
  std::uint64_t seed = 1;
  int threads = 0;
  BoosterOptions booster{};
  ExplicitFeatureOptions features{};

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("out_of_fold", out_of_fold, any(),
          "whether trees learn from scores of a model that was not trained on these events; false shows what is lost");
    visit(
        "refit", refit, any(),
        "whether model and features are made anew of all events before validation when trees are trained; false keeps "
        "those of the fold");
    visit("interest", interest, any(),
          "whether trees are shown the vector that the model makes of a history, a column for each of its numbers");
    visit("held_out", held_out, in_range(1, 100000),
          "last training events of a user that trees learn from, at most half of them");
    visit("fold_validation", fold_validation, in_range(1, 1000),
          "events before those by which the fold's model is chosen");
    visit("negatives", negatives, in_range(1, 100000), "unseen items beside each event, drawn uniformly");
    visit("without", without, any(),
          "what trees are not shown: columns, or whole groups, with commas; to see their worth");
    visit("seed", seed, any(), "of the negatives");
    visit("threads", threads, in_range(0, 4096), "that make rows; 0 is one for each core", OptionEffect::none);
    visit("booster_", booster);
    visit("features_", features);
  }
};

}  // namespace seqrec
