// SPDX-License-Identifier: Apache-2.0
// What the contenders run on: the CPU, or, where the library is built with SEQREC_PEER_CUDA, a GPU.
#pragma once

#include <type_traits>

#ifdef SEQREC_PEER_CUDA
#include "seqrec/cuda.cuh"
#else
#include "seqrec/cpu.hpp"
#endif

#include "seqrec/core/team_options.hpp"
#include "seqrec/data/batches/packing.hpp"
#include "seqrec/data/batches/to_space.hpp"

namespace peer {

#ifdef SEQREC_PEER_CUDA
using Context = seqrec::cuda::Context;
#else
using Context = seqrec::cpu::Context;
#endif
using Space = Context::Space;

/// Rows that a shard has at most, where the host's batches have them cut so.
inline constexpr seqrec::index_t token_budget =
    seqrec::rows_of_shard<Context::Team>(seqrec::PackingOptions{}.token_budget);

/// A batch where the backend reads it, copied once; on the CPU the batch itself. The batch must stay, and stay as it
/// is.
template <class HostBatch>
class Placed {
 public:
  explicit Placed(const HostBatch& host) : host_(host), target_(host.constants()) {
    static_cast<void>(seqrec::to<Space>(host_, target_));
  }

  auto shard(seqrec::index_t i) const {
    if constexpr (std::is_same_v<Space, seqrec::HostSpace>)
      return host_.shard(i);
    else
      return seqrec::PlacedBatch<HostBatch, Space>(host_, target_).shard(i);
  }
  /// What the team reads of a batch without waiting for the device.
  template <class T>
  auto on_host(const seqrec::VectorView<const T, Space>& view) const {
    return seqrec::PlacedBatch<HostBatch, Space>(host_, target_).on_host(view);
  }

 private:
  const HostBatch& host_;
  seqrec::BatchTarget<Space> target_;
};

}  // namespace peer
