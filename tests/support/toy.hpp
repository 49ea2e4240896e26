// SPDX-License-Identifier: Apache-2.0
// Small batches, random parameters and layer probes for the tests of everything above the ops.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "seqrec/autograd/gradient_check.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/batches/training_batch.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace seqrec_test {

using seqrec::index_t, seqrec::item_t;

using DoubleContext = seqrec::cpu::BasicContext<double>;

/// Overwrites a model's parameters with normal numbers: constants (biases, norm gains) lie around their constant, so
/// that none is where training starts it and a mistake in any of them shows.
template <class Context>
void randomise(seqrec::ParameterStore<Context>& parameters, std::uint64_t seed, double deviation = 0.3) {
  seqrec::RandomStream random(seed, seqrec::Purpose::initial_weights, 0);
  for (const seqrec::ParameterEntry& entry : parameters.entries()) {
    const bool constant = entry.initialiser.kind == seqrec::Initialiser::Kind::constant;
    const auto values = parameters.values(entry);
    for (index_t i = 0; i < entry.size(); ++i)
      values(i) = static_cast<typename Context::Master>((constant ? entry.initialiser.scale : 0.0) +
                                                        deviation * random.normal());
  }
}
/// Of a model, or of a probe that offers the same.
template <class Model>
void randomise(Model& model, std::uint64_t seed, double deviation = 0.3) {
  randomise(model.parameters(), seed, deviation);
}

/// Parameters as lines of "name extent extent".
template <class Context>
std::string shown_parameters(const seqrec::ParameterStore<Context>& parameters) {
  std::string shown;
  for (const seqrec::ParameterEntry& entry : parameters.entries()) {
    shown += entry.name;
    for (const index_t extent : entry.shape) shown += " " + std::to_string(extent);
    shown += "\n";
  }
  return shown;
}
/// Those of a model, or of a probe that offers the same.
template <class Model>
std::string shown_parameters(const Model& model) {
  return shown_parameters(model.parameters());
}

/// What a layer is tested in: a store for its parameters, the layer at its top, and what may be parameters beside it.
/// Derive, make the rest of the parameters in `store.scope()`, and end the constructor with `finish()`.
template <class Context>
class LayerProbe {
 public:
  seqrec::ParameterStore<Context>& parameters() { return store; }
  const seqrec::ParameterStore<Context>& parameters() const { return store; }

 protected:
  seqrec::ParameterStore<Context> store;
  /// Fixes the layout and draws the layer's own initial values.
  void finish(std::uint64_t seed = 1) { store.initialise(seqrec::InitialValues::drawn, seed); }
};

/// One user of a toy batch.
struct ToyUser {
  std::vector<item_t> history;
  std::vector<item_t> next;              ///< (length, 1 + negatives)
  std::vector<std::int64_t> times = {};  ///< (length), or none for all users
};

/// Users with histories of these lengths (0 is allowed), all items random.
inline std::vector<ToyUser> toy_users(const std::vector<int>& lengths, int items, int negatives, std::uint64_t seed) {
  seqrec::RandomStream random(seed, seqrec::Purpose::synthetic_data, 0);
  std::vector<ToyUser> users(lengths.size());
  const auto draw = [&](std::vector<item_t>& into, int count) {
    for (int i = 0; i < count; ++i)
      into.push_back(static_cast<item_t>(random.below(static_cast<std::uint32_t>(items))));
  };
  for (std::size_t user = 0; user < lengths.size(); ++user) {
    draw(users[user].history, lengths[user]);
    draw(users[user].next, lengths[user] * (1 + negatives));
  }
  return users;
}

/// The same users with times: some events at the same second, others up to months apart.
inline std::vector<ToyUser> with_times(std::vector<ToyUser> users) {
  std::int64_t time = 900'000'000;
  for (ToyUser& user : users)
    for (std::size_t i = 0; i < user.history.size(); ++i)
      user.times.push_back(time += i % 3 == 1 ? 0 : std::int64_t{1} << (7 * (i + user.history.size()) % 23));
  return users;
}

