// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/parameter.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/context_base.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = ContextBase<float, double, HostSpace>;

static_assert(std::is_nothrow_move_constructible_v<VectorParameter<Context>> &&
              !std::is_copy_constructible_v<VectorParameter<Context>>);

}  // namespace

TEST_CASE("a parameter begins as zeros, in the master type, without a place for its gradient", "[autograd]") {
  const MatrixParameter<Context> matrix(2, 3, Initialiser::normal(1));
  static_assert(std::is_same_v<decltype(matrix.value), Tensor<double, 2, HostSpace>>);
  CHECK(matrix.value.rows() == 2);
  CHECK(matrix.value.columns() == 3);
  CHECK(matrix.value.to_host() == std::vector<double>(6, 0.0));
  CHECK(matrix.initialiser.kind == Initialiser::Kind::normal);
  CHECK(matrix.offset == -1);
  CHECK(VectorParameter<Context>(5, Initialiser::constant(1)).value.size() == 5);
}

TEST_CASE("prefixes of nested layers are put together with dots", "[autograd]") {
  std::vector<std::string> names;
  VectorParameter<Context> bias(1, Initialiser::constant(0));
  const auto visit = [&](const std::string& name, auto& parameter) {
    names.push_back(name);
    CHECK(&parameter == &bias);
  };
  visit("bias", bias);
  const auto block = prefixed("blocks.0", visit);
  block("bias", bias);
  prefixed("attention", block)("bias", bias);
  CHECK(names == std::vector<std::string>{"bias", "blocks.0.bias", "blocks.0.attention.bias"});
}
