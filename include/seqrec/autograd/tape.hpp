// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <type_traits>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// What a forward pass is for.
enum class Mode {
  inference,  ///< no dropout, nothing recorded
  training,   ///< dropout, and a record for backward
};

/// A matrix that a forward pass computed, with the place of its gradient.
template <class Context>
class Variable {
 public:
  Variable() = default;

  matrix_of<Context> value() const { return value_; }
  index_t rows() const { return value_.rows(); }
  index_t columns() const { return value_.columns(); }
  explicit operator bool() const { return static_cast<bool>(value_); }

 private:
  template <class>
  friend class Tape;
  struct Slot {
    matrix_of<Context> gradient;  ///< null until the backward pass first reaches it
    bool taken_back = false;      ///< its memory holds another variable's by now
    Slot* next = nullptr;         ///< in a list of the tape's
  };

  matrix_of<Context> value_;
  Slot* slot_ = nullptr;  ///< null where nothing is recorded
};

/// The record of a forward pass: one node for each fused op, in the order of calls, which is a topological order.
///
/// A node is a function pointer and a trivially copyable capture (views and numbers) in the context's arena, so that
/// recording allocates nothing. Layers call an op and record its backward side by side:
///
///     Variable y = tape.variable(x.rows(), width);
///     ops::linear_forward(tape.context(), {...});
///     tape.record([=, this](Tape<Context>& t) {
///       if (auto dy = t.incoming(y)) ops::linear_backward(t.context(), {..., .dy = dy, .dx = t.gradient(x)});
///     });
///
/// The gradient rule is decided while the tape runs backwards: of all nodes that read a variable, the first that is
/// reached writes its gradient and later ones add. So a node asks for `gradient(x)` exactly once for each variable, and
/// only when it will fill it. Gradients of parameters always add.
///
/// The node that made a variable is the only one to ask for its `incoming` gradient, and the last that needs it: its
/// memory then goes to the gradient of an earlier variable, so that a backward pass works on a few matrices that stay
/// in cache.
///
/// A tape serves one shard: views end with the context's next begin_shard(). As long as it lives, its thread is the one
/// that uses the context.
template <class Context>
class Tape {
 public:
  /// @param loss_scale  of the batch (TrainingBatch), where layers may add losses of their own
  Tape(Context& context, Mode mode, double loss_scale = 0)
      : context_(context), use_(context.use()), mode_(mode), loss_scale_(loss_scale) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Context& context() const { return context_; }
  bool recording() const { return mode_ == Mode::training; }
  /// 1 / rows of the whole step: a layer that adds a loss sums it over its rows times this, so that shards and the
  /// batches of a step add up. 0 where there is no step, and nothing to add.
  double loss_scale() const { return loss_scale_; }

  /// A new variable (rows, columns), uninitialised.
  Variable<Context> variable(index_t rows, index_t columns) { return variable(context_.matrix(rows, columns)); }

  /// A variable over memory that the caller keeps alive until backward is done.
  Variable<Context> variable(matrix_of<Context> value) {
    Variable<Context> result;
    result.value_ = value;
    if (recording()) result.slot_ = new (context_.template bookkeeping<Slot>(1)) Slot{};
    return result;
  }

  /// The mask of the next drawing call; keeps everything in inference. A layer calls it once for each dropout it has,
  /// whatever the probability, so that sites count the same in every pass.
  Dropout dropout(double probability, index_t first_row) {
    const Dropout mask = context_.next_dropout(probability, first_row);
    return recording() ? mask : Dropout{};
  }

  /// A parameter's values as ops see them.
  template <int Rank>
  TensorView<const typename Context::Scalar, Rank, typename Context::Space> value(
      const Parameter<Context, Rank>& parameter) const {
    static_assert(
        std::is_same_v<typename Context::Scalar, typename Context::Master>,
        "seqrec: this context computes in another type than it keeps parameters in; it must keep a cast copy");
    return parameter.view();
  }

  /// Where a parameter's gradient is summed; null when nothing is recorded, or the context sums none.
  /// @throws ShapeError when the context sums those of a smaller model
  template <int Rank>
  TensorView<typename Context::Master, Rank, typename Context::Space> gradient(
      const Parameter<Context, Rank>& parameter) const {
    if (!recording()) return {};
    return parameter.gradient_in(context_);
  }

