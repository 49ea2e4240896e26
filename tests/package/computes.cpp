// SPDX-License-Identifier: Apache-2.0
// A consumer's program that runs a kernel; its argument says which library it was linked with.
#include <iostream>
#include <seqrec/cpu.hpp>
#include <string>

#ifdef SEQREC_COMPILED
constexpr bool compiled = true;
#else
constexpr bool compiled = false;
#endif
#ifdef MY_FLAG
constexpr bool my_flags = true;
#else
constexpr bool my_flags = false;
#endif

int main(int argc, char** argv) {
  const std::string library = argc == 2 ? argv[1] : "";
  if (compiled != (library != "seqrec::seqrec") || my_flags != compiled) {
    std::cerr << "linked with " << library << ", the program sees other definitions\n";
    return 1;
  }
  seqrec::cpu::Context context;
  const auto x = context.matrix(1, 2), weight = context.matrix(1, 2), y = context.matrix(1, 1);
  x(0, 0) = 2;
  x(0, 1) = 3;
  weight(0, 0) = 5;
  weight(0, 1) = 7;
  seqrec::ops::linear_forward(context, seqrec::LinearForward<seqrec::cpu::Context>{.x = x, .weight = weight, .y = y});
  std::cout << library << ": 2 * 5 + 3 * 7 = " << y(0, 0) << '\n';
  return y(0, 0) == 31 ? 0 : 1;
}
