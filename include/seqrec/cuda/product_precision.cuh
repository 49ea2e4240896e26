// SPDX-License-Identifier: Apache-2.0
// Which products a context takes: what set_products says, as types that kernels are made of.
#pragma once

#include <type_traits>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/mma_terms.cuh"
#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// Calls action.operator()<Mma>() for products of rows with weights.
/// @param exact  whether they are taken in full precision whatever the context says
template <class S, class Action>
void dispatch_products(const BasicContext<S>& context, bool exact, Action&& action) {
  if constexpr (std::is_same_v<accumulator_of<S>, float>) {
    const ProductPrecision products = exact ? ProductPrecision::full : context.products();
    if (products == ProductPrecision::tf32) return action.template operator()<MmaTf32>();
    if (products == ProductPrecision::bf16) return action.template operator()<MmaBf16>();
  }
  action.template operator()<MmaOf<accumulator_of<S>>>();
}

/// Calls action.operator()<Terms>() for products of attention, of candidate attention's network, and of the loss over
/// the catalogue.
template <class S, class Action>
void dispatch_terms(const BasicContext<S>& context, Action&& action) {
  if constexpr (std::is_same_v<accumulator_of<S>, float>)
    if (context.products() == ProductPrecision::bf16) return action.template operator()<Bf16Terms>();
  action.template operator()<ExactTerms<accumulator_of<S>>>();
}

}  // namespace seqrec::cuda
