// SPDX-License-Identifier: Apache-2.0
// Runs the benchmarks, says what the processor can do, and sets every product beside that.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "peak.hpp"
#include "processor.hpp"
#include "reporting.hpp"
#include "widest_peak.hpp"

namespace benchmarks {

extern const int lanes_of_this_build;
const int lanes_of_this_build = compiled_lanes();

namespace {

/// Turns the peak that `report` left beside a rate into a percentage of it.
template <class Reporter>
class AgainstPeak : public Reporter {
 public:
  using Reporter::Reporter;
  void ReportRuns(const std::vector<benchmark::BenchmarkReporter::Run>& runs) override {
    auto judged = runs;
    for (auto& run : judged) {
      const auto rate = run.counters.find(rate_counter), limit = run.counters.find(peak_counter);
      if (limit == run.counters.end()) continue;
      if (rate != run.counters.end() && run.run_type == benchmark::BenchmarkReporter::Run::RT_Iteration)
        run.counters[percent_counter] = 100 * rate->second.value / limit->second.value;
      run.counters.erase(peak_counter);
    }
    Reporter::ReportRuns(judged);
  }
};

std::string in_gflops(double flops) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f GFLOP/s", flops / 1e9);
  return text;
}

void describe_machine() {
  benchmark::AddCustomContext("compiled for", name_of_lanes(compiled_lanes()));
  benchmark::AddCustomContext("peak of 1 thread", in_gflops(peak(1)));
  benchmark::AddCustomContext("peak of 2 threads", in_gflops(peak(2)));
  if (processor_lanes() <= compiled_lanes()) return;
  const double widest = widest_peak();
  char share[16];
  std::snprintf(share, sizeof share, "%.0f %%", 100 * peak(1) / widest);
  benchmark::AddCustomContext("lost by this build", "this processor has " + name_of_lanes(processor_lanes()) + " and " +
                                                        in_gflops(widest) + " a thread; this build reaches " + share +
                                                        " of that. Configure with -DSEQREC_NATIVE=ON");
}

}  // namespace
}  // namespace benchmarks

int main(int argc, char** argv) {
  using namespace benchmarks;
  bool to_file = false;
  for (int i = 1; i < argc; ++i) to_file = to_file || std::string(argv[i]).starts_with("--benchmark_out=");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  describe_machine();
  AgainstPeak<benchmark::ConsoleReporter> console(isatty(STDOUT_FILENO) != 0 ? benchmark::ConsoleReporter::OO_Defaults
                                                                             : benchmark::ConsoleReporter::OO_Tabular);
  AgainstPeak<benchmark::JSONReporter> file;
  const std::size_t run = benchmark::RunSpecifiedBenchmarks(&console, to_file ? &file : nullptr);
  benchmark::Shutdown();
  return run == 0 ? 1 : 0;
}
