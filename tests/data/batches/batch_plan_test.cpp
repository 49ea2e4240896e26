// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/batch_plan.hpp"

#include <map>
#include <string>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

std::string message(const BatchPlan& plan) {
  return seqrec_test::message_of<ArgumentError>([&] { plan.check(); });
}

}  // namespace

TEST_CASE("a plan counts who shares how many negatives", "[data]") {
  CHECK(BatchPlan{}.columns() == 2);
  CHECK(BatchPlan{}.shared() == 0);
  CHECK(BatchPlan{.negatives = 0}.columns() == 1);
  const BatchPlan by_user{.negatives = 8, .sharing = NegativeSharing::per_user};
  CHECK(by_user.columns() == 1);
  CHECK(by_user.shared() == 8);
  CHECK_FALSE(by_user.shared_by_batch());
  const BatchPlan by_batch{.negatives = 8, .sharing = NegativeSharing::per_batch, .sampling = {.reject_seen = false}};
  CHECK(by_batch.shared() == 8);
  CHECK(by_batch.shared_by_batch());
  CHECK(BatchPlan{.next_items = false, .negatives = 0, .next_index = false}.columns() == 0);
  const BatchPlan clicks{
      .negatives = 8, .sharing = NegativeSharing::in_batch, .sampling = {.popularity_exponent = 1}, .clicks = true};
  CHECK(clicks.columns() == 9);  // each click has its own
  CHECK(clicks.shared() == 0);
  CHECK_FALSE(clicks.shared_by_batch());
  CHECK(clicks.in_batch());
  CHECK_NOTHROW(clicks.check());
  CHECK_NOTHROW(by_user.check());
  CHECK_NOTHROW(by_batch.check());
}

TEST_CASE("a plan that contradicts itself is refused", "[data]") {
  CHECK(message({.negatives = -1}) == "negatives is -1, expected a number from 0 to 2^31 - 2");
  CHECK(message({.next_items = false}) == "negatives is 1, expected 0 without next items");
  CHECK(message({.next_items = false, .negatives = 0}) == "next_index is true, expected false without next items");
  CHECK_THAT(message({.next_items = false, .negatives = 0, .next_index = false, .clicks = true}),
             ContainsSubstring("clicks is true, expected false without next items"));
  CHECK(message({.sharing = NegativeSharing::per_user, .clicks = true}) ==
        "sharing is per_user, expected per_position or in_batch for clicks");
  CHECK_THAT(message({.sharing = NegativeSharing::in_batch, .clicks = true}),
             ContainsSubstring("popularity_exponent is 0, expected 1 in_batch"));
  const NegativeSampling distinct{.reject_seen = false, .distinct = true};
  CHECK_THAT(message({.sharing = NegativeSharing::in_batch, .sampling = distinct}),
             ContainsSubstring("distinct is true, expected false in_batch"));
  CHECK_NOTHROW(BatchPlan{.sharing = NegativeSharing::in_batch, .sampling = distinct, .clicks = true}.check());
  CHECK_THAT(
      message({.sharing = NegativeSharing::in_batch, .sampling = distinct, .log_probability = true, .clicks = true}),
      ContainsSubstring("log_probability is true, expected false with distinct"));
  CHECK_THAT(message({.sharing = NegativeSharing::in_batch, .sampling = {.reject_seen = false}}),
             ContainsSubstring("popularity_exponent") && ContainsSubstring("1 in_batch"));
  CHECK_THAT(message({.sharing = NegativeSharing::per_batch}),
             ContainsSubstring("reject_seen is true, expected false where a batch shares negatives"));
  CHECK_THAT(message({.sampling = {.popularity_exponent = -1}}), ContainsSubstring("popularity_exponent is -1"));
}

TEST_CASE("what a plan says is said by its options", "[data]") {
  const auto options = [](const BatchPlan& plan) {
    std::map<std::string, std::string> all;
    for (const OptionValue& option : option_values(plan)) all[option.name] = option.text;
    return all;
  };
  const auto usual = options({});
  CHECK(usual.at("sharing") == "per_position");
  CHECK(usual.at("negatives") == "1");
  for (const BatchPlan& other :
       {BatchPlan{.next_items = false}, BatchPlan{.negatives = 2}, BatchPlan{.sharing = NegativeSharing::per_user},
        BatchPlan{.sampling = {.popularity_exponent = 1}}, BatchPlan{.sampling = {.reject_seen = false}},
        BatchPlan{.log_probability = true}, BatchPlan{.next_index = false}, BatchPlan{.clicks = true},
        BatchPlan{.times = true}})
    CHECK(options(other) != usual);
}
