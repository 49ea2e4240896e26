// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace examples {

/// How a program ended.
struct Ended {
  int status = 0;                ///< its exit status, or 128 and the number of the signal that ended it
  double processor_seconds = 0;  ///< of all its threads, in the system too: what it cost, however busy the machine was
};

/// A program that runs beside this one. Whoever forgets it before it ended ends it.
class Process {
 public:
  /// Starts a program, one on PATH if its name has no slash, with what it prints going to a file.
  /// @throws seqrec::DataError where it cannot be started
  Process(std::filesystem::path program, const std::vector<std::string>& arguments, const std::filesystem::path& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  /// How it ended; nothing while it runs.
  /// @throws seqrec::DataError where the system does not know it any more
  std::optional<Ended> poll();
  /// Waits for that.
  Ended wait();

 private:
  std::optional<Ended> look(int options);

  std::filesystem::path program_;
  pid_t id_ = 0;  // 0: it has ended, or is another object's
};

/// The last line of a file that is not empty; "" without.
std::string last_line(const std::filesystem::path& path);

}  // namespace examples
