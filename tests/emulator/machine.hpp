// SPDX-License-Identifier: Apache-2.0
// The machine that the emulated runtime finds: tests take a device away, give it an old driver or little memory.
#pragma once

#include <cstddef>
#include <utility>

namespace emulator {

/// What the program was "built with": CUDA 13.0, written as the runtime does.
inline constexpr int runtime_version = 13000;

struct Machine {
  int devices = 1;
  int driver_version = runtime_version;              ///< of the newest CUDA that the driver knows; 0 without a driver
  std::size_t memory_bytes = std::size_t{40} << 30;  ///< of the device
  bool has_memory_pools = true;                      ///< whether memory may come and go in the order of streams
};

/// Not to be changed while another system thread calls the runtime.
inline Machine& machine() {
  static Machine current;
  return current;
}

/// Another machine until the end of a scope.
class WithMachine {
 public:
  explicit WithMachine(Machine during) : before_(std::exchange(machine(), during)) {}
  WithMachine(const WithMachine&) = delete;
  WithMachine& operator=(const WithMachine&) = delete;
  ~WithMachine() { machine() = before_; }

 private:
  Machine before_;
};

}  // namespace emulator