/// A training batch of users in the order given, with shards cut before the users in `cuts`. Is to a team what a
/// HostTrainingBatch is.
class ToyBatch {
 public:
  using Space = seqrec::HostSpace;

  /// @param window most history rows that a candidate sees
  ToyBatch(const std::vector<ToyUser>& users, int items, int negatives, const std::vector<std::size_t>& cuts = {},
           index_t window = 1000)
      : batch_({.num_items = items, .max_length = 1000000},
               {.negatives = negatives, .clicks = true, .times = have_times(users)}, window) {
    std::vector<std::vector<item_t>> targets(users.size());
    std::vector<seqrec::TrainingUser> parts;
    for (std::size_t user = 0; user < users.size(); ++user) {
      const ToyUser& of = users[user];
      for (std::size_t row = 0; row < of.history.size(); ++row)
        targets[user].push_back(of.next[row * static_cast<std::size_t>(1 + negatives)]);
      parts.push_back({static_cast<index_t>(user), of.history, targets[user], of.times});
    }
    const std::vector<index_t> before(cuts.begin(), cuts.end());
    batch_.pack_as_given(parts, before, Given{users});
  }

  index_t rows() const { return batch_.num_targets(); }
  index_t num_shards() const { return batch_.num_shards(); }
  seqrec::TrainingBatch<Space> shard(index_t i) const { return batch_.shard(i); }
  /// The histories of a batch that was not cut.
  seqrec::Batch<Space> histories() const { return shard(0).histories; }

 private:
  static bool have_times(const std::vector<ToyUser>& users) {
    return std::any_of(users.begin(), users.end(), [](const ToyUser& user) { return !user.times.empty(); });
  }

  /// Negatives that the users bring along.
  struct Given {
    const std::vector<ToyUser>& users;

    void draw(index_t user, seqrec::MatrixView<item_t, Space> negatives) const {
      const std::vector<item_t>& next = users[static_cast<std::size_t>(user)].next;
      const index_t columns = 1 + negatives.columns();
      for (index_t row = 0; row < negatives.rows(); ++row)
        for (index_t column = 0; column < negatives.columns(); ++column)
          negatives(row, column) = next[static_cast<std::size_t>(row * columns + 1 + column)];
    }
    void draw_in_batch(std::span<const index_t>, std::span<const seqrec::offset_t>,
                       seqrec::MatrixView<item_t, Space>) const {}
    void draw_shared(seqrec::VectorView<item_t, Space>) const {}  // nobody shares
    void choose(std::span<const item_t>, seqrec::VectorView<item_t, Space>) const {}
  };

  seqrec::HostTrainingBatch batch_;
};

/// A parameter as the start of a computation: what arrives at the variable becomes the parameter's gradient.
template <class Context>
seqrec::Variable<Context> leaf(seqrec::Tape<Context>& tape, const seqrec::MatrixParameter<Context>& parameter) {
  const auto value = parameter.view();
  const auto x = tape.variable(value.rows(), value.columns());
  std::copy_n(value.data, value.size(), x.value().data);
  const auto dparameter = tape.gradient(parameter);
  tape.record([x, dparameter](seqrec::Tape<Context>& t) {
    if (const auto dx = t.incoming(x)) seqrec::ops::add(t.context(), seqrec::Add<Context>{dx, dparameter});
  });
  return x;
}

/// Ends a computation: adds the sum of y's elements, each times `dy` at its place, to the loss.
template <class Context>
void weigh(seqrec::Tape<Context>& tape, seqrec::Variable<Context> y,
           seqrec::MatrixView<const typename Context::Scalar, seqrec::HostSpace> dy) {
  const auto weights = tape.context().matrix(y.rows(), y.columns());
  double loss = 0;
  for (index_t row = 0; row < y.rows(); ++row)
    for (index_t column = 0; column < y.columns(); ++column) {
      weights(row, column) = dy(row, column);
      loss += static_cast<double>(y.value()(row, column) * dy(row, column));
    }
  tape.context().add_loss(loss);
  tape.record([y, weights](seqrec::Tape<Context>& t) { t.contribute(y, weights); });
}

