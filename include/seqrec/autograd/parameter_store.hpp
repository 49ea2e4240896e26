// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/draw_values.hpp"
#include "seqrec/autograd/figures.hpp"
#include "seqrec/autograd/parameter.hpp"
#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/autograd/parameter_updates.hpp"

namespace seqrec {

/// All values of a model's parameters: one contiguous buffer, aligned to cache lines, with a name, a shape and a role
/// for each part. Gradients, moments, averages and checkpoints are addressed by the same offsets and names.
///
/// A model declares it before its layers, hands each a scope of it, and ends its constructor with `initialise`:
///
///     ParameterStore<Context> parameters_;
///     Linear<Context> hidden_{parameters_.scope("hidden"), 8, 4};
///     Model() { parameters_.initialise(InitialValues::drawn, seed); }
///
/// Nothing changes the layout afterwards. Parameters of one role lie together, each on a cache line of its own; what is
/// between them is zero. The model may move.
template <class Context>
class ParameterStore {
 public:
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  ParameterStore() : storage_(std::make_unique<detail::ParameterStorage<Context>>()) {}
  ParameterStore(ParameterStore&&) noexcept = default;
  ParameterStore& operator=(ParameterStore&&) noexcept = default;

  /// Where a layer's parameters are named "name. ...".
  ParameterScope<Context> scope(std::string name) { return ParameterScope<Context>(*this, std::move(name) + "."); }
  /// Where parameters have the names that they are given.
  ParameterScope<Context> scope() { return ParameterScope<Context>(*this, ""); }

  /// Fixes the layout, and, unless `begin` is `none`, takes the memory and draws the initial values. Each parameter has
  /// a stream of its own, named by a hash of its name, so that adding a layer does not change how the others begin.
  /// Values are drawn in double on the host.
  /// @throws ArgumentError when it was done before, or naming a statistic that nobody moves after a step
  void initialise(InitialValues begin, std::uint64_t seed) {
    lay_out();
    if (begin == InitialValues::none) return;
    allocate();
    if (begin == InitialValues::zero) return;
    const std::vector<Master> values = detail::draw_values<Master>(entries(), size_, seed);
    storage_->values.copy_from_host(values.data());
  }

  /// Takes the memory, all zero, of a model that was made with InitialValues::none.
  /// @throws ArgumentError when the layout is still open
  void allocate() {
    if (!laid_out_) throw ArgumentError("parameters.allocate: the layout is still open, expected initialise before it");
    storage_->values = Tensor<Master, 1, Space>(size_);
    storage_->has_memory = true;
  }

  /// Elements of all parameters together, with what is between them.
  index_t size() const { return size_; }
  /// Elements of all parameters together, without it: what a paper would count.
  index_t num_elements() const {
    index_t sum = 0;
    for (const ParameterEntry& entry : entries()) sum += entry.size();
    return sum;
  }

  /// Every parameter, in the order in which layers made them.
  const std::vector<ParameterEntry>& entries() const { return storage_->entries; }

  /// (size) All values.
  VectorView<Master, Space> values() { return storage_->values.view(); }
  VectorView<const Master, Space> values() const { return std::as_const(storage_->values).view(); }
  /// Those of one parameter.
  VectorView<Master, Space> values(const ParameterEntry& entry) {
    return values().row_range(entry.offset, entry.size());
  }
  VectorView<const Master, Space> values(const ParameterEntry& entry) const {
    return values().row_range(entry.offset, entry.size());
  }

  /// All values, on the host, as they lie in the store.
  std::vector<Master> to_host() const { return storage_->values.to_host(); }
  /// The same back.   @throws ShapeError unless there are as many
  void copy_from_host(const std::vector<Master>& values) {
    check_extent("parameters.copy_from_host", "number of values", std::ssize(values), size_);
    storage_->values.copy_from_host(values.data());
  }

  /// Moves every statistic by what the step left, after the optimiser has moved the weights.
  /// @param gradients (size) all of them, or gradients(entry): where a parameter's lie
  /// @param ranges  of this store: those frozen stay   @param outcome (1) of the step, or null
  template <class Gradients = VectorView<const Master, Space>>
  void update_statistics(Context& context, const Gradients& gradients, const ParameterRanges& ranges,
                         VectorView<const StepOutcome, Space> outcome = {}) {
    for (auto& update : statistics_) {
      update.parts.clear();
      for (const std::size_t number : update.numbers) {
        const ParameterEntry& entry = entries()[number];
        if (ranges.is_frozen(entry)) break;
        update.parts.push_back({values(entry), detail::elements_of(gradients, entry), outcome});
      }
      if (update.parts.size() == update.numbers.size()) update.what(context, update.parts);
    }
  }

  /// Makes up every composed parameter anew: after those that it is made of have moved.
  void compose(Context& context) {
    for (auto& update : compositions_) update.what.compose(context, parts_of(update, values()));
  }
  /// Adds the gradients of composed parameters to those of the ones that they are made of: before anything reads these.
  /// @param gradients (size) all of them, or gradients(entry): where a parameter's lie
  template <class Gradients>
  void hand_on_gradients(Context& context, const Gradients& gradients) {
    for (auto& update : compositions_) update.what.hand_on(context, parts_of(update, gradients));
  }

  /// What the layers show of their statistics, for logs; none where no layer has any.
  std::vector<Figure> figures() const { return figures_.all(entries(), values()); }

 private:
  friend class ParameterScope<Context>;
  using Composing = detail::ParameterUpdate<Composition<Context>, VectorView<Master, Space>>;

