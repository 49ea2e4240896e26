// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/serve/known_user.hpp"

namespace seqrec {

/// How much each item of a history weighed in a model's score for one candidate: its attention, for models that look
/// at the history through the candidate (Din); the mean over its heads.
/// @return a weight for each of the history's last max_length items, oldest first; they sum to 1 under a softmax
/// @throws DataError for an item that the model's table does not have
template <class Model>
std::vector<typename Model::Context::Scalar> attention_weights(const Model& model, typename Model::Context& context,
                                                               std::span<const item_t> history, item_t candidate,
                                                               const KnownUser& user = {}) {
  static_assert(
      requires { typename Model::Explained; },
      "seqrec: attention_weights needs a model with explain(tape, batch, candidates), such as Din");
  using Context = typename Model::Context;
  HostRankingBatch packed({model.num_items(), model.max_length(), model.max_length()}, user.features,
                          times_option(model));
  const RankingRequest request{history, -1, {}, std::span(&candidate, 1), user.profile, user.times};
  packed.pack({&request, 1});
  BatchTarget<typename Context::Space> target(packed.constants());
  const RankingBatch<typename Context::Space> batch =
      to<typename Context::Space>(packed, target, context.stream()).shard(0);
  context.begin_shard();
  Tape<Context> tape(context, Mode::inference);
  const auto weights = model.explain(tape, batch.histories, batch.candidates).weights;
  std::vector<typename Context::Scalar> host(static_cast<std::size_t>(weights.size()));
  context.copy_to_host(host.data(), weights.data, std::ssize(host));
  const auto rows = static_cast<std::size_t>(batch.histories.rows());
  if (host.size() == rows) return host;  // one head
  std::vector<typename Context::Scalar> means(rows);
  for (std::size_t i = 0; i < host.size(); ++i) means[i % rows] += host[i];
  const std::size_t heads = host.size() / rows;
  for (typename Context::Scalar& mean : means) mean /= static_cast<typename Context::Scalar>(heads);
  return means;
}

}  // namespace seqrec
