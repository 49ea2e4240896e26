// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/user_state.hpp"

#include <algorithm>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/hstu.hpp"
#include "seqrec/models/narm.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"

using namespace seqrec;
using Context = cpu::Context;
using Items = std::vector<item_t>;

namespace {

constexpr index_t max_length = 20;

/// After every event, what a growing history is offered has the bits of what the whole of it is.
/// @param events  that are read
template <class Model>
void check_reads_as_a_whole(const Model& model, index_t events) {
  const Items items = seqrec_test::random_items(events, 60, 3);
  std::vector<std::int64_t> times;
  for (index_t i = 0; i < events; ++i) times.push_back(1'000'000'000 + 1000 * i * i);
  const Recommender<Model> server(model, {.team = {.threads = 1}, .warm_up = false});
  UserState<Model> user(server);
  for (index_t n = 1; n <= events; ++n) {
    CAPTURE(n);
    const auto at = static_cast<std::size_t>(n);
    user.append(items[at - 1], times[at - 1]);
    const Items history(items.begin(), items.begin() + n);
    const auto seconds = times_option(model) != nullptr ? std::span<const std::int64_t>(times).first(at)
                                                        : std::span<const std::int64_t>();
    const auto whole = server.recommend(RecommendRequest{history, 12, history, -1, seconds});
    const auto grown = user.recommend(12, history);
    REQUIRE(std::equal(whole.begin(), whole.end(), grown.begin(), grown.end(),
                       [](const auto& a, const auto& b) { return a.item == b.item && a.score == b.score; }));
  }
  CHECK(user.size() == events);
}

}  // namespace

TEST_CASE("a SasRec with positions from the start reads a history on, and anew where it moves", "[serve]") {
  for (const NormPlacement norm : {NormPlacement::original, NormPlacement::pre, NormPlacement::post})
    for (const bool biased : {false, true})
      check_reads_as_a_whole(SasRec<Context>({.items = 60,
                                              .width = 12,
                                              .blocks = 3,
                                              .heads = 2,
                                              .max_length = max_length,
                                              .norm = norm,
                                              .position_origin = PositionOrigin::start,
                                              .position_bias = biased,
                                              .time_bias = biased,
                                              .seed = 1}),
                             max_length + 5);
}
TEST_CASE("a SasRec with positions from the end reads a history anew", "[serve]") {
  check_reads_as_a_whole(SasRec<Context>({.items = 60, .width = 12, .max_length = max_length, .seed = 1}), 25);
}
TEST_CASE("an Hstu reads a history on", "[serve]") {
  check_reads_as_a_whole(Hstu<Context>({.items = 60,
                                        .width = 12,
                                        .heads = 2,
                                        .max_length = max_length,
                                        .position_origin = PositionOrigin::start,
                                        .seed = 1}),
                         max_length + 5);
}
TEST_CASE("a recurrent model reads a history on, also beyond what it would read of it anew", "[serve]") {
  const Gru4Rec<Context> model(
      {.items = 60, .width = 12, .hidden = 10, .layers = 2, .max_length = max_length, .item_bias = true, .seed = 1});
  check_reads_as_a_whole(model, max_length);
  const Recommender<Gru4Rec<Context>> server(model, {.warm_up = false});
  UserState<Gru4Rec<Context>> longer(server), shorter(server);
  longer.append(5);
  for (index_t i = 0; i < max_length; ++i) {
    longer.append(static_cast<item_t>(i));
    shorter.append(static_cast<item_t>(i));
  }
  CHECK(longer.recommend(1)[0].score != shorter.recommend(1)[0].score);  // it remembers item 5
}
TEST_CASE("a model that cannot read on is read anew", "[serve]") {
  check_reads_as_a_whole(Narm<Context>({.items = 60, .width = 12, .hidden = 8, .max_length = max_length, .seed = 1}),
                         max_length + 5);
}

TEST_CASE("what a growing history cannot be asked is named", "[serve][errors]") {
  const SasRec<Context> model({.items = 9, .width = 8, .max_length = 4, .seed = 1});
  const Recommender<SasRec<Context>> server(model, {.warm_up = false});
  UserState<SasRec<Context>> user(server);
  CHECK_THROWS_AS(user.recommend(3), ArgumentError);
  CHECK(seqrec_test::message_of<DataError>([&] { user.append(9); }) == "UserState item is 9, expected 0 .. 8");
  user.append(3);
  CHECK(user.size() == 1);
  CHECK(seqrec_test::message_of<ArgumentError>([&] { user.recommend(0); }) ==
        "UserState count is 0, expected at least 1");
  CHECK(seqrec_test::message_of<DataError>([&] { user.recommend(1, Items{-1}); }) ==
        "UserState exclusion is -1, expected 0 .. 8");
}
