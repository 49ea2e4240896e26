// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <type_traits>

#include "seqrec/core/types.hpp"
#include "seqrec/cpu/instruction_set.hpp"
#include "seqrec/ops/lanes.hpp"

namespace seqrec::cpu {
inline namespace SEQREC_INSTRUCTION_SET {

#ifndef __CUDACC__

/// A vector register of numbers, as a lane type (ops/lanes.hpp).
///
/// @tparam Width the context's: keeps code for different instruction sets apart
template <class Scalar_, int Width = Eigen::internal::packet_traits<Scalar_>::size>
class Lanes {
 public:
  using Scalar = Scalar_;
  using Packet = typename Eigen::internal::packet_traits<Scalar>::type;
  static constexpr index_t count = Eigen::internal::unpacket_traits<Packet>::size;

  explicit Lanes(double value) : packet_(Eigen::internal::pset1<Packet>(static_cast<Scalar>(value))) {}
  explicit Lanes(const Packet& packet) : packet_(packet) {}

  static Lanes load(const Scalar* from) { return Lanes(Eigen::internal::ploadu<Packet>(from)); }
  void store(Scalar* to) const { Eigen::internal::pstoreu(to, packet_); }

  friend Lanes operator+(Lanes a, Lanes b) { return Lanes(Eigen::internal::padd(a.packet_, b.packet_)); }
  friend Lanes operator-(Lanes a, Lanes b) { return Lanes(Eigen::internal::psub(a.packet_, b.packet_)); }
  friend Lanes operator*(Lanes a, Lanes b) { return Lanes(Eigen::internal::pmul(a.packet_, b.packet_)); }
  friend Lanes operator/(Lanes a, Lanes b) { return Lanes(Eigen::internal::pdiv(a.packet_, b.packet_)); }
  friend Lanes operator-(Lanes a) { return Lanes(Eigen::internal::pnegate(a.packet_)); }

  friend Lanes abs(Lanes x) { return Lanes(Eigen::internal::pabs(x.packet_)); }
  friend Lanes max(Lanes a, Lanes b) { return where_less(a, b, b, a); }
  friend Lanes where_less(Lanes x, Lanes y, Lanes yes, Lanes no) {
    if constexpr (count == 1)
      return Lanes(x.packet_ < y.packet_ ? yes.packet_ : no.packet_);
    else
      return Lanes(Eigen::internal::pselect(Eigen::internal::pcmp_lt(x.packet_, y.packet_), yes.packet_, no.packet_));
  }
  friend Lanes exp(Lanes x) {
    // Eigen stops at the smallest number that it can make, instead of at 0.
    const Lanes smallest(std::is_same_v<Scalar, double> ? -708.396 : -87.3365);
    return where_less(x, smallest, Lanes(0.0), Lanes(Eigen::internal::pexp(x.packet_)));
  }
  friend Lanes log1p(Lanes x) {
    if constexpr (count == 1)
      return Lanes(Packet(std::log1p(x.packet_)));
    else
      return Lanes(Eigen::internal::generic_plog1p(x.packet_));  // by its general name: no packets of double have it
  }

 private:
  Packet packet_;
};

#else

/// A single number in its place: nvcc compiles what runs over lanes for the device too, where there are no vector
/// registers.
template <class Scalar_, int Width = Eigen::internal::packet_traits<Scalar_>::size>
class Lanes {
 public:
  using Scalar = Scalar_;
  static constexpr index_t count = 1;

  SEQREC_HOST_DEVICE explicit Lanes(double value) : value_(static_cast<Scalar>(value)) {}

  SEQREC_HOST_DEVICE static Lanes load(const Scalar* from) { return of(*from); }
  SEQREC_HOST_DEVICE void store(Scalar* to) const { *to = value_; }

  SEQREC_HOST_DEVICE friend Lanes operator+(Lanes a, Lanes b) { return of(a.value_ + b.value_); }
  SEQREC_HOST_DEVICE friend Lanes operator-(Lanes a, Lanes b) { return of(a.value_ - b.value_); }
  SEQREC_HOST_DEVICE friend Lanes operator*(Lanes a, Lanes b) { return of(a.value_ * b.value_); }
  SEQREC_HOST_DEVICE friend Lanes operator/(Lanes a, Lanes b) { return of(a.value_ / b.value_); }
  SEQREC_HOST_DEVICE friend Lanes operator-(Lanes a) { return of(-a.value_); }

  SEQREC_HOST_DEVICE friend Lanes abs(Lanes x) { return of(lanes::abs(x.value_)); }
  SEQREC_HOST_DEVICE friend Lanes max(Lanes a, Lanes b) { return of(lanes::max(a.value_, b.value_)); }
  SEQREC_HOST_DEVICE friend Lanes where_less(Lanes x, Lanes y, Lanes yes, Lanes no) {
    return x.value_ < y.value_ ? yes : no;
  }
  SEQREC_HOST_DEVICE friend Lanes exp(Lanes x) { return of(lanes::exp(x.value_)); }
  SEQREC_HOST_DEVICE friend Lanes log1p(Lanes x) { return of(lanes::log1p(x.value_)); }

 private:
  SEQREC_HOST_DEVICE static Lanes of(Scalar value) { return Lanes(static_cast<double>(value)); }

  Scalar value_;
};

#endif

}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu

namespace seqrec::lanes {

/// A sum in double of each lane's numbers.
template <class Scalar_, int Width>
class Sum<cpu::Lanes<Scalar_, Width>> {
 public:
  using Scalar = Scalar_;
  using Lanes = cpu::Lanes<Scalar, Width>;

  SEQREC_HOST_DEVICE void add(Lanes x) {
    Scalar values[Lanes::count];
    x.store(values);
    for (index_t lane = 0; lane < Lanes::count; ++lane) sums_[lane] += static_cast<double>(values[lane]);
  }
  SEQREC_HOST_DEVICE Lanes rounded() const {
    Scalar values[Lanes::count];
    for (index_t lane = 0; lane < Lanes::count; ++lane) values[lane] = static_cast<Scalar>(sums_[lane]);
    return Lanes::load(values);
  }
  SEQREC_HOST_DEVICE double operator[](index_t lane) const { return sums_[lane]; }

 private:
  double sums_[Lanes::count] = {};
};

}  // namespace seqrec::lanes
