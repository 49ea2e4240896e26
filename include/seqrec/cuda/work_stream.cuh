// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cuda/launch_graphs.cuh"

namespace seqrec::cuda {

/// What a stream is to be given, while launches are gathered.
struct GatheredWork {
  bool gathers = false;
  LaunchList launches;
  LaunchGraphs graphs;

  /// @throws CudaError
  void hand_over(cudaStream_t stream) {
    if (launches.size() == 0) return;
    graphs.give(launches, stream);
    launches.clear();
  }
};

/// A stream as an order of work. To whoever gives the stream something himself it turns into the runtime's handle, and
/// then hands over what was gathered first: whatever is asked of it happens in the order in which it was asked.
class WorkStream {
 public:
  /// @param gathered  what a context gathers; must live as long as this and its copies
  WorkStream(cudaStream_t stream = nullptr, GatheredWork* gathered = nullptr) : stream_(stream), gathered_(gathered) {}

  /// @throws CudaError
  operator cudaStream_t() const {
    if (gathered_ != nullptr) gathered_->hand_over(stream_);
    return stream_;
  }

  /// Where launches are to be gathered; null where they are to be given to the stream at once.
  LaunchList* launches() const { return gathered_ != nullptr && gathered_->gathers ? &gathered_->launches : nullptr; }

 private:
  cudaStream_t stream_;
  GatheredWork* gathered_;
};

}  // namespace seqrec::cuda
