// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// How exact products of float matrices are. Models of double multiply doubles whatever is said here.
enum class ProductPrecision {
  full,  ///< as float is
  tf32,  ///< on a GPU: tensor cores, which read 10 of the 23 bits of an operand's fraction, and add up in float
  /// 7 bits of it, added up in float. On a GPU in products with weights (a mixture's router excepted), of both
  /// attentions and of the softmax over the catalogue. On a CPU in what reads the whole catalogue, a softmax in
  /// training and a Recommender's best items: a packed catalogue takes half the memory; on processors that multiply
  /// bfloat16 faster (AMD's since Zen 4) the softmax takes two thirds of the time.
  bf16,
};
constexpr std::array<const char*, 3> names_of(ProductPrecision) { return {"full", "tf32", "bf16"}; }

/// How a team of contexts shares one step.
struct TeamOptions {
  int threads = 0;
  int slots = 8;  ///< results depend on it (to rounding): saved with a run
  ProductPrecision products = ProductPrecision::full;
  bool graphs = false;  ///< a GPU is given steps as CUDA graphs; results are the same

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("threads", threads, in_range(0, 4096), "workers; 0 is one for each core; results do not depend on it",
          OptionEffect::none);
    visit("slots", slots, in_range(1, 4096), "contexts over which shards are dealt");
    visit(
        "products", products, any(),
        "of float matrices; tf32, on a GPU, rounds what they read to a thousandth; bf16 to a hundredth, on a CPU what "
        "reads the whole catalogue");
    visit("graphs", graphs, any(), "a GPU is given steps as CUDA graphs: less work for the host where steps are short",
          OptionEffect::none);
  }
};

/// Rows of a shard, for batches that a team works on: as many as wanted, or, where the team takes batches whole, all.
template <class Team>
constexpr index_t rows_of_shard(index_t wanted) {
  if constexpr (requires { Team::takes_whole_batches; })
    return std::numeric_limits<std::int32_t>::max();
  else
    return wanted;
}

}  // namespace seqrec
