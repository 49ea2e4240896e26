// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/moe_options.hpp"

#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("an expert's width divides the dense network's among those that a row goes to", "[layers]") {
  CHECK(MoeOptions{.experts = 8, .top_k = 2}.units(64) == 32);
  CHECK(MoeOptions{.experts = 8, .top_k = 3, .shared_experts = 1}.units(64) == 16);
  CHECK(MoeOptions{.experts = 8, .top_k = 2, .expert_width = 5}.units(64) == 5);
  CHECK(MoeOptions{}.dense());
}

TEST_CASE("options of a mixture must fit each other", "[layers][errors]") {
  const auto complaint = [](const MoeOptions& options, index_t hidden) {
    return seqrec_test::message_of<ArgumentError>([&] { options.check_together("M moe_", hidden); });
  };
  CHECK(complaint({.experts = 2, .top_k = 3}, 6) == "M moe_top_k is 3, expected 1 .. 2, at most M moe_experts");
  CHECK_THAT(complaint({.experts = 4, .top_k = 3}, 7), ContainsSubstring("M moe_expert_width is 0") &&
                                                           ContainsSubstring("7 hidden units") &&
                                                           ContainsSubstring("3 experts"));
  CHECK_THAT(complaint({.experts = 4, .top_k = 2}, 0), ContainsSubstring("M moe_expert_width is 0"));
  CHECK_NOTHROW(MoeOptions{.experts = 0, .top_k = 3}.check_together("M moe_", 7));  // a dense network asks for nothing
  CHECK_NOTHROW(MoeOptions{.experts = 3, .top_k = 3, .expert_width = 4}.check_together("M moe_", 7));
}

TEST_CASE("kinds of balance and gates have names for option texts", "[layers]") {
  CHECK(std::string(names_of(MoeBalanceKind{})[static_cast<std::size_t>(MoeBalanceKind::none)]) == "none");
  CHECK(std::string(names_of(MoeBalanceKind{})[static_cast<std::size_t>(MoeBalanceKind::loss_free)]) == "loss_free");
  CHECK(std::string(names_of(MoeBalanceKind{})[static_cast<std::size_t>(MoeBalanceKind::auxiliary)]) == "auxiliary");
  CHECK(std::string(names_of(MoeGate{})[static_cast<std::size_t>(MoeGate::softmax)]) == "softmax");
}
