// SPDX-License-Identifier: Apache-2.0
// What the tests of static encoders have in common.
#pragma once

#include <cstddef>
#include <vector>

#include "seqrec/autograd/gradient_check.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

namespace seqrec_test {

/// The states of all rows of a batch, one after the other.
template <class Model>
std::vector<double> encode(const Model& model, const ToyBatch& batch) {
  DoubleContext context;
  context.begin_step(1, 1);
  seqrec::Tape<DoubleContext> tape(context, seqrec::Mode::inference);
  const auto states = model.encode(tape, batch.histories()).value();
  return {states.data, states.data + states.size()};
}
/// Those of one history.
template <class Model>
std::vector<double> encode(const Model& model, const std::vector<item_t>& history) {
  return encode(model, ToyBatch({{history, history}}, static_cast<int>(model.num_items()), 0));
}

/// All gradients of a batch, made by a team.
template <class Model>
std::vector<double> gradients_of(Model& model, const seqrec::NextItem& objective, const auto& batch,
                                 const seqrec::TeamOptions& options) {
  auto& parameters = model.parameters();
  DoubleContext::Team team(parameters.size(), options);
  compute_gradients(team, model, objective, batch, 3, 5);
  return {team.gradients().data, team.gradients().data + parameters.size()};
}

/// Users of a model's batch: with times, where it reads them.
template <class Model>
std::vector<ToyUser> users_for(const Model& model, const std::vector<ToyUser>& users) {
  return seqrec::times_option(model) != nullptr ? with_times(users) : users;
}

/// Checks that a history's states have the same bits alone and in a batch, empty histories among it, and that a shorter
/// way to the last of them finds it.
/// @param longest  of the histories   @return the users of the batch
template <class Model>
std::vector<ToyUser> check_states_are_those_of_users_alone(const Model& model, int longest) {
  const int items = static_cast<int>(model.num_items());
  auto users = users_for(model, toy_users({5, 0, 1, longest, 2, 17, 0, 8, 1}, items, 0, 3));
  const std::vector<double> together = encode(model, ToyBatch(users, items, 0));
  std::vector<double> alone;
  for (const ToyUser& user : users) {
    const auto states = encode(model, ToyBatch({user}, items, 0));
    alone.insert(alone.end(), states.begin(), states.end());
  }
  CHECK(together == alone);
  if constexpr (seqrec::EncodesLast<Model>) {
    const ToyBatch batch(users, items, 0);
    const auto width = std::ssize(together) / batch.histories().rows();
    DoubleContext context;
    seqrec::Tape<DoubleContext> tape(context, seqrec::Mode::inference);
    const auto last = model.encode_last(tape, batch.histories()).value();
    CHECK(last.rows() == std::ssize(users));
    std::vector<double> found(last.data, last.data + last.size()), expected;
    for (index_t user = 0; user < batch.histories().users(); ++user) {
      const index_t end = batch.histories().offsets()(user + 1);
      if (end == batch.histories().offsets()(user))
        expected.insert(expected.end(), static_cast<std::size_t>(width), 0.0);
      else
        expected.insert(expected.end(), together.begin() + (end - 1) * width, together.begin() + end * width);
    }
    CHECK(found == expected);  // to the last bit
  }
  return users;
}

/// The same, and that each state is that of its prefix.
template <class Model>
void check_states_are_those_of_prefixes(const Model& model, int longest) {
  const auto users = check_states_are_those_of_users_alone(model, longest);
  const std::vector<item_t>& history = users[5].history;
  const std::vector<double> states = encode(model, history);
  const auto width = std::ssize(states) / std::ssize(history);
  for (std::ptrdiff_t length = 1; length <= std::ssize(history); ++length) {
    const auto prefix = encode(model, {history.begin(), history.begin() + length});
    CAPTURE(length);
    CHECK(std::vector<double>(states.begin() + width * (length - 1), states.begin() + width * length) ==
          std::vector<double>(prefix.end() - width, prefix.end()));
  }
}

/// Central differences of a model's loss on a batch that is cut, with dropout where the model has it.
/// @param objective  with two negatives, or none   @param worst  relative deviation allowed
template <class Model>
void check_loss_gradients(Model& model, const seqrec::NextItem& objective, double worst) {
  constexpr int negatives = 2;
  const int items = static_cast<int>(model.num_items());
  const ToyBatch batch(users_for(model, toy_users({6, 3, 1, 0, 2}, items, negatives, 5)), items, negatives, {1, 3});
  auto& parameters = model.parameters();
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const auto loss = [&] { return seqrec::compute_gradients(team, model, objective, batch, 21, 4); };
  loss();
  const seqrec::GradientCheck check = seqrec::check_gradients(parameters, team.gradients(), loss);
  INFO(check.text());
  CHECK(check.elements == parameters.num_elements());
  CHECK(check.worst < worst);
}

}  // namespace seqrec_test
