// SPDX-License-Identifier: Apache-2.0
// Streams as queues. What is given to a stream is done when somebody waits for it, as late as CUDA allows; in which
// order across streams, the schedule's seed says: 0 does only what is waited for and what that needs, 1 does
// everything else first that could be done, others choose at random.
//
// The legacy default stream waits for what other streams were given before, and they for it; what itself is given is
// done at once. A stream is nothing but order: a kernel uses the whole device.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "emulator/schedule.hpp"

namespace emulator {

struct Stream;

/// A point of a stream: reached when so many operations are done.
struct StreamPoint {
  std::shared_ptr<Stream> stream;
  std::uint64_t operations = 0;

  bool is_reached() const;
};

struct Operation {
  std::function<void()> work;
  std::vector<StreamPoint> after;  ///< in other streams
};

/// What cudaStream_t points to.
struct Stream : std::enable_shared_from_this<Stream> {
  explicit Stream(bool blocking_) : blocking(blocking_) {}
  StreamPoint end() { return {shared_from_this(), done + waiting.size()}; }

  const bool blocking;  ///< in order with the legacy default stream
  std::deque<Operation> waiting;
  std::uint64_t done = 0;
};

/// What cudaEvent_t points to: nothing to wait for until it is recorded.
struct Event {
  StreamPoint recorded;
};

inline bool StreamPoint::is_reached() const { return !stream || stream->done >= operations; }

/// All streams of the device. Host threads take turns.
class Streams {
 public:
  Streams() = default;
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  /// A failure that nobody heard of must not go unseen.
  ~Streams() {
    if (!failure_) return;
    try {
      std::rethrow_exception(failure_);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    std::abort();
  }

  Stream* create(bool blocking) {
    const std::lock_guard lock(mutex_);
    streams_.push_back(std::make_shared<Stream>(blocking));
    return streams_.back().get();
  }
  /// What the stream was given is still done.   @return whether there is such a stream
  bool destroy(Stream* stream) {
    const std::lock_guard lock(mutex_);
    const auto known = find(stream);
    if (known == streams_.end()) return false;
    if (!stream->waiting.empty()) orphans_.push_back(*known);
    streams_.erase(known);
    return true;
  }
  /// The legacy default stream, null, is always there.
  bool exists(Stream* stream) {
    const std::lock_guard lock(mutex_);
    return stream == nullptr || find(stream) != streams_.end();
  }

  /// Puts work at the end of a stream. @throws what work of the legacy stream throws, or work before it
  void give(Stream* stream, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (stream != nullptr) {
      stream->waiting.push_back({std::move(work), {}});
      return;
    }
    for_each_stream([&](Stream& other) {
      if (other.blocking) finish(other.end());
    });
    surface();
    work();
  }

  void record(Event& event, Stream* stream) {
    const std::lock_guard lock(mutex_);
    if (stream == nullptr) give(nullptr, [] {});
    event.recorded = stream == nullptr ? StreamPoint{} : stream->end();
  }
  bool is_reached(const Event& event) {
    const std::lock_guard lock(mutex_);
    return event.recorded.is_reached();
  }
  /// What the stream is given from now on comes after the event.
  void wait_in(Stream* stream, const Event& event) {
    const std::lock_guard lock(mutex_);
    if (event.recorded.is_reached()) return;
    if (stream == nullptr)
      finish(event.recorded);
    else
      stream->waiting.push_back({[] {}, {event.recorded}});
  }

  /// The host waits for all that a stream was given; `everything`: for all streams.
  /// @throws what any of the work that is done meanwhile throws, or has thrown before while nobody could hear it
  void wait_for(Stream* stream) {
    const std::lock_guard lock(mutex_);
    if (stream != nullptr) finish(stream->end());
    surface();
  }
  void wait_for(const Event& event) {
    const std::lock_guard lock(mutex_);
    finish(event.recorded);
    surface();
  }
  void wait_for_everything() {
    const std::lock_guard lock(mutex_);
    for_each_stream([&](Stream& stream) { finish(stream.end()); });
    surface();
  }
  /// The same where an exception cannot be thrown: it is kept for who waits next.   @return whether there is none
  bool settle() noexcept {
    const std::lock_guard lock(mutex_);
    for_each_stream([&](Stream& stream) {
      while (!stream.waiting.empty()) {
        try {
          finish(stream.end());
        } catch (...) {
          if (!failure_) failure_ = std::current_exception();
        }
      }
    });
    return !failure_;
  }

 private:
  std::vector<std::shared_ptr<Stream>>::iterator find(Stream* stream) {
    return std::find_if(streams_.begin(), streams_.end(), [&](const auto& it) { return it.get() == stream; });
  }

  /// In the order of their creation, or in reverse; those that were destroyed, with the others.
  template <class Action>
  void for_each_stream(Action action) {
    std::vector<std::shared_ptr<Stream>> all = orphans_;
    all.insert(all.end(), streams_.begin(), streams_.end());
    if (schedule().seed == 1) std::reverse(all.begin(), all.end());
    for (const auto& stream : all) action(*stream);
    std::erase_if(orphans_, [](const auto& stream) { return stream->waiting.empty(); });
  }

  void finish(const StreamPoint& point) {
    while (!point.is_reached()) advance(choose(*point.stream));
  }

  /// The next stream to do something, so that at last `wanted` does.
  Stream& choose(Stream& wanted) {
    Stream* needed = &wanted;
    while (const StreamPoint* before = obstacle(*needed)) needed = before->stream.get();
    if (schedule().seed == 0) return *needed;
    std::vector<Stream*> able;
    for_each_stream([&](Stream& stream) {
      if (!stream.waiting.empty() && obstacle(stream) == nullptr) able.push_back(&stream);
    });
    if (schedule().seed > 1) {
      const std::uint64_t random = (schedule().seed * 0x9E3779B97F4A7C15u + ++choices_) * 0xBF58476D1CE4E5B9u;
      return *able[(random >> 33) % able.size()];
    }
    const auto other = std::find_if(able.begin(), able.end(), [&](Stream* stream) { return stream != needed; });
    return other == able.end() ? *needed : **other;
  }

  /// What the next operation of a stream waits for.
  static const StreamPoint* obstacle(const Stream& stream) {
    if (stream.waiting.empty()) return nullptr;
    for (const StreamPoint& point : stream.waiting.front().after)
      if (!point.is_reached()) return &point;
    return nullptr;
  }

  void advance(Stream& stream) {
    const Operation operation = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    ++stream.done;
    try {
      operation.work();
    } catch (...) {  // after a fault the device does nothing more of what it was given
      for_each_stream([](Stream& each) {
        each.done += each.waiting.size();
        each.waiting.clear();
      });
      throw;
    }
  }

  void surface() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  std::recursive_mutex mutex_;  // a test's work may ask for more
  std::vector<std::shared_ptr<Stream>> streams_;
  std::vector<std::shared_ptr<Stream>> orphans_;  ///< destroyed, with work left
  std::uint64_t choices_ = 0;
  std::exception_ptr failure_;
};

inline Streams& streams() {
  static Streams all;
  return all;
}

}  // namespace emulator
