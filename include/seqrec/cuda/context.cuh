// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>

#include "seqrec/core/context_base.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/cuda/blas.cuh"
#include "seqrec/cuda/check.cuh"
#include "seqrec/cuda/context_use.cuh"
#include "seqrec/cuda/memory.cuh"
#include "seqrec/cuda/work_stream.cuh"

namespace seqrec::cuda {

template <class Scalar>
class BasicTeam;  // cuda/team.cuh

/// The context of the CUDA backend: a stream, in which everything of this context happens in order, and a cuBLAS handle
/// bound to it. Belongs to the device that was current when it was made. One host thread uses it at a time: another may
/// go on with it when the one before has ended its tapes and its team's calls.
template <class Scalar_>
class BasicContext : public ContextBase<Scalar_, Scalar_, DeviceSpace> {
 public:
  using Team = BasicTeam<Scalar_>;

  /// @throws NoDeviceError, DriverError, DeviceMemoryError or another CudaError
  BasicContext() {
    // A blocking stream: what a program sets up in the default stream waits for it, and it for that.
    SEQREC_CUDA_CHECK(cudaStreamCreate(&handles_.stream));
    this->use_stream({handles_.stream, &gathered_});
    SEQREC_CUDA_CHECK(cublasCreate(&handles_.blas));
    SEQREC_CUDA_CHECK(cublasSetStream(handles_.blas, handles_.stream));
  }
  BasicContext(const BasicContext&) = delete;
  BasicContext& operator=(const BasicContext&) = delete;

  /// For whoever calls cuBLAS himself: what comes before has been given to the stream.
  cublasHandle_t blas() const {
    gathered_.hand_over(handles_.stream);
    return handles_.blas;
  }

  /// How exact products of floats are from now on; full unless told otherwise. All are added up in float.
  ///
  /// tf32: products with weights (gemm.cuh, row_product.cuh, moe_product.cuh). An operand loses up to 2^-10 of itself,
  /// so that an element of A B is off by up to 2^-9 of the sum of |a| |b|, and by much less on average. bf16: products
  /// with weights (row_product.cuh, moe_product.cuh), those of attention, of candidate attention's network and of the
  /// loss over the catalogue. An operand loses up to 2^-8, an element up to 2^-7 of that sum. Weights, activations and
  /// gradients are kept in float either way. Products of doubles, and those that other kernels take (of scores, of a
  /// GRU's states, cuBLAS's), stay as they are.
  void set_products(ProductPrecision products) {
    products_ = products;
    SEQREC_CUDA_CHECK(cublasSetMathMode(
        handles_.blas, products == ProductPrecision::tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH));
  }

  ProductPrecision products() const { return products_; }

  /// What says that this thread works with the context, until its end: each launch says it, for the length of a tape or
  /// a team's call they do.
  /// @throws ContextInUseError while another thread does
  using Use = ContextUse;
  Use use() const { return Use(user_); }

  /// Waits for everything launched so far.
  /// @throws CudaError if any of it failed on the device
  void synchronize() const { SEQREC_CUDA_CHECK(cudaStreamSynchronize(this->stream())); }

  /// Whether `gather` gathers; not unless told.
  void set_graphs(bool graphs) { graphs_ = graphs; }
  /// How many graphs it has made, of those that it keeps.
  std::size_t graphs_made() const { return gathered_.graphs.made(); }

  /// Runs `work`, gathers what it launches here, and gives that to the device as CUDA graphs (LaunchGraphs): a step of
  /// many short kernels then takes the host less time, and the same kernels do the same. What cannot be gathered (a
  /// copy from or to the host, a call of cuBLAS) parts a graph from the next. Memory that its launches use must neither
  /// be released nor written by others before it returns, unless this context's stream orders that.
  /// @return what `work` returns   @throws CudaError, and what `work` throws, when what was gathered last is given up
  template <class Work>
  auto gather(Work&& work) {
    if (!graphs_ || gathered_.gathers) return work();
    const auto in_use = use();
    GatheringScope scope(gathered_);
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      gathered_.hand_over(handles_.stream);
    } else {
      auto result = work();
      gathered_.hand_over(handles_.stream);
      return result;
    }
  }

 private:
  /// Released also when the constructor throws halfway. A destructor cannot report what the runtime says.
  struct Handles {
    Handles() = default;
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
    ~Handles() {
      if (blas != nullptr) static_cast<void>(cublasDestroy(blas));
      if (stream != nullptr) static_cast<void>(cudaStreamDestroy(stream));
    }
    cudaStream_t stream = nullptr;
    cublasHandle_t blas = nullptr;
  };
  struct GatheringScope {
    explicit GatheringScope(GatheredWork& of) : work(of) { work.gathers = true; }
    GatheringScope(const GatheringScope&) = delete;
    GatheringScope& operator=(const GatheringScope&) = delete;
    ~GatheringScope() {
      work.gathers = false;
      work.launches.clear();
    }
    GatheredWork& work;
  };

  Handles handles_;
  mutable GatheredWork gathered_;
  bool graphs_ = false;
  ProductPrecision products_ = ProductPrecision::full;
  mutable ContextUser user_;
};

/// Single precision, what models are trained and served in.
using Context = BasicContext<float>;

}  // namespace seqrec::cuda
