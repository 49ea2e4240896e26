// SPDX-License-Identifier: Apache-2.0
// Graphs of kernels: what their edges order, and what a change of a node changes.
#include "emulator/graph.hpp"

#include <array>
#include <cstddef>
#include <vector>

#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"

namespace {

/// Appends a number to a list in host memory, which no real kernel could: list[0] counts the others.
template <class T>
__global__ void note_number(T* list, T value) {
  list[++list[0]] = value;
}

struct AGraph {
  AGraph() { CHECK(cudaGraphCreate(&handle, 0) == cudaSuccess); }
  AGraph(const AGraph&) = delete;
  AGraph& operator=(const AGraph&) = delete;
  ~AGraph() {
    // clang-tidy takes the macro's two mentions for two calls
    const cudaError_t of_exec = cudaGraphExecDestroy(exec), of_graph = cudaGraphDestroy(handle);
    CHECK(of_exec == cudaSuccess);
    CHECK(of_graph == cudaSuccess);
  }

  static cudaKernelNodeParams noting(std::array<void*, 2>& parameters, int** list, int* value) {
    parameters = {list, value};
    cudaKernelNodeParams node{};
    node.func = const_cast<void*>(seqrec::cuda::device_function<note_number<int>>());
    node.gridDim = 1;
    node.blockDim = 1;
    node.kernelParams = parameters.data();
    return node;
  }
  cudaGraphNode_t add(int* list, int value, const std::vector<cudaGraphNode_t>& after) const {
    std::array<void*, 2> parameters{};
    const cudaKernelNodeParams how = noting(parameters, &list, &value);
    cudaGraphNode_t node = nullptr;
    CHECK(cudaGraphAddKernelNode(&node, handle, after.data(), after.size(), &how) == cudaSuccess);
    return node;
  }
  void instantiate() { CHECK(cudaGraphInstantiate(&exec, handle, 0) == cudaSuccess); }
  cudaError_t change(cudaGraphNode_t node, int* list, int value) const {
    std::array<void*, 2> parameters{};
    const cudaKernelNodeParams how = noting(parameters, &list, &value);
    return cudaGraphExecKernelNodeSetParams(exec, node, &how);
  }

  cudaGraph_t handle = nullptr;
  cudaGraphExec_t exec = nullptr;
};

struct WaitedStream {
  WaitedStream() { CHECK(cudaStreamCreate(&handle) == cudaSuccess); }
  WaitedStream(const WaitedStream&) = delete;
  WaitedStream& operator=(const WaitedStream&) = delete;
  ~WaitedStream() { CHECK(cudaStreamDestroy(handle) == cudaSuccess); }
  void wait() const { CHECK(cudaStreamSynchronize(handle) == cudaSuccess); }
  cudaStream_t handle = nullptr;
};

}  // namespace

TEST_CASE("a graph's kernels run in an order that its edges allow", "[emulator]") {
  const WaitedStream stream;
  const auto order_under = [&](unsigned seed, bool chained) {
    const emulator::WithSchedule schedule(seed);
    std::vector<int> list(6);
    AGraph graph;
    std::vector<cudaGraphNode_t> before;
    for (int i = 1; i <= 5; ++i) {
      auto* const node = graph.add(list.data(), i, before);
      if (chained) before = {node};
    }
    graph.instantiate();
    CHECK(cudaGraphLaunch(graph.exec, stream.handle) == cudaSuccess);
    CHECK(list[0] == 0);  // the stream is waited for
    stream.wait();
    return list;
  };
  for (const unsigned seed : {0u, 1u, 7u}) CHECK(order_under(seed, true) == std::vector<int>{5, 1, 2, 3, 4, 5});
  CHECK(order_under(0, false) == std::vector<int>{5, 1, 2, 3, 4, 5});
  CHECK(order_under(1, false) == std::vector<int>{5, 5, 4, 3, 2, 1});
  CHECK(order_under(7, false) != order_under(8, false));
}

TEST_CASE("a graph's node is changed for launches to come", "[emulator]") {
  const WaitedStream stream;
  std::vector<int> list(6);
  AGraph graph;
  auto* const node = graph.add(list.data(), 3, {});
  graph.instantiate();
  CHECK(cudaGraphLaunch(graph.exec, stream.handle) == cudaSuccess);
  CHECK(graph.change(node, list.data(), 4) == cudaSuccess);
  CHECK(cudaGraphLaunch(graph.exec, stream.handle) == cudaSuccess);
  CHECK(cudaGraphLaunch(graph.exec, stream.handle) == cudaSuccess);
  stream.wait();
  CHECK(list == std::vector<int>{3, 3, 4, 4, 0, 0});
}

TEST_CASE("what a graph's calls refuse", "[emulator]") {
  std::vector<int> list(2);
  AGraph graph, other;
  auto* const node = graph.add(list.data(), 3, {});
  auto* const stranger = other.add(list.data(), 3, {});
  graph.instantiate();
  CHECK(graph.change(stranger, list.data(), 4) == cudaErrorInvalidValue);
  std::array<void*, 2> parameters{};
  int* data = list.data();
  int value = 1;
  cudaKernelNodeParams how = AGraph::noting(parameters, &data, &value);
  cudaGraphNode_t made = nullptr;
  CHECK(cudaGraphAddKernelNode(&made, graph.handle, &stranger, 1, &how) == cudaErrorInvalidValue);
  how.blockDim = 2048;
  CHECK(cudaGraphAddKernelNode(&made, graph.handle, &node, 1, &how) == cudaErrorInvalidConfiguration);
  CHECK(cudaGraphExecKernelNodeSetParams(graph.exec, node, &how) == cudaErrorInvalidConfiguration);
  CHECK(made == nullptr);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
}
