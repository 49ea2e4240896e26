// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <ostream>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Where a training run tells how it is getting on: a line that rewrites itself on a terminal, plain lines elsewhere,
/// nothing without a stream.
class Progress {
 public:
  /// @param out null for silence   @param terminal whether lines may be rewritten
  Progress(std::ostream* out, bool terminal) : out_(out), terminal_(terminal) {}

  /// For std::clog: asks the system whether standard error is a terminal.
  explicit Progress(std::ostream* out) : Progress(out, out == &std::clog && ::isatty(STDERR_FILENO) == 1) {}

  /// @param seconds_before  that a run took before it was interrupted
  void start(index_t total_steps, double seconds_before = 0) {
    total_ = total_steps;
    last_ = clock::now();
    begin_ = last_ - std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds_before));
  }

  /// After a step; shown a few times a second, on terminals only.
  /// @param step counted from 1 over the whole run   @param targets predicted since start
  void step(index_t step, index_t epoch, double loss, index_t targets) {
    if (out_ == nullptr || !terminal_ || clock::now() - last_ < std::chrono::milliseconds(200)) return;
    last_ = clock::now();
    *out_ << '\r' << text(step, epoch, loss, targets) << "\033[K" << std::flush;
    open_line_ = true;
  }

  /// After an epoch or an evaluation: a line that stays.
  void line(index_t step, index_t epoch, double loss, index_t targets, const std::string& more) {
    if (out_ == nullptr) return;
    close_line();
    *out_ << text(step, epoch, loss, targets) << more << std::endl;
  }

  /// Anything else.
  void note(const std::string& message) {
    if (out_ == nullptr) return;
    close_line();
    *out_ << message << std::endl;
  }

  double seconds() const { return std::chrono::duration<double>(clock::now() - begin_).count(); }

  /// "1 h 02 min", "3 min 20 s" or "12 s".
  static std::string duration_text(double seconds) {
    const long long whole = std::llround(seconds);
    if (whole >= 3600)
      return concatenate(whole / 3600, " h ", std::setw(2), std::setfill('0'), whole / 60 % 60, " min");
    if (whole >= 60) return concatenate(whole / 60, " min ", std::setw(2), std::setfill('0'), whole % 60, " s");
    return concatenate(whole, " s");
  }

 private:
  using clock = std::chrono::steady_clock;

  void close_line() {
    if (open_line_) *out_ << "\r\033[K";
    open_line_ = false;
  }

  std::string text(index_t step, index_t epoch, double loss, index_t targets) const {
    const double elapsed = seconds(), left = elapsed / static_cast<double>(step) * static_cast<double>(total_ - step);
    return concatenate("epoch ", epoch, "  step ", step, "/", total_, "  loss ", std::fixed, std::setprecision(4), loss,
                       "  ", std::setprecision(0), static_cast<double>(targets) / elapsed, " targets/s  ETA at most ",
                       duration_text(left));
  }

  std::ostream* out_;
  bool terminal_;
  bool open_line_ = false;
  index_t total_ = 0;
  clock::time_point begin_ = clock::now(), last_ = begin_;
};

}  // namespace seqrec
