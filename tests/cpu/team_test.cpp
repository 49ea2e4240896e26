// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/team.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/random.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using cpu::Team;
using seqrec_test::message_of;
using Context = Team::Context;

namespace {

/// A batch that is cut into a number of shards; a shard is its number.
struct Shards {
  index_t count;
  index_t num_shards() const { return count; }
  index_t shard(index_t s) const { return s; }
};

/// What `team` makes of a step whose shards add numbers that round differently in another order.
struct StepResult {
  double loss;
  std::vector<float> gradients;
};

constexpr index_t gradient_size = 40'000;  // several ranges of reduce

/// A slot's gradients, all in one block.
VectorView<float, HostSpace> all_gradients(Context& context) {
  const ElementRange all{0, context.gradient_elements()};
  return context.gradient(all, all);
}

StepResult rounding_step(Team& team, index_t shards) {
  team.run_step(1, 1, Shards{shards}, [](Context& context, index_t shard) {
    RandomStream random(3, Purpose::synthetic_data, static_cast<std::uint64_t>(shard));
    const auto gradients = all_gradients(context);
    for (index_t i = shard; i < gradients.size(); i += 3) gradients(i) += static_cast<float>(random.normal());
    context.add_loss(random.normal());
  });
  team.reduce();
  StepResult result{team.loss()(0), {}};
  result.gradients.assign(team.gradients().data, team.gradients().data + team.gradients().size());
  return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("a team has the threads and slots that it is given", "[cpu][threads]") {
  Team team(0, {.threads = 2, .slots = 5});
  CHECK(team.threads() == 2);
  CHECK(team.slots() == 5);
  CHECK(Team().slots() == 8);
  CHECK(Team().threads() >= 1);
}

TEST_CASE("a team refuses options out of range", "[cpu][errors]") {
  CHECK(message_of<ArgumentError>([] { Team(0, {.threads = -1}); }) ==
        "threads is -1, expected at least 0 (0 is one for each core)");
  CHECK(message_of<ArgumentError>([] { Team(0, {.slots = 0}); }) == "slots is 0, expected at least 1");
  CHECK(message_of<ArgumentError>([] { Team(0, {.slots = -3}); }) == "slots is -3, expected at least 1");
  CHECK(message_of<ArgumentError>([] { Team(0, {.graphs = true}); }) ==
        "graphs is true, expected false: they are a GPU's");
  CHECK(message_of<ArgumentError>([] { Team(0, {.products = ProductPrecision::tf32}); }) ==
        "products is tf32, expected full or bf16: tf32 is a GPU's");
}

TEST_CASE("every context of a team multiplies as exactly as the team is told", "[cpu]") {
  for (const ProductPrecision precision : {ProductPrecision::full, ProductPrecision::bf16}) {
    Team team(0, {.threads = 2, .slots = 3, .products = precision});
    CHECK(team.context().products() == precision);
  }
}

TEST_CASE("shard s goes to slot s mod G, in ascending order, on any number of threads", "[cpu][threads]") {
  for (const int threads : {1, 2, 3})
    for (const index_t shards : {1, 3, 4, 5, 23}) {
      CAPTURE(threads, shards);
      Team team(0, {.threads = threads, .slots = 4});
      std::mutex mutex;
      std::map<Context*, std::vector<index_t>> dealt;
      team.run(Shards{shards}, [&](Context& context, index_t shard) {
        const std::lock_guard lock(mutex);
        dealt[&context].push_back(shard);
      });
      CHECK(static_cast<index_t>(dealt.size()) == std::min<index_t>(4, shards));
      for (const auto& [context, of_slot] : dealt) {
        std::vector<index_t> expected;
        for (index_t s = of_slot.front() % 4; s < shards; s += 4) expected.push_back(s);
        CHECK(of_slot == expected);
        if (of_slot.front() == 0) CHECK(context == &team.context());
      }
    }
}

TEST_CASE("no shard is no work", "[cpu]") {
  Team team(10, {.threads = 2, .slots = 3});
  rounding_step(team, 5);
  const StepResult result = rounding_step(team, 0);
  CHECK(result.loss == 0);
  CHECK(result.gradients == std::vector<float>(10));
}

TEST_CASE("every shard starts anew: drawing sites from 0, activations taken back", "[cpu]") {
  Team team(0, {.threads = 1, .slots = 2});
  const float* first_memory = nullptr;
  team.run(Shards{6}, [&](Context& context, index_t shard) {
    CHECK(context.next_dropout(0.5, 0).site == 0);
    CHECK(context.next_dropout(0.5, 0).site == 1);
    const float* memory = context.vector(100).data;
    if (shard == 0) first_memory = memory;
    if (shard % 2 == 0) CHECK(memory == first_memory);
  });
  CHECK(team.memory_held() > 0);
}

TEST_CASE("a step's masks are those of its seed and number in every slot", "[cpu]") {
  Team team(0, {.threads = 2, .slots = 3});
  std::vector<Dropout> masks(7);
  team.run_step(5, 9, Shards{7}, [&](Context& context, index_t shard) {
    masks[static_cast<std::size_t>(shard)] = context.next_dropout(0.5, 0);
  });
  const PhiloxKey key = philox_key(5, Purpose::dropout);
  for (const Dropout& mask : masks) {
    CHECK(mask.step == 9);
    CHECK(mask.key.low == key.low);
    CHECK(mask.key.high == key.high);
  }
}

TEST_CASE("reduce sums gradients and losses over the slots", "[cpu][threads]") {
  for (const index_t shards : {1, 2, 3, 10}) {
    Team team(5, {.threads = 2, .slots = 3});
    for (int step = 1; step <= 2; ++step) {  // the second starts from zero
      team.run_step(1, static_cast<std::uint64_t>(step), Shards{shards}, [](Context& context, index_t shard) {
        for (index_t i = 0; i < 5; ++i) all_gradients(context)(i) += static_cast<float>((i + 1) * (shard + 1));
        context.add_loss(static_cast<double>(shard + 1));
      });
      const auto sum = static_cast<double>(shards * (shards + 1)) / 2;
      team.reduce();
      CHECK(team.loss()(0) == sum);
      for (index_t i = 0; i < 5; ++i) CHECK(team.gradients()(i) == static_cast<float>(i + 1) * static_cast<float>(sum));
    }
  }
}

TEST_CASE("a further batch adds to the step that is begun, whichever has more shards", "[cpu][threads]") {
  const auto work = [](Context& context, index_t shard) {
    for (index_t i = 0; i < 5; ++i) all_gradients(context)(i) += static_cast<float>((i + 1) * (shard + 1));
    context.add_loss(static_cast<double>(shard + 1));
  };
  const auto sum = [](index_t shards) { return static_cast<double>(shards * (shards + 1)) / 2; };
  for (const int threads : {1, 2, 3})
    for (const auto& [first, second] : {std::pair<index_t, index_t>{1, 7}, {7, 1}, {2, 3}, {0, 2}, {2, 0}}) {
      CAPTURE(threads, first, second);
      Team team(5, {.threads = threads, .slots = 3});
      for (int step = 0; step < 2; ++step) {  // what slots hold of the step before counts for nothing
        team.run_step(1, 10, Shards{first}, work);
        team.run_further(1, 11, Shards{second}, work);
        const double expected = sum(first) + sum(second);
        team.reduce();
        CHECK(team.loss()(0) == expected);
        for (index_t i = 0; i < 5; ++i)
          CHECK(team.gradients()(i) == static_cast<float>(i + 1) * static_cast<float>(expected));
      }
    }
}

TEST_CASE("the masks of a further batch are its own, in slots begun and not", "[cpu]") {
  Team team(0, {.threads = 2, .slots = 3});
  std::vector<Dropout> masks(3);
  const auto draw = [&](Context& context, index_t shard) {
    masks[static_cast<std::size_t>(shard)] = context.next_dropout(0.5, 0);
  };
  team.run_step(5, 20, Shards{1}, draw);
  CHECK(masks[0].step == 20);
  team.run_further(5, 21, Shards{3}, draw);
  for (const Dropout& mask : masks) {
    CHECK(mask.step == 21);
    CHECK(mask.site == 0);
    CHECK(mask.key.low == philox_key(5, Purpose::dropout).low);
  }
}

TEST_CASE("what idle slots hold of an earlier step counts for nothing", "[cpu]") {
  Team team(gradient_size, {.threads = 1, .slots = 8}), fresh(gradient_size, {.threads = 1, .slots = 8});
  rounding_step(team, 20);
  const StepResult after = rounding_step(team, 2), expected = rounding_step(fresh, 2);
  CHECK(after.loss == expected.loss);
  CHECK(same_bits(after.gradients, expected.gradients));
}

TEST_CASE("a step has the same bits on 1, 2 and 3 threads", "[cpu][threads]") {
  for (const int slots : {1, 3, 8}) {
    CAPTURE(slots);
    Team alone(gradient_size, {.threads = 1, .slots = slots});
    const StepResult expected = rounding_step(alone, 29);
    for (const int threads : {2, 3}) {
      Team team(gradient_size, {.threads = threads, .slots = slots});
      for (int repeat = 0; repeat < 3; ++repeat) {
        const StepResult result = rounding_step(team, 29);
        CHECK(result.loss == expected.loss);
        CHECK(same_bits(result.gradients, expected.gradients));
      }
    }
  }
}

TEST_CASE("a team without gradients sums losses only", "[cpu]") {
  Team team(0, {.threads = 2, .slots = 3});
  std::atomic<index_t> sizes = 0;
  team.run_step(1, 1, Shards{4}, [&](Context& context, index_t shard) {
    sizes += context.gradient_elements() + context.gradients().size();
    context.add_loss(static_cast<double>(shard));
  });
  CHECK(sizes == 0);
  team.reduce();
  CHECK(team.loss()(0) == 6);
  CHECK(team.gradients().size() == 0);
}

TEST_CASE("ranges cover everything exactly once, the same ones on any number of threads", "[cpu][threads]") {
  for (const index_t size : {0, 1, 16383, 16384, 16385, 100'000, 1'000'003})
    for (const int slots : {1, 3, 8}) {
      CAPTURE(size, slots);
      std::map<index_t, index_t> first_seen;
      for (const int threads : {1, 2, 3}) {
        Team team(0, {.threads = threads, .slots = slots});
        std::mutex mutex;
        std::map<index_t, index_t> ranges;  // first -> count
        std::map<Context*, int> users;
        bool shared = false;
        team.for_ranges(size, [&](Context& context, index_t first, index_t count) {
          {
            const std::lock_guard lock(mutex);
            shared |= users[&context]++ != 0;
            CHECK(ranges.emplace(first, count).second);
          }
          context.vector(8)(0) = static_cast<float>(first);
          const std::lock_guard lock(mutex);
          --users[&context];
        });
        index_t next = 0;
        for (const auto& [first, count] : ranges) {
          CHECK(first == next);
          CHECK(count > 0);
          next = first + count;
        }
        CHECK(next == size);
        CHECK_FALSE(shared);  // a context serves one thread at a time
        if (threads == 1) first_seen = ranges;
        CHECK(ranges == first_seen);
      }
    }
}

TEST_CASE("what a shard's work throws is thrown by run; of several the lowest slot's", "[cpu][threads]") {
  for (const int threads : {1, 2, 3}) {
    Team team(4, {.threads = threads, .slots = 3});
    const auto message = message_of<std::runtime_error>([&] {
      team.run_step(1, 1, Shards{9}, [](Context&, index_t shard) {
        if (shard == 4 || shard == 5) throw std::runtime_error("shard " + std::to_string(shard));
      });
    });
    CHECK(message == "shard 4");
    team.run_step(1, 2, Shards{9}, [](Context& context, index_t) { context.add_loss(1); });
    team.reduce();
    CHECK(team.loss()(0) == 9);  // and the team still works
  }
}
