// SPDX-License-Identifier: Apache-2.0
#include "common/walks.hpp"

#include <cstddef>
#include <string>

#include "seqrec/core/random.hpp"
#include "seqrec/data/readers/interactions.hpp"

namespace examples {

using seqrec::index_t;

namespace {

/// Probabilities of steps of 1, 2, ..., without jumps.
std::vector<double> step_probabilities(const WalkOptions& options) {
  std::vector<double> steps;
  double weight = 1, total = 0;
  for (index_t k = 0; k < options.reach; ++k, weight *= options.shorter) {
    steps.push_back(weight);
    total += weight;
  }
  for (double& step : steps) step /= total;
  return steps;
}

}  // namespace

seqrec::Dataset walks(const WalkOptions& options) {
  const std::vector<double> steps = step_probabilities(options);
  constexpr std::int64_t begin = 1700000000, day = 86400;
  seqrec::Interactions rows;
  for (index_t user = 0; user < options.users; ++user) {
    seqrec::RandomStream random(options.seed, seqrec::Purpose::synthetic_data, static_cast<std::uint64_t>(user));
    const auto below = [&](index_t bound) {
      return static_cast<index_t>(random.below(static_cast<std::uint32_t>(bound)));
    };
    std::int64_t time = begin + below(30 * day);
    for (index_t session = 0; session < options.sessions; ++session, time += day + below(10 * day)) {
      const bool up = random.uniform() < options.forward;
      index_t place = below(options.items);
      for (index_t left = 2 + below(options.most_events - 1); left > 0; --left, time += 10 + below(100)) {
        rows.add(user, place, time);
        if (random.uniform() < options.jumps) {
          place = below(options.items);
          continue;
        }
        double rest = random.uniform();
        index_t k = 1;
        for (; k < options.reach && rest >= steps[static_cast<std::size_t>(k - 1)]; ++k)
          rest -= steps[static_cast<std::size_t>(k - 1)];
        place = (place + (up ? k : options.items - k)) % options.items;
      }
    }
  }
  return seqrec::build_dataset("walks", rows);
}

WalkOracle::WalkOracle(const seqrec::Dataset& data, const WalkOptions& options)
    : options_(options), steps_(step_probabilities(options)) {
  for (index_t item = 0; item < data.num_items(); ++item)
    places_.push_back(std::stol(std::string(data.item_ids[item])));
}

double WalkOracle::step(index_t from, index_t to, bool up) const {
  const index_t distance = (up ? to - from : from - to) + options_.items;
  const auto k = static_cast<std::size_t>(distance % options_.items);
  const double walked = k >= 1 && k <= steps_.size() ? steps_[k - 1] : 0;
  return (1 - options_.jumps) * walked + options_.jumps / static_cast<double>(options_.items);
}

void WalkOracle::score(std::span<const seqrec::item_t> history, std::span<double> scores) const {
  const auto place = [&](seqrec::item_t item) { return places_[static_cast<std::size_t>(item)]; };
  double up = options_.forward, down = 1 - options_.forward;
  for (std::size_t event = 1; event < history.size(); ++event) {
    up *= step(place(history[event - 1]), place(history[event]), true);
    down *= step(place(history[event - 1]), place(history[event]), false);
    const double both = up + down;
    up /= both;
    down /= both;
  }
  for (std::size_t item = 0; item < scores.size(); ++item)
    scores[item] = history.empty() ? 0
                                   : up * step(place(history.back()), places_[item], true) +
                                         down * step(place(history.back()), places_[item], false);
}

}  // namespace examples
