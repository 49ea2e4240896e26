// SPDX-License-Identifier: Apache-2.0
// Which threads of a block wait for which, when they may go on, and what to say when they never will.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/language.hpp"

namespace emulator {

/// A kernel did what the hardware leaves undefined; the message names kernel, block and thread.
struct KernelError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whether two literals say the same; mostly they are one.
inline bool same_text(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

/// Where in its source a kernel waits. As a default argument it is the place of the call.
struct Site {
  const char* file;
  int line;
  constexpr Site(const char* file_ = __builtin_FILE(), int line_ = __builtin_LINE()) : file(file_), line(line_) {}
  bool operator==(const Site& other) const { return line == other.line && same_text(file, other.file); }
};

inline constexpr std::size_t lanes_per_warp = 32;

/// What one thread of a block is doing, and what it gives and gets where it meets others.
struct Waiter {
  enum class State : unsigned char { runs, at_warp_operation, at_barrier, has_left };
  static constexpr int no_lane = -1;

  uint3 index{};  ///< threadIdx
  State state = State::runs;
  const char* operation = "";
  Site site;
  unsigned mask = 0;        ///< the lanes it waits for; all for a barrier
  int source = no_lane;     ///< the lane whose value it wants; without one, it wants a ballot
  std::uint64_t value = 0;  ///< given: a number's bits, or a predicate
  std::uint64_t result = 0;
  unsigned meetings = 0;  ///< with lanes of its warp: two moments of such lanes are in order if these differ

  bool meets(const Waiter& other) const {
    return state == other.state && mask == other.mask && site == other.site && same_text(operation, other.operation);
  }
  std::string name() const {
    std::ostringstream text;
    text << "thread (" << index.x << "," << index.y << "," << index.z << ")";
    return text.str();
  }
  std::string whereabouts() const {
    if (state == State::has_left) return "has left the kernel";
    std::ostringstream text;
    text << "waits at " << operation << " (" << site.file << ":" << site.line << ")";
    if (state == State::at_warp_operation) text << " with mask 0x" << std::hex << mask;
    return text.str();
  }
};

/// The threads of one block.
class Rendezvous {
 public:
  void reset(std::size_t threads) {
    waiters_.assign(threads, Waiter{});
    barriers_ = 0;
  }
  /// How many barriers the block has passed.
  unsigned barriers() const { return barriers_; }
  std::size_t size() const { return waiters_.size(); }
  Waiter& operator[](std::size_t thread) { return waiters_[thread]; }

  bool all_have_left() const {
    return std::all_of(waiters_.begin(), waiters_.end(),
                       [](const Waiter& waiter) { return waiter.state == Waiter::State::has_left; });
  }

  /// Lets all threads go on if they have all reached the same barrier; each gets the number of true predicates.
  bool release_block() {
    std::uint64_t count = 0;
    for (const Waiter& waiter : waiters_) {
      if (waiter.state != Waiter::State::at_barrier || !waiter.meets(waiters_[0])) return false;
      count += waiter.value;
    }
    for (Waiter& waiter : waiters_) {
      waiter.result = count;
      waiter.state = Waiter::State::runs;
    }
    ++barriers_;
    return true;
  }

  /// Lets those lanes of a warp go on whose operation all lanes of its mask have reached. @return whether any do
  bool release_warp(std::size_t warp) {
    unsigned waiting = 0;
    for_each_lane(existing(warp), [&](unsigned lane) {
      if (at(warp, lane).state == Waiter::State::at_warp_operation) waiting |= 1u << lane;
    });
    bool released = false;
    while (waiting != 0) {
      const Waiter& one = at(warp, lowest(waiting));
      const unsigned group = one.mask & existing(warp);
      bool complete = (group & waiting) == group;
      for_each_lane(complete ? group : 0u, [&](unsigned lane) { complete = complete && one.meets(at(warp, lane)); });
      if (complete) carry_out(warp, group);
      released |= complete;
      waiting &= complete ? ~group : waiting - 1;
    }
    return released;
  }

  /// When nobody can go on: names a thread that waits and one that does not come.
  std::string divergence() {
    const auto sentence = [](const Waiter& waits, const Waiter& missing) {
      return waits.name() + " " + waits.whereabouts() + ", but " + missing.name() + " " + missing.whereabouts() +
             "; every thread concerned must reach the same operation";
    };
    for (std::size_t i = 0; i < size(); ++i) {  // warps first: theirs is the narrower contract
      const Waiter& waits = waiters_[i];
      if (waits.state != Waiter::State::at_warp_operation) continue;
      const std::size_t warp = i / lanes_per_warp;
      for (unsigned lanes = waits.mask & existing(warp); lanes != 0; lanes &= lanes - 1)
        if (!waits.meets(at(warp, lowest(lanes)))) return sentence(waits, at(warp, lowest(lanes)));
    }
    const auto waits = std::find_if(waiters_.begin(), waiters_.end(),
                                    [](const Waiter& it) { return it.state == Waiter::State::at_barrier; });
    const auto missing =
        std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& it) { return !waits->meets(it); });
    return sentence(*waits, *missing);
  }

 private:
  Waiter& at(std::size_t warp, unsigned lane) { return waiters_[warp * lanes_per_warp + lane]; }

  /// The lanes that exist in a warp; the last one of a block may be cut short.
  unsigned existing(std::size_t warp) const {
    const std::size_t lanes = std::min(lanes_per_warp, size() - warp * lanes_per_warp);
    return lanes == lanes_per_warp ? ~0u : (1u << lanes) - 1u;
  }
  static unsigned lowest(unsigned lanes) { return static_cast<unsigned>(std::countr_zero(lanes)); }
  template <class Action>
  static void for_each_lane(unsigned lanes, Action action) {
    for (; lanes != 0; lanes &= lanes - 1) action(lowest(lanes));
  }

  /// Does a warp operation for the lanes that met: a ballot, or values from lane to lane.
  void carry_out(std::size_t warp, unsigned lanes) {
    unsigned ballot = 0, meetings = 0;
    for_each_lane(lanes, [&](unsigned lane) {
      ballot |= at(warp, lane).value != 0 ? 1u << lane : 0u;
      meetings = std::max(meetings, at(warp, lane).meetings + 1);
    });
    for_each_lane(lanes, [&](unsigned lane) {
      Waiter& waiter = at(warp, lane);
      const auto source = static_cast<unsigned>(waiter.source);
      if (waiter.source == Waiter::no_lane) {
        waiter.result = ballot;
      } else if (source < lanes_per_warp && (lanes >> source & 1u) != 0) {
        waiter.result = at(warp, source).value;
      } else {
        throw KernelError(waiter.name() + " " + waiter.whereabouts() + " for lane " + std::to_string(waiter.source) +
                          ", which takes no part");
      }
    });
    for_each_lane(lanes, [&](unsigned lane) {
      at(warp, lane).state = Waiter::State::runs;
      at(warp, lane).meetings = meetings;
    });
  }

  std::vector<Waiter> waiters_;
  unsigned barriers_ = 0;
};

}  // namespace emulator
