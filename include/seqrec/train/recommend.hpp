// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/data/ranking_batch.hpp"
#include "seqrec/models/static_encoder.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/top_k.hpp"

namespace seqrec {

/// An item with its score.
template <class Scalar>
struct Recommendation {
  item_t item;
  Scalar score;
};

/// The `count` items that a model would offer after a history, best first, without those in `exclusions` (most callers
/// exclude what is in the history). Fewer when the catalogue runs out.
/// @param context the caller's, reset here   @param history oldest first; its last max_length items are read
/// @throws DataError for an item that the model's table does not have
/// @throws ArgumentError unless 1 <= count <= items of the model
template <class Model>
std::vector<Recommendation<typename Model::Context::Scalar>> recommend(const Model& model,
                                                                       typename Model::Context& context,
                                                                       std::span<const item_t> history, index_t count,
                                                                       std::span<const item_t> exclusions) {
  static_assert(StaticEncoder<Model>, "seqrec: recommend needs a model with encode() and output_table()");
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  using Space = typename Context::Space;
  check_argument(count >= 1 && count <= model.num_items(), "recommend count", count, "1 .. items of the model");
  HostRankingBatch packed({model.num_items(), model.max_length(), model.max_length()});
  const RankingRequest request{history, -1, exclusions, {}};
  packed.pack({&request, 1});
  context.begin_shard();
  const RankingBatch<Space> batch = packed.shard(0);
  Tape<Context> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories);
  const auto query = context.matrix(1, states.columns());
  ops::last_rows(context, LastRows<Context>{states.value(), batch.histories.offsets(), query});
  const MatrixView<item_t, Space> items(context.template vector<item_t>(count).data, 1, count);
  const auto scores = context.matrix(1, count);
  ops::top_k(context, TopK<Context>{query, tape.value(model.output_table()), batch.exclusions, items, scores});
  std::vector<item_t> host_items(static_cast<std::size_t>(count));
  std::vector<Scalar> host_scores(static_cast<std::size_t>(count));
  Memory<Space>::copy_to_host(host_items.data(), items.data, host_items.size() * sizeof(item_t));
  Memory<Space>::copy_to_host(host_scores.data(), scores.data, host_scores.size() * sizeof(Scalar));
  std::vector<Recommendation<Scalar>> result;
  for (std::size_t i = 0; i < host_items.size() && host_items[i] >= 0; ++i)
    result.push_back({host_items[i], host_scores[i]});
  return result;
}

}  // namespace seqrec
