// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/instruction_set.hpp"
#include "seqrec/cpu/pieces.hpp"

namespace seqrec::cpu {
inline namespace SEQREC_INSTRUCTION_SET {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument, as Eigen itself has it

namespace softmax_detail {

/// Eigen's exp (Cephes' polynomial), with the same bits, but for what is below 2^-126, which is 0 here. To reach that
/// Eigen multiplies by the power of two in four parts, where AVX-512 has no instruction for it; here it is one.
template <class Packet>
EIGEN_ALWAYS_INLINE Packet exp_of_nonpositive(const Packet& x) {
  using namespace Eigen::internal;
  using Integers = typename unpacket_traits<Packet>::integer_packet;
  const auto constant = [](float value) { return pset1<Packet>(value); };
  const Packet smallest = constant(-87.33f);  // exp of it is just above 2^-126
  const Packet within = pmax(x, smallest);
  const Packet two = pfloor(pmadd(within, constant(1.44269504088896341f), constant(0.5f)));
  Packet rest = pmadd(two, constant(-0.693359375f), within);  // ln 2 in two parts
  rest = pmadd(two, constant(2.12194440e-4f), rest);
  const Packet square = pmul(rest, rest), cube = pmul(square, rest);
  Packet high = pmadd(constant(1.9875691500e-4f), rest, constant(1.3981999507e-3f));
  high = pmadd(high, rest, constant(8.3334519073e-3f));
  Packet low = pmadd(constant(4.1665795894e-2f), rest, constant(1.6666665459e-1f));
  low = pmadd(low, rest, constant(5.0000001201e-1f));
  const Packet sum = pmadd(pmadd(high, cube, low), square, padd(rest, constant(1.0f)));
  const Integers exponent = padd(pcast<Packet, Integers>(two), pset1<Integers>(127));
  const Packet power = pmul(sum, preinterpret<Packet>(plogical_shift_left<23>(exponent)));
  // What is not a number is neither less nor as much: it goes through the last line.
  const Packet found = pselect(pcmp_lt(x, smallest), constant(0.0f), power);
  return pselect(pcmp_eq(x, x), found, x);
}

}  // namespace softmax_detail

/// exp(x) where x is at most 0, or not a number: exp(score - highest score), of which a softmax is made.
template <class S>
EIGEN_ALWAYS_INLINE Piece<S> exp_of_nonpositive(const Piece<S>& x) {
  using Packet = typename Eigen::internal::packet_traits<S>::type;
  constexpr int lanes = Eigen::internal::packet_traits<S>::size;
  if constexpr (std::is_same_v<S, float> && (lanes == 4 || lanes == 8)) {
    Piece<S> y;
    for (int i = 0; i < x.size(); i += lanes)
      Eigen::internal::pstoreu(
          y.data() + i, softmax_detail::exp_of_nonpositive<Packet>(Eigen::internal::ploadu<Packet>(x.data() + i)));
    return y;
  } else {
    return x.exp();
  }
}

#pragma GCC diagnostic pop

/// x = softmax(scale x), the same bits at whatever address.
/// @param size at least 1   @param scale above 0
template <class S>
void softmax(S* x, index_t size, S scale = 1) {
  const S highest = array(x, size).maxCoeff();
  map_pieces(
      x, size, [&](const Piece<S>& v) -> Piece<S> { return exp_of_nonpositive<S>((v - highest) * scale); }, x);
  array(x, size) /= sum_of_pieces(x, size);
}

}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu
