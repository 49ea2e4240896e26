// SPDX-License-Identifier: Apache-2.0
// A small data set with times and ratings, models that nobody trained, and hybrids over them.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/hybrid/train_hybrid.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/toy.hpp"

namespace seqrec_test {

using HybridContext = seqrec::cpu::Context;
using HybridDin = seqrec::Din<HybridContext>;
using HybridSasRec = seqrec::SasRec<HybridContext>;
using NoDeepModel = seqrec::NoModel<HybridContext>;

inline std::shared_ptr<const seqrec::Dataset> hybrid_data() {
  static const auto shared = [] {
    auto data = seqrec::synthetic_dataset({.users = 60, .items = 50, .genres = 5, .min_events = 6, .max_events = 20});
    for (index_t user = 0; user < data.num_users(); ++user)
      for (std::size_t i = 0; i < data.history(user).size(); ++i) {
        data.times.push_back(900'000'000 + 7200 * user + 100'000 * static_cast<std::int64_t>(i * i));
        data.ratings.push_back(static_cast<float>(1 + (static_cast<std::size_t>(user) + i) % 5));
      }
    return std::make_shared<const seqrec::Dataset>(std::move(data));
  }();
  return shared;
}
inline const seqrec::Split& hybrid_split() {
  static const seqrec::Split split = seqrec::leave_one_out(hybrid_data());
  return split;
}

inline std::shared_ptr<HybridDin> random_din(bool dot_product = true, std::uint64_t seed = 4) {
  auto model = std::make_shared<HybridDin>(seqrec::DinOptions{.items = hybrid_data()->num_items(),
                                                              .width = 4,
                                                              .max_length = 8,
                                                              .attention_hidden = {6},
                                                              .hidden = {7},
                                                              .dot_product = dot_product});
  randomise(*model, seed);
  return model;
}
inline std::shared_ptr<HybridSasRec> random_sasrec() {
  auto model = std::make_shared<HybridSasRec>(
      seqrec::SasRecOptions{.items = hybrid_data()->num_items(), .width = 8, .max_length = 8});
  randomise(*model, 5);
  return model;
}

inline seqrec::HybridOptions small_hybrid() {
  seqrec::HybridOptions options;
  options.held_out = 4;
  options.negatives = 8;
  options.threads = 2;
  options.booster.leaves = 8;
  options.booster.min_rows = 10;
  options.booster.rounds = 15;
  options.booster.column_share = 1;
  return options;
}

/// Trees over a DIN that nobody trained.
inline seqrec::TrainedHybrid<HybridDin> din_hybrid(const seqrec::HybridOptions& options = small_hybrid()) {
  return seqrec::train_hybrid(hybrid_split(), options,
                              [](const seqrec::Split&) { return std::shared_ptr<const HybridDin>(random_din()); });
}
inline seqrec::TrainedHybrid<NoDeepModel> explicit_hybrid(const seqrec::HybridOptions& options = small_hybrid()) {
  return seqrec::train_hybrid(hybrid_split(), options,
                              [](const seqrec::Split&) { return std::make_shared<const NoDeepModel>(); });
}

}  // namespace seqrec_test