/// The same with weights that are no two alike.
template <class Context>
void weigh(seqrec::Tape<Context>& tape, seqrec::Variable<Context> y) {
  const auto dy = tape.context().matrix(y.rows(), y.columns());
  for (index_t row = 0; row < y.rows(); ++row)
    for (index_t column = 0; column < y.columns(); ++column)
      dy(row, column) = std::sin(1.3 * static_cast<double>(row) + 0.7 * static_cast<double>(column) + 1.0);
  weigh(tape, y, seqrec::MatrixView<const typename Context::Scalar, seqrec::HostSpace>(dy));
}

/// Runs `probe(tape)` forward and backward; the gradients stay in the context. The masks are those of one fixed step.
/// @return the loss
template <class Context, class Probe>
double record_and_run(Context& context, const Probe& probe) {
  context.begin_step(11, 3);
  context.begin_shard();
  seqrec::Tape<Context> tape(context, seqrec::Mode::training);
  probe(tape);
  tape.backward();
  return context.loss();
}

/// Where a context sums the gradient of one element of a model.
template <class Context>
typename Context::Master& gradient_element(Context& context, const seqrec::ParameterStore<Context>& parameters,
                                           seqrec::index_t element) {
  for (const seqrec::ParameterEntry& entry : parameters.entries())
    if (entry.elements().holds({element, 1})) return context.gradient({element, 1}, entry.block)(0);
  throw seqrec::ArgumentError("gradient_element: no parameter has it");
}

/// Central differences against the tape for all parameters of a probe: a model with `parameters()` and an
/// `operator()(tape)` that ends in a loss.
template <class Probe>
seqrec::GradientCheck check_probe(Probe& probe, const seqrec::GradientCheckOptions& options = {}) {
  seqrec::ParameterStore<DoubleContext>& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  record_and_run(context, probe);
  return seqrec::check_gradients(
      parameters, seqrec::VectorView<const double, seqrec::HostSpace>(context.gradients()),
      [&] { return record_and_run(context, probe); }, options);
}

/// The largest difference between two arrays, relative to the largest element expected; NaN if there is one, infinite
/// if sizes differ.
inline double deviation(std::span<const double> actual, std::span<const double> expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double here = std::abs(actual[i] - expected[i]);
    if (std::isnan(here)) return here;
    difference = std::max(difference, here);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return largest > 0 ? difference / largest : difference;
}
/// Of a dense view.
template <class Scalar, int Rank>
double deviation(seqrec::TensorView<Scalar, Rank, seqrec::HostSpace> actual, std::span<const double> expected) {
  return deviation(std::span<const double>(actual.data, static_cast<std::size_t>(actual.size())), expected);
}
template <class Scalar, int Rank>
double deviation(seqrec::TensorView<Scalar, Rank, seqrec::HostSpace> actual, const Matrix& expected) {
  return deviation(actual, std::span<const double>(expected.values));
}

/// Overwrites a parameter; `values` must have its shape.
template <class Context, int Rank>
void fill(seqrec::Parameter<Context, Rank>& parameter, const Matrix& values) {
  const auto view = parameter.view();
  REQUIRE((Rank == 1 ? index_t{1} : view.rows()) == values.rows);
  REQUIRE(view.size() == values.size());
  std::copy(values.values.begin(), values.values.end(), view.data);
}

/// A golden matrix as a view.
inline seqrec::MatrixView<const double, seqrec::HostSpace> view_of(const Matrix& matrix) {
  return {matrix.values.data(), matrix.rows, matrix.columns};
}

}  // namespace seqrec_test