  /// Where a node leaves the gradient of a variable that it read. See the rule above.
  Gradient<Context> gradient(const Variable<Context>& variable) {
    Slot& slot = *variable.slot_;
    if (slot.gradient) return {slot.gradient, GradientMode::add};
    slot.gradient = matrix_for_gradient(variable.rows(), variable.columns());
    return {slot.gradient, GradientMode::write};
  }

  /// Leaves a finished matrix as, or adds it to, the gradient of a variable: for ops whose forward knows it already,
  /// and for nodes whose own incoming gradient it is. It is one variable's alone.
  void contribute(const Variable<Context>& variable, matrix_of<Context> gradient) {
    Slot& slot = *variable.slot_;
    for (Slot** other = &asked_; !slot.gradient && *other != nullptr;)  // it goes on living
      if ((*other)->gradient.data == gradient.data)
        *other = (*other)->next;
      else
        other = &(*other)->next;
    if (slot.gradient)
      ops::add(context_, Add<Context>{gradient, slot.gradient});
    else
      slot.gradient = gradient;
  }

  /// The gradient that arrived at a variable; null if no node reached it, which makes its own node nothing to do. Valid
  /// until that node is done.
  /// @throws ArgumentError when it was asked for by a node before
  matrix_of<Context> incoming(const Variable<Context>& variable) {
    Slot& slot = *variable.slot_;
    if (slot.taken_back)
      throw ArgumentError(
          "Tape: the incoming gradient of a variable was asked for by two nodes, expected one: that which "
          "made the variable");
    if (running_ && slot.gradient) {
      slot.next = asked_;
      asked_ = &slot;
    }
    return slot.gradient;
  }

  /// Adds a node. Its captures must be views and numbers. Nothing happens in inference.
  template <class Backward>
  void record(Backward backward) {
    static_assert(std::is_trivially_copyable_v<Backward> && std::is_trivially_destructible_v<Backward>,
                  "seqrec: a tape node may capture views and numbers only; capture .value() or a Variable instead");
    if (!recording()) return;
    struct Stored : Node {
      Backward backward;
    };
    static_assert(alignof(Stored) <= memory_alignment);
    auto* node = new (context_.template bookkeeping<Stored>(1)) Stored{{nullptr, last_}, backward};
    node->run = [](Tape& tape, const Node& self) { static_cast<const Stored&>(self).backward(tape); };
    last_ = node;
  }

  /// Runs the record backwards, once.
  void backward() {
    running_ = true;
    for (const Node* node = last_; node != nullptr; node = node->previous) {
      node->run(*this, *node);
      take_back();
    }
    running_ = false;
    last_ = nullptr;
  }

 private:
  using Slot = typename Variable<Context>::Slot;
  struct Node {
    void (*run)(Tape&, const Node&);
    const Node* previous;
  };

  /// Takes back the memory of what the node that has just run was asked by.
  void take_back() {
    while (asked_ != nullptr) {
      Slot* const slot = asked_;
      asked_ = slot->next;
      if (slot->taken_back) continue;  // asked for twice by its node
      slot->taken_back = true;
      slot->next = free_;
      free_ = slot;
    }
  }

  /// Memory that was taken back, if there is some of this size, or else new.
  matrix_of<Context> matrix_for_gradient(index_t rows, index_t columns) {
    for (Slot** slot = &free_; *slot != nullptr; slot = &(*slot)->next)
      if (const auto matrix = (*slot)->gradient; matrix.size() == rows * columns && matrix.stride == matrix.columns()) {
        *slot = (*slot)->next;
        return {matrix.data, rows, columns};
      }
    return context_.matrix(rows, columns);
  }

  Context& context_;
  [[no_unique_address]] typename Context::Use use_;
  Mode mode_;
  double loss_scale_;
  const Node* last_ = nullptr;
  bool running_ = false;
  Slot* asked_ = nullptr;  ///< by the node that runs
  Slot* free_ = nullptr;   ///< their memory waits for another gradient
};

}  // namespace seqrec
