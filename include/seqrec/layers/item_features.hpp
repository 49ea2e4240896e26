// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/layers/embedding.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/embedding_bag.hpp"

namespace seqrec {

/// What is known of a catalogue's items, as part of their vectors: z_v = e_v + sum of c_t over the categories t of item
/// v. The item tower of a two-tower model, and all that a model needs to read features of items: whoever embeds a
/// history or scores an item looks z up as he would look up any table.
///
/// Vectors are made up once a step, not once a row (ParameterRole::composed), and lie in checkpoints: who serves a
/// model needs no features. Categories begin with zeros, so that a model begins as one without features.
template <class Context>
class ItemFeatures {
 public:
  /// @param items V   @param categories T; 0 for a model that reads none
  ItemFeatures(index_t items, index_t categories)
      : items_(items), categories_(categories), known_(std::make_shared<Known>()) {}

  /// A table of item vectors: `weight`, and, where there are categories, what it is made of, `own` and `categories`.
  /// @return (V, D)
  Embedding<Context> vectors(ParameterScope<Context> scope, index_t width, Initialiser begin) const {
    if (categories_ == 0) return {scope, items_, width, begin};
    const auto own = scope.table("own", items_, width, begin);
    const auto of_categories = scope.table("categories", categories_, width, Initialiser::constant(0));
    return Embedding<Context>(scope.composed("weight", composition(width), own, of_categories));
  }

  /// Which categories each item has; the store must `compose` then. Until then items have none.
  /// @param of_items  (V) segments of 0 .. T-1; copied
  /// @throws ArgumentError  for other numbers of items or categories
  void set(const Jagged<const category_t, HostSpace>& of_items) {
    const std::span<const category_t> values(of_items.values.data, static_cast<std::size_t>(of_items.size()));
    if (of_items.segments() != items_)
      throw ArgumentError(
          concatenate("features: of ", of_items.segments(), " items, expected those of the model's ", items_));
    for (const category_t category : values)
      if (category < 0 || category >= categories_)
        throw ArgumentError(concatenate("features: an item has category ", category, ", expected 0 to ",
                                        categories_ - 1, ": the model was made for ", categories_));
    known_->offsets = Tensor<offset_t, 1, Space>(of_items.offsets.size());
    known_->offsets.copy_from_host(of_items.offsets.data);
    known_->values = Tensor<category_t, 1, Space>(of_items.size());
    known_->values.copy_from_host(values.data());
    std::vector<std::int32_t> all(static_cast<std::size_t>(items_));
    std::iota(all.begin(), all.end(), 0);
    known_->items = Tensor<std::int32_t, 1, Space>(items_);
    known_->items.copy_from_host(all.data());
  }

 private:
  using Space = typename Context::Space;
  /// At an address that stays when the model moves.
  struct Known {
    Tensor<std::int32_t, 1, Space> items;  ///< (V) 0 .. V-1; empty until something is known
    Tensor<offset_t, 1, Space> offsets;    ///< (V+1)
    Tensor<category_t, 1, Space> values;

    bool nothing() const { return items.view().size() == 0; }
    Jagged<const category_t, Space> categories() const {
      return {std::as_const(values).view(), std::as_const(offsets).view()};
    }
  };

  /// Parts: z, e, c.
  Composition<Context> composition(index_t width) const {
    const auto matrix = [width](const master_vector_of<Context>& part) {
      return master_matrix_of<Context>{part.data, part.size() / width, width};
    };
    return {[known = known_, matrix](Context& context, ComposedParts<Context> values) {
              const auto z = matrix(values[0]), e = matrix(values[1]), c = matrix(values[2]);
              if (known->nothing()) return ops::copy(context, Copy<Context>{e, z});
              ops::embedding_bag_forward(
                  context,
                  EmbeddingBagForward<Context>{std::as_const(known->items).view(), {}, known->categories(), c, z});
              ops::add(context, Add<Context>{e, z});
            },
            [known = known_, matrix](Context& context, ComposedParts<Context> gradients) {
              const auto dz = matrix(gradients[0]), de = matrix(gradients[1]), dc = matrix(gradients[2]);
              ops::add(context, Add<Context>{dz, de});
              if (!known->nothing())
                ops::embedding_bag_backward(
                    context,
                    EmbeddingBagBackward<Context>{std::as_const(known->items).view(), {}, known->categories(), dz, dc});
            }};
  }

  index_t items_, categories_;
  std::shared_ptr<Known> known_;
};

}  // namespace seqrec
