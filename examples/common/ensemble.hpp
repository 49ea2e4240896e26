// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/serve/score.hpp"

namespace examples {

/// What several say together: the weighted sum of their scores. Scores that are logarithms of probabilities, but for a
/// number that all candidates of an event have in common, make a product of experts; those of a softmax are. A
/// seqrec::EventScorer.
class Ensemble {
 public:
  /// Scores candidates of held-out events, on one thread.
  using Score = std::function<void(const seqrec::HeldOut& held_out, seqrec::index_t i,
                                   std::span<const seqrec::item_t> candidates, std::span<double> scores)>;
  /// Makes what one thread needs.
  using Member = std::function<Score()>;

  Ensemble(seqrec::index_t num_items, seqrec::Names names) : num_items_(num_items), names_(std::move(names)) {}

  void add(double weight, Member member) { members_.emplace_back(weight, std::move(member)); }
  seqrec::index_t num_items() const { return num_items_; }
  const seqrec::Names& names() const { return names_; }

  class Worker {
   public:
    explicit Worker(const Ensemble& ensemble) {
      for (const auto& [weight, member] : ensemble.members_) members_.emplace_back(weight, member());
    }
    void score(const seqrec::HeldOut& held_out, seqrec::index_t i, std::span<const seqrec::item_t> candidates,
               std::span<double> scores) {
      part_.resize(scores.size());
      std::fill(scores.begin(), scores.end(), 0.0);
      for (const auto& [weight, member] : members_) {
        member(held_out, i, candidates, part_);
        for (std::size_t c = 0; c < scores.size(); ++c) scores[c] += weight * part_[c];
      }
    }

   private:
    std::vector<std::pair<double, Score>> members_;
    std::vector<double> part_;
  };
  Worker worker() const { return Worker(*this); }

 private:
  seqrec::index_t num_items_;
  seqrec::Names names_;
  std::vector<std::pair<double, Member>> members_;
};

/// A trained model as a member.
template <class Model>
Ensemble::Member member_of(std::shared_ptr<const Model> model) {
  return [model]() -> Ensemble::Score {
    return [model, context = std::make_shared<typename Model::Context>()](
               const seqrec::HeldOut& held_out, seqrec::index_t i, std::span<const seqrec::item_t> candidates,
               std::span<double> scores) {
      const seqrec::KnownUser user{.features = seqrec::known_features(*held_out.data),
                                   .profile = static_cast<seqrec::user_t>(held_out.users.data()[i]),
                                   .times = held_out.times(i)};
      const auto found = seqrec::score(*model, *context, held_out.history(i), candidates, user);
      std::copy(found.begin(), found.end(), scores.begin());
    };
  };
}

/// Transition-kNN as a member: the logarithm of its scores and a floor, for what was never seen to follow.
inline Ensemble::Member member_of(std::shared_ptr<const seqrec::TransitionKnn> knn, double floor) {
  return [knn = std::move(knn), floor]() -> Ensemble::Score {
    return [knn, floor, all = std::vector<double>(static_cast<std::size_t>(knn->num_items()))](
               const seqrec::HeldOut& held_out, seqrec::index_t i, std::span<const seqrec::item_t> candidates,
               std::span<double> scores) mutable {
      knn->score(held_out.history(i), all);
      for (std::size_t c = 0; c < scores.size(); ++c)
        scores[c] = std::log(floor + all[static_cast<std::size_t>(candidates[c])]);
    };
  };
}

}  // namespace examples
