// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/instruction_set.hpp"

#include <string>
#include <typeinfo>

#include "seqrec/cpu/gemm_tile.hpp"
#include "support/catch.hpp"

namespace seqrec::cpu {
inline namespace SEQREC_INSTRUCTION_SET {
struct Named {};
}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu

TEST_CASE("code for an instruction set has its name in every symbol", "[cpu]") {
#define SEQREC_TEXT_OF(name) #name
#define SEQREC_TEXT(name) SEQREC_TEXT_OF(name)
  const std::string name = SEQREC_TEXT(SEQREC_INSTRUCTION_SET);
  CHECK(std::string(typeid(seqrec::cpu::Named).name()).find(name) != std::string::npos);
  CHECK(std::string(typeid(seqrec::cpu::gemm_detail::GemmTiles<float>).name()).find(name) != std::string::npos);
}
