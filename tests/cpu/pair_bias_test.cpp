// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/pair_bias.hpp"

#include <cstdint>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using Context = cpu::BasicContext<double>;

namespace {

/// A unit of two heads with biases for three distances and all buckets of time, and room for their gradients.
struct Biases {
  std::vector<double> recency = {0.5, 1, 2, -0.5, -1, -2}, drecency = std::vector<double>(6, 0.0);
  std::vector<double> decay, ddecay = std::vector<double>(256, 0.0), weight = {1, 1};
  std::vector<std::int64_t> times = {0, 0, 59, 60, 60 + 86400};

  Biases() {
    for (int i = 0; i < 256; ++i) decay.push_back(i < 128 ? i : -i);
  }
  AttentionUnit<Context> unit(bool with_recency, bool with_decay) {
    AttentionUnit<Context> of;
    of.weight = {weight.data(), 2, 1};
    if (with_recency) of.recency = {recency.data(), 2, 3};
    if (with_recency) of.drecency = {drecency.data(), 2, 3};
    if (with_decay) of.decay = {decay.data(), 2, time_buckets};
    if (with_decay) of.ddecay = {ddecay.data(), 2, time_buckets};
    return of;
  }
  VectorView<const std::int64_t, HostSpace> seconds() const { return {times.data(), std::ssize(times)}; }
};

using Bias = cpu::detail::PairBias<Context>;
using Sums = cpu::detail::PairBiasSums<Context>;

}  // namespace

TEST_CASE("a unit without biases has nothing to add", "[cpu]") {
  Context context;
  Biases of;
  const auto unit = of.unit(false, false);
  CHECK_FALSE(Bias(context, unit, {}, 4));
  CHECK_FALSE(Sums(context, unit, {}, 4));
}

TEST_CASE("rows get the bias of their distance from the newest, those far back the last one", "[cpu]") {
  Context context;
  Biases of;
  Bias bias(context, of.unit(true, false), {}, 5);
  REQUIRE(bias);
  std::vector<double> scores = {1, 2, 3, 4, 5};
  CHECK(bias.scale_and_add(0, scores.data(), 0, 5, 10) == 1);  // what is left of the scale
  CHECK(scores == std::vector<double>{12, 22, 32, 41, 50.5});
  scores = {1, 2};
  bias.scale_and_add(1, scores.data(), 3, 2, 10);
  CHECK(scores == std::vector<double>{9, 19.5});
}

TEST_CASE("rows get the bias of their time before the newest that is seen", "[cpu]") {
  Context context;
  Biases of;
  Bias bias(context, of.unit(false, true), of.seconds(), 5);
  std::vector<double> scores(4, 0.0);
  bias.scale_and_add(0, scores.data(), 0, 4, 1);  // rows 0 .. 3: 60, 60, 1 and 0 seconds before the last
  CHECK(scores == std::vector<double>{13, 13, 0, 0});
  scores.assign(4, 0.0);
  bias.scale_and_add(1, scores.data(), 0, 4, 1);  // the second head's
  CHECK(scores == std::vector<double>{-141, -141, -128, -128});
  scores.assign(2, 0.0);
  bias.scale_and_add(0, scores.data(), 3, 2, 1);  // other rows: a day before
  CHECK(scores == std::vector<double>{37, 0});
}

TEST_CASE("gradients of biases are summed by head, distance and bucket", "[cpu]") {
  Context context;
  Biases of;
  Sums sums(context, of.unit(true, true), of.seconds(), 5);
  const std::vector<double> four = {1, 2, 4, 8}, two = {16, 32};
  sums.add(0, 0, cpu::array(four.data(), 4));
  sums.add(1, 0, cpu::array(four.data(), 4));
  sums.add(0, 3, cpu::array(two.data(), 2));
  sums.finish();
  CHECK(of.drecency == std::vector<double>{8 + 32, 4 + 16, 1 + 2, 8, 4, 1 + 2});
  CHECK(of.ddecay[0] == 4 + 8 + 32);
  CHECK(of.ddecay[13] == 1 + 2);
  CHECK(of.ddecay[37] == 16);
  CHECK(of.ddecay[128] == 4 + 8);
  CHECK(of.ddecay[128 + 13] == 1 + 2);
}
