// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/product_precision.cuh"

#include <type_traits>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec::cuda;
using seqrec::ProductPrecision;

/// Whether a context that is told to takes products with weights as `Mma`, and others as `Terms`.
template <class Mma, class Terms, class S>
bool takes(BasicContext<S>& context, ProductPrecision precision) {
  context.set_products(precision);
  bool mma = false, terms = false;
  dispatch_products(context, false, [&]<class Taken>() { mma = std::is_same_v<Taken, Mma>; });
  dispatch_terms(context, [&]<class Taken>() { terms = std::is_same_v<Taken, Terms>; });
  bool exact = false;
  dispatch_products(context, true, [&]<class Taken>() { exact = std::is_same_v<Taken, MmaOf<S>>; });
  return mma && terms && exact;
}

}  // namespace

TEST_CASE("a context takes the products that it is told to take", "[cuda]") {
  BasicContext<float> context;
  CHECK(takes<MmaFloat, FloatTerms>(context, context.products()));
  CHECK(takes<MmaTf32, FloatTerms>(context, ProductPrecision::tf32));
  CHECK(takes<MmaBf16, Bf16Terms>(context, ProductPrecision::bf16));
  CHECK(takes<MmaFloat, FloatTerms>(context, ProductPrecision::full));
  BasicContext<double> exact;
  for (const ProductPrecision precision : {ProductPrecision::full, ProductPrecision::tf32, ProductPrecision::bf16})
    CHECK(takes<MmaDouble, DoubleTerms>(exact, precision));
}
