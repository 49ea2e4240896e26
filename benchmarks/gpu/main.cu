// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the CUDA backend: kernels beside the floor under their time, and whole training steps.
//
//   seqrec_gpu_benchmarks [--filter REGEX] [FILE.json]   on this machine's GPU; the results go to the file too
//   seqrec_gpu_benchmarks --floors                       without one: what each kernel has to do, and what that takes
//   an
//                                                        H100 at least
//
// A profiler that waits to be told (ncu --profile-from-start off) sees one step of each model, after the first ones.
//
// A kernel's launches follow one another without waiting, fifty at a time: what is shorter than a launch measures the
// launch. Operands of the smaller ones stay in the device's second cache, so that they can be below a floor of memory.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "device_peaks.cuh"
#include "kernels.hpp"
#include "seqrec/io/json.hpp"
#include "steps.hpp"

namespace {

using benchmarks::Kernel;
using Context = seqrec::cuda::Context;

/// An H100 SXM's data sheet, less what nobody reaches of its memory: FLOP/s in float without tensor cores, bytes/s.
constexpr double h100_flops = 67e12, h100_bandwidth = 3.0e12;

void print_floors() {
  std::printf("%-48s %9s %9s %10s\n", "calculated for one H100", "GFLOP", "MB", "floor us");
  for (const auto& kernel : benchmarks::kernels()) {
    const benchmarks::Work& work = kernel->work();
    std::printf("%-48s %9.3f %9.2f %10.2f  %s\n", kernel->name().c_str(), work.operations / 1e9, work.bytes / 1e6,
                1e6 * work.floor(h100_flops, h100_bandwidth),
                work.is_memory_bound(h100_flops, h100_bandwidth) ? "memory" : "arithmetic");
  }
}

/// Seconds of a launch, the median of rounds after one.
double time(Kernel& kernel, Context& context) {
  using Clock = std::chrono::steady_clock;
  constexpr int rounds = 11, launches = 50;
  std::vector<double> seconds;
  for (int round = 0; round <= rounds; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < launches; ++i) {
      context.begin_shard();
      kernel.launch(context);
    }
    context.synchronize();
    if (round != 0) seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count() / launches);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

/// Writes objects and arrays of texts and numbers.
class Json {
 public:
  void open(const char* key, char bracket) {
    separate();
    if (*key != 0) text_ += "\"" + std::string(key) + "\": ";
    text_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    first_ = false;
  }
  void add(const char* key, const std::string& value) { raw(key, seqrec::quote_json(value)); }
  void add(const char* key, double value) {
    char number[32];
    std::snprintf(number, sizeof number, "%.6g", value);
    raw(key, number);
  }
  const std::string& text() const { return text_; }

 private:
  void separate() {
    if (!first_) text_ += ",\n ";
    first_ = false;
  }
  void raw(const char* key, const std::string& value) {
    separate();
    text_ += "\"" + std::string(key) + "\": " + value;
  }
  std::string text_;
  bool first_ = true;
};

void measure_kernels(const std::regex& filter, Json& json, double flops, double bandwidth) {
  std::printf("\n%-48s %10s %10s %9s\n", "kernels of an op", "us", "floor us", "of floor");
  Context context;
  json.open("kernels", '[');
  for (const auto& kernel : benchmarks::kernels()) {
    if (!std::regex_search(kernel->name(), filter)) continue;
    kernel->prepare();
    const double seconds = time(*kernel, context), floor = kernel->work().floor(flops, bandwidth);
    std::printf("%-48s %10.2f %10.2f %8.0f%%  %s\n", kernel->name().c_str(), 1e6 * seconds, 1e6 * floor,
                100 * floor / seconds, kernel->work().is_memory_bound(flops, bandwidth) ? "memory" : "arithmetic");
    std::fflush(stdout);
    json.open("", '{');
    json.add("name", kernel->name());
    json.add("operations", kernel->work().operations);
    json.add("bytes", kernel->work().bytes);
    json.add("us", 1e6 * seconds);
    json.add("floor_us", 1e6 * floor);
    json.close('}');
  }
  json.close(']');
}

void measure_steps(const std::regex& filter, Json& json) {
  std::printf("\n%-52s %9s %10s %10s %10s %10s\n", "training step", "rows", "waits ms", "runs on ms", "in graphs",
              "runs on");
  json.open("steps", '[');
  const auto wanted = [&](const std::string& name) { return std::regex_search(name, filter); };
  benchmarks::for_training_steps(wanted, [&](const benchmarks::Step& step) {
    std::printf("%-52s %9td %10.3f %10.3f %10.3f %10.3f\n", step.name.c_str(), step.rows, step.single.waits,
                step.single.runs_on, step.in_graphs.waits, step.in_graphs.runs_on);
    std::fflush(stdout);
    json.open("", '{');
    json.add("name", step.name);
    json.add("rows", static_cast<double>(step.rows));
    json.add("waits_ms", step.single.waits);
    json.add("runs_on_ms", step.single.runs_on);
    json.add("in_graphs_waits_ms", step.in_graphs.waits);
    json.add("in_graphs_runs_on_ms", step.in_graphs.runs_on);
    json.close('}');
  });
  json.close(']');
}

int run(int argc, char** argv) {
  std::regex filter("");
  const char* path = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--floors") == 0) return print_floors(), 0;
    if (std::strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
      filter = argv[++i];
    else
      path = argv[i];
  }
  cudaDeviceProp device{};
  SEQREC_CUDA_CHECK(cudaGetDeviceProperties(&device, 0));
  double flops = 0, bandwidth = 0;
  {
    Context context;
    flops = benchmarks::measure_device_flops(context);
    bandwidth = benchmarks::measure_device_bandwidth(context);
  }
  std::printf("device %s: %.1f TFLOP/s of multiply-adds in float, %.2f TB/s copied\n", device.name, flops / 1e12,
              bandwidth / 1e12);
  Json json;
  json.open("", '{');
  json.add("device", device.name);
  json.add("flops", flops);
  json.add("bandwidth", bandwidth);
  measure_kernels(filter, json, flops, bandwidth);
  measure_steps(filter, json);
  json.close('}');
  if (path == nullptr) return 0;
  std::ofstream file(path);
  file << json.text() << "\n";
  if (!file.flush()) throw std::runtime_error(std::string(path) + " could not be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
