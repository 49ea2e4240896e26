// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/hybrid_options.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a hybrid's options are those of its fold, its trees and its features, each once") {
  std::set<std::string> names;
  for (const OptionValue& value : option_values(HybridOptions{})) CHECK(names.insert(value.name).second);
  for (const char* name : {"out_of_fold", "held_out", "negatives", "booster_rate", "booster_l2", "features_item"})
    CHECK(names.contains(name));
  CHECK_FALSE(names.contains("threads"));  // decides nothing
  HybridOptions options;
  options.booster.rate = 2;
  CHECK_THROWS_WITH(check_options("hybrid", options), ContainsSubstring("hybrid booster_rate is 2"));
}
