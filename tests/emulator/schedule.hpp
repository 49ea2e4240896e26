// SPDX-License-Identifier: Apache-2.0
// In which order an emulated device does what has no order.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace emulator {

/// How launches run. The seed orders streams, blocks, warps and lanes: 0 forward, 1 reversed, others shuffled. With
/// more than one CPU thread the blocks of a launch run side by side; SEQREC_EMULATOR_SEED and
/// SEQREC_EMULATOR_THREADS set them for a whole program.
struct Schedule {
  std::uint64_t seed = 0;
  unsigned threads = 1;
  /// If not 0, only so many blocks at either end of a grid run: for what millions of blocks do to a table that nobody
  /// could hold.
  std::uint64_t ends = 0;
};

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// What this program follows. Not to be changed while another system thread launches or waits.
inline Schedule& schedule() {
  static Schedule current{number_from_environment("SEQREC_EMULATOR_SEED", 0),
                          static_cast<unsigned>(number_from_environment("SEQREC_EMULATOR_THREADS", 1))};
  return current;
}

/// A schedule until the end of a scope.
class WithSchedule {
 public:
  explicit WithSchedule(Schedule during) : before_(std::exchange(schedule(), during)) {}
  explicit WithSchedule(std::uint64_t seed) : WithSchedule(Schedule{seed, schedule().threads}) {}
  WithSchedule(const WithSchedule&) = delete;
  WithSchedule& operator=(const WithSchedule&) = delete;
  ~WithSchedule() { schedule() = before_; }

 private:
  Schedule before_;
};

}  // namespace emulator
