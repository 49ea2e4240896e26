// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "seqrec/cuda/check.cuh"
#include "seqrec/cuda/launch_list.cuh"

namespace seqrec::cuda {

/// Gives lists of launches to a stream, each as one CUDA graph.
///
/// A list whose kernels have come before, in the same order, uses the graph of that list: of its nodes only those
/// change whose blocks or arguments do, and the device is given all of them by one call. So steps of different batches
/// share a graph without being filled up to the same size: a node has its batch's own counts. What comes for the first
/// time is launched one by one, as a graph is only worth making for what comes again.
class LaunchGraphs {
 public:
  /// So many graphs are kept: those that were used last.
  static constexpr std::size_t most = 32;
  /// Fewer launches are given one by one: a graph would take longer.
  static constexpr std::size_t fewest_launches = 4;

  /// @throws CudaError
  void give(LaunchList& list, cudaStream_t stream) {
    if (list.size() < fewest_launches) return launch_each(list, stream);
    const auto known = std::find_if(graphs_.begin(), graphs_.end(),
                                    [&](const auto& graph) { return graph->list.has_kernels_of(list); });
    if (known == graphs_.end()) {
      if (graphs_.size() == most) graphs_.pop_back();
      graphs_.insert(graphs_.begin(), std::make_unique<Graph>());
      graphs_.front()->list = list;
      return launch_each(list, stream);
    }
    std::rotate(graphs_.begin(), known, known + 1);
    Graph& graph = *graphs_.front();
    if (graph.exec == nullptr)
      graph.make(list);
    else
      graph.update(list);
    std::swap(graph.list, list);
    SEQREC_CUDA_CHECK(cudaGraphLaunch(graph.exec, stream));
  }

  /// Graphs that have been made and are kept.
  std::size_t made() const {
    return static_cast<std::size_t>(
        std::count_if(graphs_.begin(), graphs_.end(), [](const auto& graph) { return graph->exec != nullptr; }));
  }

 private:
  /// A chain of kernels, each after the one before.
  struct Graph {
    Graph() = default;
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    /// What a stream was given of it is still done.
    ~Graph() {
      if (exec != nullptr) static_cast<void>(cudaGraphExecDestroy(exec));
      if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
    }

    void make(LaunchList& of) {
      if (graph != nullptr) static_cast<void>(cudaGraphDestroy(std::exchange(graph, nullptr)));  // of a failed attempt
      SEQREC_CUDA_CHECK(cudaGraphCreate(&graph, 0));
      nodes.clear();
      for (std::size_t i = 0; i < of.size(); ++i) {
        const cudaKernelNodeParams launch = of.launch(i);
        cudaGraphNode_t node = nullptr;
        SEQREC_CUDA_CHECK(cudaGraphAddKernelNode(&node, graph, nodes.empty() ? nullptr : &nodes.back(),
                                                 nodes.empty() ? 0 : 1, &launch));
        nodes.push_back(node);
      }
      SEQREC_CUDA_CHECK(cudaGraphInstantiate(&exec, graph, 0));
    }
    void update(LaunchList& to) {
      for (std::size_t i = 0; i < to.size(); ++i) {
        if (to.is_same(i, list)) continue;
        const cudaKernelNodeParams launch = to.launch(i);
        const cudaError_t status = cudaGraphExecKernelNodeSetParams(exec, nodes[i], &launch);
        if (status != cudaSuccess)
          static_cast<void>(cudaGraphExecDestroy(std::exchange(exec, nullptr)));  // half of both
        SEQREC_CUDA_CHECK(status);
      }
    }

    LaunchList list;  ///< as the graph was given last; before it is made, what it is to be made of
    cudaGraph_t graph = nullptr;
    std::vector<cudaGraphNode_t> nodes;
    cudaGraphExec_t exec = nullptr;
  };

  static void launch_each(LaunchList& list, cudaStream_t stream) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const cudaKernelNodeParams launch = list.launch(i);
      SEQREC_CUDA_CHECK(cudaLaunchKernel(launch.func, launch.gridDim, launch.blockDim, launch.kernelParams,
                                         launch.sharedMemBytes, stream));
    }
  }

  std::vector<std::unique_ptr<Graph>> graphs_;  ///< the one that was used last first
};

}  // namespace seqrec::cuda
