// SPDX-License-Identifier: Apache-2.0
#include "common/popularity.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include "seqrec/data/item_set.hpp"

namespace examples {

seqrec::RankingResult evaluate_popularity(const seqrec::Split& split, const seqrec::HeldOut& held_out,
                                          const seqrec::CandidateLists* candidates) {
  std::vector<seqrec::index_t> count(static_cast<std::size_t>(split.data->num_items()), 0);
  for (seqrec::index_t user = 0; user < split.data->num_users(); ++user)
    for (const seqrec::item_t item : split.train_history(user)) ++count[static_cast<std::size_t>(item)];

  seqrec::RankingMetrics metrics;
  seqrec::ItemSet left_out(split.data->num_items());
  std::vector<double> others;
  for (seqrec::index_t i = 0; i < held_out.size(); ++i) {
    const seqrec::item_t target = held_out.targets[static_cast<std::size_t>(i)];
    const auto score = [&](seqrec::item_t item) { return static_cast<double>(count[static_cast<std::size_t>(item)]); };
    others.clear();
    if (candidates != nullptr) {
      for (const seqrec::item_t item : candidates->negatives(i)) others.push_back(score(item));
    } else {
      left_out.clear();
      left_out.insert(held_out.history(i));
      left_out.insert(target);
      for (seqrec::index_t item = 0; item < split.data->num_items(); ++item)
        if (!left_out.contains(static_cast<seqrec::item_t>(item)))
          others.push_back(score(static_cast<seqrec::item_t>(item)));
    }
    metrics.add(seqrec::average_rank_among(score(target), std::span<const double>(others)),
                static_cast<seqrec::index_t>(others.size()) + 1);
  }
  return metrics.result();
}

}  // namespace examples
