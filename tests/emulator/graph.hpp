// SPDX-License-Identifier: Apache-2.0
// CUDA graphs of kernels. A launch gives a stream the graph's kernels in an order that its edges allow: as the
// schedule's seed says, the first node that can run (0), the last (1), or any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "emulator/kernel_call.hpp"
#include "emulator/launch.hpp"
#include "emulator/runtime.hpp"
#include "emulator/schedule.hpp"

/// As the runtime has it.
struct cudaKernelNodeParams {
  void* func;  ///< an emulator::Function
  dim3 gridDim;
  dim3 blockDim;
  unsigned sharedMemBytes;
  void** kernelParams;
  void** extra;
};

namespace emulator {

struct GraphNode {
  std::shared_ptr<KernelCall> call;
  std::vector<const GraphNode*> after;
};

struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;

  bool has(const GraphNode* node) const {
    return std::any_of(nodes.begin(), nodes.end(), [&](const auto& known) { return known.get() == node; });
  }
};

/// A graph as it was when it was instantiated. Its nodes are known by those of the graph, which may be gone.
struct GraphExec {
  struct Node {
    const GraphNode* known_as;
    std::shared_ptr<KernelCall> call;
    std::vector<std::size_t> after;
  };
  std::vector<Node> nodes;

  std::size_t number_of(const GraphNode* node) const {
    const auto known = std::find_if(nodes.begin(), nodes.end(), [&](const Node& it) { return it.known_as == node; });
    return static_cast<std::size_t>(known - nodes.begin());
  }
};

inline cudaError_t check_node(const cudaKernelNodeParams& of) {
  if (of.func == nullptr || of.extra != nullptr) return cudaErrorInvalidValue;
  return check_launch(static_cast<const Function*>(of.func)->kernel, of.gridDim, of.blockDim, of.sharedMemBytes);
}
inline std::shared_ptr<KernelCall> call_of(const cudaKernelNodeParams& of) {
  return std::make_shared<KernelCall>(*static_cast<const Function*>(of.func), of.gridDim, of.blockDim,
                                      of.sharedMemBytes, of.kernelParams);
}

}  // namespace emulator

using cudaGraph_t = emulator::Graph*;
using cudaGraphNode_t = emulator::GraphNode*;
using cudaGraphExec_t = emulator::GraphExec*;

inline cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
  if (flags != 0) return emulator::result(cudaErrorInvalidValue);
  *graph = new emulator::Graph;
  return cudaSuccess;  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): it is the caller's
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

/// The arguments are copied.
inline cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* after,
                                          std::size_t number_of_those, const cudaKernelNodeParams* parameters) {
  if (const cudaError_t error = emulator::check_node(*parameters); error != cudaSuccess) return emulator::result(error);
  auto made = std::make_unique<emulator::GraphNode>();
  for (std::size_t i = 0; i < number_of_those; ++i) {
    if (!graph->has(after[i])) return emulator::result(cudaErrorInvalidValue);
    made->after.push_back(after[i]);
  }
  made->call = emulator::call_of(*parameters);
  *node = made.get();
  graph->nodes.push_back(std::move(made));
  return cudaSuccess;
}

inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags = 0) {
  if (flags != 0) return emulator::result(cudaErrorInvalidValue);
  if (const cudaError_t error = emulator::device_status(); error != cudaSuccess) return error;
  auto made = std::make_unique<emulator::GraphExec>();
  for (const auto& node : graph->nodes) {
    made->nodes.push_back({node.get(), node->call, {}});
    for (const emulator::GraphNode* before : node->after) made->nodes.back().after.push_back(made->number_of(before));
  }
  *exec = made.release();
  return cudaSuccess;  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): it is the caller's
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

/// For launches from now on: those that wait in a stream keep what they were given.
inline cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                                    const cudaKernelNodeParams* parameters) {
  if (const cudaError_t error = emulator::check_node(*parameters); error != cudaSuccess) return emulator::result(error);
  const std::size_t number = exec->number_of(node);
  if (number == exec->nodes.size()) return emulator::result(cudaErrorInvalidValue);
  exec->nodes[number].call = emulator::call_of(*parameters);
  return cudaSuccess;
}

inline cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const auto& nodes = exec->nodes;
  const std::uint64_t seed = emulator::schedule().seed;
  std::minstd_rand random(static_cast<unsigned>(seed + 1));
  std::vector<bool> is_given(nodes.size());
  for (std::size_t given = 0; given < nodes.size(); ++given) {
    std::vector<std::size_t> able;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (!is_given[i] && std::all_of(nodes[i].after.begin(), nodes[i].after.end(),
                                      [&](std::size_t before) { return is_given[before]; }))
        able.push_back(i);
    const std::size_t next = seed == 0 ? able.front() : seed == 1 ? able.back() : able[random() % able.size()];
    if (const cudaError_t error = emulator::enqueue(nodes[next].call, stream); error != cudaSuccess) return error;
    is_given[next] = true;
  }
  return cudaSuccess;
}
