// SPDX-License-Identifier: Apache-2.0
#include "emulator/fiber.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

/// Walks through numbers, and stops at each in the depth of as many calls.
struct Walk final : emulator::Fiber::Task {  // NOLINT(cppcoreguidelines-virtual-class-destructor): final
  explicit Walk(double step_) : step(step_) {}
  void run() override {
    double sum = 0;
    for (int depth = 0; depth < 4; ++depth) sum += descend(depth, step);
    last = sum;
    try {
      emulator::Fiber& mine = *fiber;
      mine.suspend();
      throw std::runtime_error("from a stack of its own");
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
  }
  double descend(int depth, double value) {
    if (depth > 0) return value + descend(depth - 1, value);
    last = value;
    fiber->suspend();
    return value;
  }
  double step;
  double last = 0;
  std::string caught;
  emulator::Fiber* fiber = nullptr;
};

}  // namespace

TEST_CASE("fibers keep what they know while others run", "[emulator]") {
  constexpr std::size_t count = 70;
  std::vector<std::unique_ptr<emulator::Fiber>> fibers;
  std::vector<std::unique_ptr<Walk>> walks;
  for (std::size_t i = 0; i < count; ++i) fibers.push_back(std::make_unique<emulator::Fiber>(i));
  for (int round = 0; round < 2; ++round) {  // a fiber that has ended can be started again
    walks.clear();
    for (std::size_t i = 0; i < count; ++i) {
      walks.push_back(std::make_unique<Walk>(static_cast<double>(i + 1) / 8));
      walks[i]->fiber = fibers[i].get();
      fibers[i]->start(*walks[i]);
    }
    double outside = 0;  // as the caller does
    for (int visit = 0; visit < 6; ++visit)
      for (std::size_t i = 0; i < count; ++i) {
        fibers[i]->resume();
        outside += walks[i]->last;
      }
    const double steps = count * (count + 1) / 16.0;
    CHECK(outside == steps * (4 + 10 + 10));
    for (const auto& walk : walks) CHECK(walk->caught == "from a stack of its own");
  }
}

TEST_CASE("the stacks of fibers begin at different lines of a page", "[emulator]") {
  const emulator::Stack one(64 << 10, 0), other(64 << 10, 1);
  CHECK(one.bytes() >= 64 << 10);
  CHECK(other.bytes() >= 64 << 10);
  CHECK(reinterpret_cast<std::uintptr_t>(one.top()) % 4096 != reinterpret_cast<std::uintptr_t>(other.top()) % 4096);
}
