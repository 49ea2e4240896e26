// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/plateau.hpp"

#include <limits>
#include <string>

#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace seqrec;

TEST_CASE("reducing on a plateau agrees with PyTorch", "[optim]") {
  seqrec_test::Golden golden("schedule_plateau");
  const ReduceOnPlateau options{.factor = golden.number("factor"),
                                .patience = static_cast<index_t>(golden.number("patience")),
                                .threshold = golden.number("threshold"),
                                .min_rate = golden.number("min_rate")};
  options.check();
  PlateauRate plateau{golden.number("start")};
  const auto scores = golden.matrix("scores"), rates = golden.matrix("rates");
  for (index_t i = 0; i < scores.size(); ++i) {
    plateau.offer(scores(i), options);
    CHECK(plateau.rate == Approx(rates(i)).epsilon(1e-14));
  }
}

TEST_CASE("by default nothing reduces the rate", "[optim]") {
  PlateauRate plateau{0.1};
  for (int i = 0; i < 100; ++i) plateau.offer(0.5, {});
  CHECK(plateau.rate == 0.1);
}

TEST_CASE("without patience the first score that is not better reduces", "[optim]") {
  const ReduceOnPlateau options{.factor = 0.5, .patience = 0, .threshold = 0};
  PlateauRate plateau{8};
  for (const double score : {0.0, 0.1, 0.1, 0.05, 0.2}) plateau.offer(score, options);
  CHECK(plateau.rate == 2);
  CHECK(plateau.best == 0.2);
}

TEST_CASE("a plateau's options out of range are named", "[optim]") {
  const auto message = [](const ReduceOnPlateau& options) {
    return seqrec_test::message_of<ArgumentError>([&] { options.check(); });
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double factor : {0.0, -0.5, 1.5, nan})
    CHECK_THAT(message({.factor = factor}), ContainsSubstring("plateau factor is") && ContainsSubstring("(0, 1]"));
  CHECK_THAT(message({.patience = -1}), ContainsSubstring("plateau patience is -1"));
  for (const double bad : {-0.1, nan}) {
    CHECK_THAT(message({.threshold = bad}), ContainsSubstring("plateau threshold is"));
    CHECK_THAT(message({.min_rate = bad}), ContainsSubstring("plateau min_rate is"));
  }
}

TEST_CASE("every option of a plateau is shown under its name", "[optim]") {
  std::string shown;
  for (const OptionValue& option : option_values(ReduceOnPlateau{.factor = 0.5}))
    shown += option.name + "=" + option.text + " ";
  CHECK(shown == "factor=0.5 patience=10 threshold=1e-04 min_rate=0 ");
}
