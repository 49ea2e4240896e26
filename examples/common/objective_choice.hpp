// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "common/command_line.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"

namespace examples {

/// What is learned, as --objective names it.
enum class Task { next_item, click };
constexpr std::array<const char*, 2> names_of(Task) { return {"next-item", "click"}; }

/// The losses of seqrec::NextItem, as --loss names them.
enum class Loss { bce, softmax, bpr, gbce, sampled_softmax, info_nce };
constexpr std::array<const char*, 6> names_of(Loss) {
  return {"bce", "softmax", "bpr", "gbce", "sampled-softmax", "info-nce"};
}

/// What a program is told of its objective.
struct ObjectiveChoice {
  Task task = Task::next_item;
  Loss loss = Loss::bce;
  seqrec::index_t negatives = 1;
  seqrec::NegativeSampling sampling{};
  bool seen_negatives = false;
  double calibration = seqrec::GeneralisedBinaryCrossEntropy{}.calibration;
  double temperature = 1;
};

/// Declares --objective, --loss and what goes with them. @param choice holds the defaults and must outlive the parsing
void add_objective_options(CommandLine& line, ObjectiveChoice& choice);

/// The objective that was chosen, of either kind.
/// @throws seqrec::ArgumentError when an option was given that the task or the loss has no use for
seqrec::NextItem next_item_objective(const CommandLine& line, const ObjectiveChoice& choice);
seqrec::Click click_objective(const CommandLine& line, const ObjectiveChoice& choice);

/// Calls run(objective) with the one that was chosen.
template <class Run>
void with_objective(const CommandLine& line, const ObjectiveChoice& choice, Run&& run) {
  if (choice.task == Task::click)
    run(click_objective(line, choice));
  else
    run(next_item_objective(line, choice));
}

}  // namespace examples
