// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/core/context_base.hpp"
#include "seqrec/core/team_options.hpp"

#if defined(__CUDACC__) && !defined(EIGEN_NO_CUDA)
#error "seqrec: under nvcc Eigen silently turns scalar; define EIGEN_NO_CUDA before including <seqrec/cpu.hpp>"
#endif

namespace seqrec::cpu {

template <class Scalar, int Width>
class BasicTeam;

/// The context of the CPU backend.
///
/// @tparam Width lanes of a vector register. It is part of the type, and so of the name of everything built on it: that
///         keeps objects apart which were compiled for different instruction sets. (Eigen does not do the same for all
///         of its own functions: where such objects meet in one program, link them into libraries with hidden symbols.)
template <class Scalar_, int Width = Eigen::internal::packet_traits<Scalar_>::size>
class BasicContext : public ContextBase<Scalar_, Scalar_, HostSpace> {
  using Base = ContextBase<Scalar_, Scalar_, HostSpace>;

 public:
  using Team = BasicTeam<Scalar_, Width>;

  void begin_shard() {
    Base::begin_shard();
    masks_.clear();
  }

  /// How exact products with the whole catalogue are: full or bf16.
  ProductPrecision products() const { return products_; }
  void set_products(ProductPrecision products) { products_ = products; }

  /// What a mask's bits are a function of.
  struct MaskKey {
    Dropout mask;
    index_t rows, columns;
    bool causal = false;  ///< of row i of a history only columns 0 .. i

    bool operator==(const MaskKey&) const = default;
  };

  /// Bits of a dropout mask, which live until the next shard. Those that this shard has drawn before are found again: a
  /// backward pass asks for the mask of its forward pass, and drawing costs more than reading.
  /// @param draw  called with room for `size` words, which it fills
  template <class Draw>
  const std::uint64_t* mask_of_shard(const MaskKey& key, index_t size, Draw draw) {
    for (const auto& [known, bits] : masks_)
      if (known == key) return bits;
    std::uint64_t* const words = Base::template vector<std::uint64_t>(size).data;
    draw(words);
    masks_.emplace_back(key, words);
    return words;
  }

 private:
  ProductPrecision products_ = ProductPrecision::full;
  std::vector<std::pair<MaskKey, const std::uint64_t*>> masks_;
};

/// Single precision, what models are trained and served in.
using Context = BasicContext<float>;

}  // namespace seqrec::cpu
