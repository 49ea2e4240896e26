// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include "seqrec/core/context_base.hpp"

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
 public:
  using Team = BasicTeam<Scalar_, Width>;
};

/// Single precision, what models are trained and served in.
using Context = BasicContext<float>;

}  // namespace seqrec::cpu
