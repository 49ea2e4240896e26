// SPDX-License-Identifier: Apache-2.0
/// seqrec's half of the comparison: a SasRec, its optimiser and prepared batches behind C functions for
/// seqrec_library.py.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "c_functions.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/batches/training_batch.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/train/step.hpp"

namespace {

using seqrec::HostSpace;
using seqrec::index_t;
using seqrec::item_t;
using seqrec::offset_t;
using Context = seqrec::cpu::Context;

constexpr index_t columns = 2;  // of the next items: the target and one negative

/// What both sides are told; Options in seqrec_library.py.
struct Options {
  std::int32_t items, width, blocks, heads, max_length, threads;
  double dropout, learning_rate;
  std::uint64_t seed;
};

/// A batch that PyTorch trains too: as the library's own Batcher makes it, of given next items.
class Batch {
 public:
  Batch(const Options& options, index_t users, const offset_t* offsets, const item_t* items, const item_t* next)
      : packed_({.num_items = options.items, .max_length = options.max_length}, {.negatives = columns - 1}, 0) {
    std::vector<std::vector<item_t>> targets(static_cast<std::size_t>(users));
    std::vector<seqrec::TrainingUser> given;
    for (index_t user = 0; user < users; ++user) {
      std::vector<item_t>& of_user = targets[static_cast<std::size_t>(user)];
      for (offset_t row = offsets[user]; row < offsets[user + 1]; ++row) of_user.push_back(next[columns * row]);
      given.push_back({user, {items + offsets[user], items + offsets[user + 1]}, of_user});
    }
    packed_.pack(given, Negatives{offsets, next});
  }

  index_t num_shards() const { return packed_.num_shards(); }
  seqrec::TrainingBatch<HostSpace> shard(index_t i) const { return packed_.shard(i); }

 private:
  struct Negatives {
    const offset_t* offsets;
    const item_t* next;

    void draw(index_t user, seqrec::MatrixView<item_t, HostSpace> negatives) const {
      for (index_t row = 0; row < negatives.rows(); ++row)
        negatives(row, 0) = next[columns * (offsets[user] + row) + 1];
    }
    void draw_in_batch(std::span<const index_t>, std::span<const offset_t>,
                       seqrec::MatrixView<item_t, HostSpace>) const {}
    void draw_shared(seqrec::VectorView<item_t, HostSpace>) const {}  // nobody shares
    void choose(std::span<const item_t>, seqrec::VectorView<item_t, HostSpace>) const {}
  };

  seqrec::HostTrainingBatch packed_;
};

struct Peer {
  Options options;
  seqrec::SasRec<Context> model;
  seqrec::ParameterStore<Context>& parameters;
  seqrec::ParameterRanges ranges;
  seqrec::cpu::Team team;
  seqrec::Optimizer<Context, seqrec::Adam> optimizer;
  std::vector<std::unique_ptr<const Batch>> batches;

  explicit Peer(const Options& o)
      : options(o),
        model({.items = o.items,
               .width = o.width,
               .blocks = o.blocks,
               .heads = o.heads,
               .max_length = o.max_length,
               .dropout = o.dropout,
               .seed = o.seed}),
        parameters(model.parameters()),
        ranges(parameters),
        team(parameters.size(), {.threads = o.threads}),
        optimizer(parameters.size(), seqrec::Adam{}) {}

  void set_parameter(const std::string& name, std::span<const float> values) {
    for (const auto& entry : parameters.entries()) {
      if (entry.name != name) continue;
      seqrec::check_extent("set_parameter", name.c_str(), std::ssize(values), entry.size());
      seqrec::Memory<HostSpace>::copy_from_host(parameters.values(entry).data, values.data(), values.size_bytes());
      return;
    }
    throw seqrec::ArgumentError("set_parameter: seqrec's SasRec has no parameter " + name);
  }

  double step(index_t batch) {
    seqrec::check_argument(batch >= 0 && batch < std::ssize(batches), "batch", batch, "one that was added");
    return seqrec::training_step(team, model, ranges, seqrec::NextItem{seqrec::BinaryCrossEntropy{}}, optimizer,
                                 *batches[static_cast<std::size_t>(batch)], options.learning_rate, /*clip_norm=*/0,
                                 options.seed, optimizer.steps())
        .loss;
  }
};

}  // namespace

SEQREC_PEER_EXPORT const char* seqrec_peer_last_error() { return last_error.c_str(); }

SEQREC_PEER_EXPORT Peer* seqrec_peer_create(const Options* options) {
  std::unique_ptr<Peer> peer;
  return succeeds([&] { peer = std::make_unique<Peer>(*options); }) ? peer.release() : nullptr;
}

SEQREC_PEER_EXPORT void seqrec_peer_destroy(Peer* peer) { delete peer; }

SEQREC_PEER_EXPORT std::int64_t seqrec_peer_parameter_count(const Peer* peer) {
  return std::ssize(peer->parameters.entries());
}

/// Copies `size` floats into the parameter of that name.
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_set_parameter(Peer* peer, const char* name, const float* values,
                                                          std::int64_t size) {
  return succeeds([&] { peer->set_parameter(name, {values, static_cast<std::size_t>(size)}); }) ? 0 : -1;
}

/// @param offsets (users+1)   @param items (N)   @param next (N, 2): each row's target and negative
/// @return its number, for seqrec_peer_step
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_add_batch(Peer* peer, std::int32_t users, const offset_t* offsets,
                                                      const item_t* items, const item_t* next) {
  const auto add = [&] {
    peer->batches.push_back(std::make_unique<Batch>(peer->options, users, offsets, items, next));
  };
  return succeeds(add) ? static_cast<std::int32_t>(peer->batches.size()) - 1 : -1;
}

/// One training step on a batch; its loss goes to `loss`.
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_step(Peer* peer, std::int32_t batch, double* loss) {
  return succeeds([&] { *loss = peer->step(batch); }) ? 0 : -1;
}
