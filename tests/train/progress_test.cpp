// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/progress.hpp"

#include <chrono>
#include <sstream>
#include <string>
#include <thread>

#include "support/catch.hpp"

using seqrec::Progress;

TEST_CASE("durations are told in the unit that fits", "[train]") {
  CHECK(Progress::duration_text(0) == "0 s");
  CHECK(Progress::duration_text(12.4) == "12 s");
  CHECK(Progress::duration_text(59.6) == "1 min 00 s");
  CHECK(Progress::duration_text(200) == "3 min 20 s");
  CHECK(Progress::duration_text(3723) == "1 h 02 min");
  CHECK(Progress::duration_text(90000) == "25 h 00 min");
}

TEST_CASE("where nobody watches, every line is plain and stays", "[train]") {
  std::ostringstream out;
  Progress progress(&out);  // a stream that is no terminal
  progress.start(100);
  progress.step(1, 1, 0.7, 10);
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  progress.step(2, 1, 0.6, 20);
  CHECK(out.str().empty());
  progress.line(50, 2, 0.51239, 5000, "  more");
  progress.note("done");
  const std::string text = out.str();
  CHECK_THAT(text, ContainsSubstring("epoch 2  step 50/100  loss 0.5124  ") &&
                       ContainsSubstring(" targets/s  ETA at most ") && ContainsSubstring("  more\ndone\n"));
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("on a terminal a line rewrites itself, a few times a second", "[train]") {
  std::ostringstream out;
  Progress progress(&out, true);
  progress.start(100);
  progress.step(1, 1, 0.7, 10);
  CHECK(out.str().empty());  // too early for another
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  progress.step(2, 1, 0.6, 20);
  progress.step(3, 1, 0.5, 30);
  const std::string text = out.str();
  CHECK(text.front() == '\r');
  CHECK_THAT(text, ContainsSubstring("step 2/100") && ContainsSubstring("\033[K"));
  CHECK(text.find("step 3/100") == std::string::npos);
  CHECK(text.find('\n') == std::string::npos);

  progress.note("stays");
  CHECK(out.str() == text + "\r\033[Kstays\n");
}

TEST_CASE("the time left is what the time so far makes of the steps left", "[train]") {
  std::ostringstream out;
  Progress progress(&out, false);
  progress.start(1001);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  progress.line(1, 1, 0.7, 10, "");  // a tenth of a second a step, and no slower machine is ten times as slow
  const std::string text = out.str();
  const double minutes = std::stod(text.substr(text.find("at most ") + 8));
  CHECK(minutes >= 1);
  CHECK(minutes < 20);
}

TEST_CASE("without a stream there is silence", "[train]") {
  Progress progress(nullptr);
  progress.start(10);
  progress.step(1, 1, 0.5, 1);
  progress.line(1, 1, 0.5, 1, "");
  progress.note("nothing");
  CHECK(progress.seconds() >= 0);
}
