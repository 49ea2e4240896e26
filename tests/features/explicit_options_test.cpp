// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_options.hpp"

#include <set>
#include <string>

#include "seqrec/core/options.hpp"
#include "seqrec/features/explicit_facts.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

TEST_CASE("the options describe themselves, those of the neighbours too", "[features]") {
  ExplicitFeatureOptions options;
  std::set<std::string> names;
  for (const Option& option : list_options(options)) {
    CHECK(option.in_range());
    CHECK(option.effect == OptionEffect::decides);
    names.insert(option.name);
  }
  CHECK(names.size() == 11 + 6 + 3);
  for (const char* name : {"item", "recent_days", "transition_knn_decay", "item_knn_max_history"})
    CHECK(names.contains(name));
}

TEST_CASE("what is out of range is named", "[features][errors]") {
  const auto complaint = [](const ExplicitFeatureOptions& options) {
    return message_of<ArgumentError>([&] { check_explicit_options(options); });
  };
  CHECK(complaint({.recent_events = 5}) ==
        "ExplicitFeatures recent_events is 5, expected more than newest_events, which is 5");
  CHECK(complaint({.recent_days = 0}) == "ExplicitFeatures recent_days is 0, expected 1 .. 36500");
  CHECK(complaint({.transition_knn = {.decay = 0}}) ==
        "ExplicitFeatures transition_knn_decay is 0, expected a number in (0, 1]");
  CHECK_THAT(complaint({.items = "{films}"}), ContainsSubstring("items is '{films}', expected no braces"));
  CHECK_NOTHROW(check_explicit_options({}));
}