  /// Where parameters lie in an array of all elements.
  template <class All>
  ComposedParts<Context> parts_of(Composing& update, const All& all) const {
    update.parts.clear();
    for (const std::size_t number : update.numbers) update.parts.push_back(detail::elements_of(all, entries()[number]));
    return update.parts;
  }

  std::size_t add(ParameterEntry entry) {
    if (laid_out_)
      throw ArgumentError(concatenate(entry.name,
                                      ": comes after the layout was fixed, expected all parameters before "
                                      "parameters.initialise(...)"));
    detail::check_extents(entry);
    for (const ParameterEntry& other : entries())
      if (other.name == entry.name) throw ArgumentError(entry.name + ": two parameters have this name, expected one");
    storage_->entries.push_back(std::move(entry));
    return entries().size() - 1;
  }

  void lay_out() {
    if (std::exchange(laid_out_, true)) throw ArgumentError("parameters.initialise: called again, expected once");
    check_statistics();
    size_ = detail::lay_out(storage_->entries, memory_alignment / sizeof(Master));
  }

  void check_statistics() const {
    std::vector<bool> moved(entries().size(), false);
    for (const auto& update : statistics_)
      for (const std::size_t number : update.numbers) moved[number] = true;
    for (std::size_t i = 0; i < entries().size(); ++i)
      if (entries()[i].role == ParameterRole::statistic && !moved[i])
        throw ArgumentError(entries()[i].name +
                            ": is a statistic that nobody moves, expected its layer to call moved_after_step");
  }

  std::unique_ptr<detail::ParameterStorage<Context>> storage_;
  std::vector<detail::ParameterUpdate<StatisticUpdate<Context>, StatisticStep<Context>>> statistics_;
  std::vector<Composing> compositions_;
  detail::Figures figures_;
  index_t size_ = 0;
  bool laid_out_ = false;
};

/// Where a layer makes its parameters: a place in a ParameterStore with the beginning of their names. Passed by value.
template <class Context>
class ParameterScope {
 public:
  /// Where a layer inside this one makes its own.
  ParameterScope operator/(const std::string& name) const { return {*store_, prefix_ + name + "."}; }
  ParameterScope operator/(std::size_t number) const { return *this / std::to_string(number); }

  MatrixParameter<Context> matrix(const std::string& name, index_t rows, index_t columns, Initialiser begin) const {
    return {store_->storage_.get(), add(name, {rows, columns}, begin, ParameterRole::weight), {rows, columns}};
  }
  /// A matrix whose rows are looked up by number.
  MatrixParameter<Context> table(const std::string& name, index_t rows, index_t columns, Initialiser begin) const {
    return {store_->storage_.get(), add(name, {rows, columns}, begin, ParameterRole::table), {rows, columns}};
  }
  VectorParameter<Context> vector(const std::string& name, index_t size, Initialiser begin) const {
    return {store_->storage_.get(), add(name, {size}, begin, ParameterRole::weight), {size}};
  }
  /// A vector whose elements are looked up by number: a table of rows of one.
  VectorParameter<Context> table(const std::string& name, index_t rows, Initialiser begin) const {
    return {store_->storage_.get(), add(name, {rows}, begin, ParameterRole::table), {rows}};
  }
  /// A vector that no optimiser moves; the layer says who does, by `moved_after_step`.
  VectorParameter<Context> statistic(const std::string& name, index_t size, Initialiser begin) const {
    return {store_->storage_.get(), add(name, {size}, begin, ParameterRole::statistic), {size}};
  }

  /// Says how statistics move after each step.
  /// @throws ArgumentError for a parameter that is none, or that the optimiser moves
  template <class... Statistics>
  void moved_after_step(StatisticUpdate<Context> move, const Statistics&... statistics) const {
    (check_statistic(statistics), ...);
    store_->statistics_.push_back({{statistics.number_...}, std::move(move)});
  }

  /// A matrix that is made up from parameters of the store.
  /// @param of  the first has its shape and is where it begins, until it is composed for the first time
  template <class... Others>
  MatrixParameter<Context> composed(const std::string& name, Composition<Context> how,
                                    const MatrixParameter<Context>& of, const Others&... others) const {
    const std::string& begins_as = of.home_->entries[of.number_].name;
    const std::size_t number = store_->add(
        {prefix_ + name, {of.rows(), of.columns()}, Initialiser::constant(0), ParameterRole::composed, -1, begins_as});
    store_->compositions_.push_back({{number, of.number_, others.number_...}, std::move(how)});
    return {store_->storage_.get(), number, {of.rows(), of.columns()}};
  }

  /// Says what logs show of statistics, under names that begin as those of the scope.
  template <class... Statistics>
  void shown(FigureSource source, const Statistics&... statistics) const {
    (check_statistic(statistics), ...);
    store_->figures_.add(prefix_, {statistics.number_...}, std::move(source));
  }

 private:
  friend class ParameterStore<Context>;
  ParameterScope(ParameterStore<Context>& store, std::string prefix) : store_(&store), prefix_(std::move(prefix)) {}

  std::size_t add(const std::string& name, std::vector<index_t> shape, Initialiser begin, ParameterRole role) const {
    return store_->add({prefix_ + name, std::move(shape), begin, role});
  }

  static void check_statistic(const VectorParameter<Context>& parameter) {
    if (!parameter) throw ArgumentError("moved_after_step: a parameter is none, expected a statistic");
    const ParameterEntry& entry = parameter.home_->entries[parameter.number_];
    if (entry.role != ParameterRole::statistic)
      throw ArgumentError(entry.name + ": the optimiser moves it, expected a statistic for moved_after_step");
  }

  ParameterStore<Context>* store_;
  std::string prefix_;
};

}  // namespace seqrec
