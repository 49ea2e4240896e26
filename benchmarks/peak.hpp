// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <map>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace benchmarks {

namespace peak_detail {

using Packet = Eigen::internal::packet_traits<float>::type;
inline constexpr std::size_t lanes = Eigen::internal::packet_traits<float>::size;

// Enough independent chains to hide a latency of 4 to 5 cycles on two multiply-add units, few enough for 16 registers.
inline constexpr std::size_t chains = 12;
inline constexpr std::int64_t rounds = 4'000'000;

template <std::size_t... Chain>
float multiply_add_loop(std::index_sequence<Chain...>) {
  const Packet factor = Eigen::internal::pset1<Packet>(0.999f), summand = Eigen::internal::pset1<Packet>(0.001f);
  Packet chain[chains] = {Eigen::internal::pset1<Packet>(static_cast<float>(Chain))...};
  for (std::int64_t round = 0; round < rounds; ++round)
    ((chain[Chain] = Eigen::internal::pmadd(chain[Chain], factor, summand)), ...);
  return (Eigen::internal::predux(chain[Chain]) + ...);
}

}  // namespace peak_detail

/// Seconds of a processor that the calling thread has had: what other programs take away does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Multiply-adds in registers on `threads` threads at once, with the vectors of this build: what no kernel can exceed.
/// @return FLOP/s, the best of three
inline double measure_peak(int threads) {
  using namespace peak_detail;
  constexpr double operations = 2.0 * static_cast<double>(lanes * chains) * static_cast<double>(rounds);
  std::vector<double> rates(static_cast<std::size_t>(threads));
  double best = 0;
  for (int repetition = 0; repetition < 3; ++repetition) {
    std::vector<std::thread> running;
    for (double& rate : rates)
      running.emplace_back([&rate] {
        const double start = thread_seconds();
        const float sum = multiply_add_loop(std::make_index_sequence<chains>{});
        // The sum converges to a positive number; reading it keeps the loop from being removed.
        rate = sum > 0 ? operations / (thread_seconds() - start) : 0;
      });
    for (std::thread& thread : running) thread.join();
    best = std::max(best, std::accumulate(rates.begin(), rates.end(), 0.0));
  }
  return best;
}

/// The same, measured once in a program.
inline double peak(int threads) {
  static std::map<int, double> measured;
  const auto known = measured.find(threads);
  return known != measured.end() ? known->second : measured[threads] = measure_peak(threads);
}

}  // namespace benchmarks
