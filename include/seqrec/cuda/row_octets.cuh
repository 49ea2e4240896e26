// SPDX-License-Identifier: Apache-2.0
// The mapping of kernels that pass over rows and draw dropout masks: a thread has eight neighbouring columns, those of
// one Philox block, which it reads and writes 16 or 8 bytes at a time where rows begin at multiples of that; as many
// lanes of a warp as a row needs share it. A row of more than 256 columns is one whose lanes have further eight of them
// in turn (for_octets_of_lane).
#pragma once

#include <cstddef>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// Columns of a thread.
inline constexpr int octet = 8;
/// Columns of a row of whose columns a lane has eight at most.
inline constexpr index_t widest_octet_row = octet * warp_size;
/// Threads of a block.
inline constexpr int octet_threads = 256;

/// Lanes that share a row: a power of two; a whole warp where the row is wider than it has columns.
SEQREC_HOST_DEVICE inline int octets_of_row(index_t columns) {
  int lanes = 1;
  while (lanes < warp_size && lanes * octet < columns) lanes *= 2;
  return lanes;
}

/// Threads for all rows.
inline LaunchShape octet_shape(index_t rows, index_t columns) {
  return {dim3(blocks_for(rows, octet_threads / octets_of_row(columns))), dim3(octet_threads)};
}

/// A thread's place.
struct OctetPlace {
  int lanes;  ///< of its row
  int lane;   ///< which of them it is

  __device__ explicit OctetPlace(int lanes_of_row)
      : lanes(lanes_of_row), lane(static_cast<int>(threadIdx.x) % lanes_of_row) {}

  __device__ int rows_of_block() const { return octet_threads / lanes; }
  __device__ int row_in_block() const { return static_cast<int>(threadIdx.x) / lanes; }
  /// The row that the thread begins with.
  __device__ index_t first_row() const { return static_cast<index_t>(blockIdx.x) * rows_of_block() + row_in_block(); }
  /// To its next row.
  __device__ index_t stride() const { return static_cast<index_t>(gridDim.x) * rows_of_block(); }
  /// Its first column.
  __device__ int column() const { return octet * lane; }
  /// How many of its columns the row has.
  __device__ int count(index_t columns) const {
    const index_t left = columns - column();
    return left < octet ? static_cast<int>(left < 0 ? 0 : left) : octet;
  }
  /// The sum over the row's lanes, for all of them. Every lane of the warp takes part.
  template <class A>
  __device__ A sum(A value) const {
    for (int distance = lanes / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(all_lanes, value, distance);
    return value;
  }
};

/// Calls action(column, count) for the eights of columns of this thread: the first, and how many the row has of them.
template <class Action>
__device__ void for_octets_of_lane(const OctetPlace& at, index_t columns, Action action) {
  for (index_t column = at.column(); column < columns; column += octet * at.lanes)
    action(column, columns - column < octet ? static_cast<int>(columns - column) : octet);
}

/// Neighbouring numbers that are read and written at once.
template <class S, int Bytes>
struct alignas(Bytes) OctetPiece {
  static constexpr int size = Bytes / static_cast<int>(sizeof(S));
  S values[static_cast<std::size_t>(size)];
};

/// Eight neighbouring numbers of a row, of which the first `count` exist; `alignment` is the row's (row_alignment).
template <class S>
struct Octet {
  S values[octet] = {};

  __device__ S& operator[](int i) { return values[i]; }
  __device__ const S& operator[](int i) const { return values[i]; }

  __device__ static Octet load(const S* from, int count, int alignment) {
    Octet read;
    for_pieces(alignment, [&]<int Bytes>() {
      using Piece = OctetPiece<S, Bytes>;
      for (int piece = 0; piece < octet / Piece::size; ++piece) {
        if (piece * Piece::size >= count) continue;
        const Piece found = reinterpret_cast<const Piece*>(from)[piece];
        for (int i = 0; i < Piece::size; ++i) read.values[piece * Piece::size + i] = found.values[i];
      }
    });
    return read;
  }
  __device__ void store(S* to, int count, int alignment) const {
    for_pieces(alignment, [&]<int Bytes>() {
      using Piece = OctetPiece<S, Bytes>;
      for (int piece = 0; piece < octet / Piece::size; ++piece) {
        if (piece * Piece::size >= count) continue;
        Piece left;
        for (int i = 0; i < Piece::size; ++i) left.values[i] = values[piece * Piece::size + i];
        reinterpret_cast<Piece*>(to)[piece] = left;
      }
    });
  }
  /// Leaves them under a gradient's rule; nothing where nobody wants them.
  template <class Context>
  __device__ void leave(const Gradient<Context>& gradient, index_t row, index_t column, int count,
                        int alignment) const {
    if (!gradient) return;
    S* const place = gradient.view.row(row) + column;
    Octet sum = *this;
    if (gradient.adds()) {
      const Octet before = load(place, count, alignment);
      for (int i = 0; i < octet; ++i) sum[i] += before[i];
    }
    sum.store(place, count, alignment);
  }

 private:
  /// Calls action.operator()<Bytes>() for the bytes of an alignment.
  template <class Action>
  __device__ static void for_pieces(int alignment, Action action) {
    if (alignment == 16)
      action.template operator()<16>();
    else if (alignment == 8)
      action.template operator()<8>();
    else
      action.template operator()<static_cast<int>(sizeof(S))>();
  }
};

}  // namespace seqrec::cuda
