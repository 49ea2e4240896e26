// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// Launches in the order in which a stream is to do them, with copies of their arguments. Keeps its memory when it is
/// cleared.
class LaunchList {
 public:
  /// @param arguments  of the kernel, which gets copies
  template <auto Kernel, class... Arguments>
  void add(dim3 grid, dim3 block, std::size_t shared_bytes, const Arguments&... arguments) {
    launches_.push_back({device_function<Kernel>(), grid, block, shared_bytes, parameters_.size(), pieces_.size()});
    append(Kernel, arguments...);
  }

  void clear() {
    launches_.clear();
    parameters_.clear();
    pieces_.clear();
  }
  std::size_t size() const { return launches_.size(); }

  /// Whether the same kernels are launched in the same order, however many blocks and whatever their arguments.
  bool has_kernels_of(const LaunchList& other) const {
    if (size() != other.size()) return false;
    for (std::size_t i = 0; i < size(); ++i)
      if (launches_[i].function != other.launches_[i].function) return false;
    return true;
  }

  /// Whether launch i is the same in both lists, which have the same kernels.
  bool is_same(std::size_t i, const LaunchList& other) const {
    const Launch &a = launches_[i], &b = other.launches_[i];
    return is_same(a.grid, b.grid) && is_same(a.block, b.block) && a.shared_bytes == b.shared_bytes &&
           end_piece(i) - a.first_piece == other.end_piece(i) - b.first_piece &&
           std::memcmp(pieces_.data() + a.first_piece, other.pieces_.data() + b.first_piece,
                       (end_piece(i) - a.first_piece) * sizeof(Piece)) == 0;
  }

  /// Launch i as the runtime's calls that know no types take it. Valid until the list changes.
  cudaKernelNodeParams launch(std::size_t i) {
    const Launch& of = launches_[i];
    pointers_.clear();
    const std::size_t end = i + 1 == size() ? parameters_.size() : launches_[i + 1].first_parameter;
    for (std::size_t p = of.first_parameter; p < end; ++p) pointers_.push_back(pieces_.data() + parameters_[p]);
    cudaKernelNodeParams launch{};
    launch.func = const_cast<void*>(of.function);  // the runtime's type; nothing is written there
    launch.gridDim = of.grid;
    launch.blockDim = of.block;
    launch.sharedMemBytes = static_cast<unsigned>(of.shared_bytes);
    launch.kernelParams = pointers_.data();
    return launch;
  }

 private:
  struct Launch {
    const void* function;
    dim3 grid, block;
    std::size_t shared_bytes;
    std::size_t first_parameter, first_piece;
  };
  /// As strictly aligned as any argument.
  struct alignas(16) Piece {
    std::byte bytes[16];
  };

  static bool is_same(const dim3& a, const dim3& b) { return a.x == b.x && a.y == b.y && a.z == b.z; }
  std::size_t end_piece(std::size_t i) const { return i + 1 == size() ? pieces_.size() : launches_[i + 1].first_piece; }

  /// Arguments become what the kernel's parameters are.
  template <class... Parameters>
  void append(void (*)(Parameters...), const std::type_identity_t<Parameters>&... arguments) {
    (append_one(arguments), ...);
  }
  template <class T>
  void append_one(const T& argument) {
    static_assert(std::is_trivially_copyable_v<T>, "a launch copies a kernel's arguments byte by byte");
    static_assert(alignof(T) <= alignof(Piece));
    parameters_.push_back(pieces_.size());
    pieces_.resize(pieces_.size() + (sizeof(T) + sizeof(Piece) - 1) / sizeof(Piece), Piece{});
    std::memcpy(pieces_.data() + parameters_.back(), &argument, sizeof(T));
  }

  std::vector<Launch> launches_;
  std::vector<std::size_t> parameters_;  ///< where each of all launches' begins in pieces_
  std::vector<Piece> pieces_;
  std::vector<void*> pointers_;  ///< scratch of `launch`
};

}  // namespace seqrec::cuda
