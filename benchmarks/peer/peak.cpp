// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Packet = Eigen::internal::packet_traits<float>::type;
constexpr std::size_t lanes = Eigen::internal::packet_traits<float>::size;

// Enough independent chains to hide a latency of 4 to 5 cycles on two multiply-add units, few enough for 16 registers.
constexpr std::size_t chains = 12;
constexpr std::int64_t rounds = 4'000'000;

template <std::size_t... Chain>
float multiply_add_loop(std::index_sequence<Chain...>) {
  const Packet factor = Eigen::internal::pset1<Packet>(0.999f), summand = Eigen::internal::pset1<Packet>(0.001f);
  Packet chain[chains] = {Eigen::internal::pset1<Packet>(static_cast<float>(Chain))...};
  for (std::int64_t round = 0; round < rounds; ++round)
    ((chain[Chain] = Eigen::internal::pmadd(chain[Chain], factor, summand)), ...);
  return (Eigen::internal::predux(chain[Chain]) + ...);
}

}  // namespace

/// Multiply-adds in registers on `threads` threads at once: what no step can exceed. FLOP/s, the best of three.
extern "C" __attribute__((visibility("default"))) double seqrec_peer_peak_flops(std::int32_t threads) {
  const double operations = 2.0 * static_cast<double>(lanes * chains) * static_cast<double>(rounds) * threads;
  std::vector<float> results(static_cast<std::size_t>(threads));
  double best = 0;
  for (int repetition = 0; repetition < 3; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> running;
    for (float& result : results)
      running.emplace_back([&result] { result = multiply_add_loop(std::make_index_sequence<chains>{}); });
    for (std::thread& thread : running) thread.join();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    // The sums converge to a positive number; reading them keeps the loop from being removed.
    if (*std::min_element(results.begin(), results.end()) > 0) best = std::max(best, operations / elapsed.count());
  }
  return best;
}
