// SPDX-License-Identifier: Apache-2.0
/// seqrec's half of the race: contenders behind C functions, for seqrec_library.py.

#include "contender.hpp"

#include <string_view>

#include "c_functions.hpp"

namespace {

using peer::Contender;
using peer::index_t;

std::unique_ptr<Contender> make(std::string_view family, const peer::Settings& settings) {
  if (family == "sasrec") return peer::make_sasrec(settings);
  if (family == "gru4rec") return peer::make_gru4rec(settings);
#ifndef SEQREC_PEER_CUDA  // its objective reads next items on the host
  if (family == "narm") return peer::make_narm(settings);
#endif
  if (family == "din") return peer::make_din(settings);
  throw seqrec::ArgumentError("family is " + std::string(family) +
                              ", expected sasrec, gru4rec, din, or, on the CPU, narm");
}

peer::Histories histories(std::int32_t users, const std::int32_t* offsets, const std::int32_t* items) {
  return {{offsets, static_cast<std::size_t>(users) + 1}, items};
}

}  // namespace

SEQREC_PEER_EXPORT const char* seqrec_peer_last_error() { return last_error.c_str(); }

/// @param options "name=value name=value" of the family's model   @param team  the same of TeamOptions   @return null
/// where it cannot be
SEQREC_PEER_EXPORT Contender* seqrec_peer_create(const char* family, const char* options, const char* objective,
                                                 const char* team, std::int32_t lazy_rows, std::uint64_t seed) {
  std::unique_ptr<Contender> made;
  const bool good = succeeds([&] { made = make(family, {options, objective, team, lazy_rows != 0, seed}); });
  return good ? made.release() : nullptr;
}

SEQREC_PEER_EXPORT void seqrec_peer_destroy(Contender* contender) { delete contender; }

SEQREC_PEER_EXPORT std::int64_t seqrec_peer_parameter_count(const Contender* contender) {
  return contender->parameter_count();
}

/// Copies `size` floats into the parameter of that name.
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_set_parameter(Contender* contender, const char* name, const float* values,
                                                          std::int64_t size) {
  const auto set = [&] { contender->set_parameter(name, {values, static_cast<std::size_t>(size)}); };
  return succeeds(set) ? 0 : -1;
}

/// Copies the `size` floats of the parameter of that name out.
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_get_parameter(Contender* contender, const char* name, float* values,
                                                          std::int64_t size) {
  const auto get = [&] { contender->get_parameter(name, {values, static_cast<std::size_t>(size)}); };
  return succeeds(get) ? 0 : -1;
}

/// @param offsets (users+1)   @param items (N)   @param labels  see Contender::add_batch
/// @return its number, for seqrec_peer_step
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_add_batch(Contender* contender, std::int32_t users,
                                                      const std::int32_t* offsets, const std::int32_t* items,
                                                      const std::int32_t* labels, std::int32_t columns) {
  index_t number = -1;
  succeeds([&] { number = contender->add_batch(histories(users, offsets, items), labels, columns); });
  return static_cast<std::int32_t>(number);
}

/// One training step on a batch by Adam; its loss goes to `loss`.
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_step(Contender* contender, std::int32_t batch, double learning_rate,
                                                 double* loss) {
  return succeeds([&] { *loss = contender->step(batch, learning_rate); }) ? 0 : -1;
}

/// The same by plain gradient descent.
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_descend(Contender* contender, std::int32_t batch, double learning_rate,
                                                    double* loss) {
  return succeeds([&] { *loss = contender->descend(batch, learning_rate); }) ? 0 : -1;
}

/// @param items, scores  (users, count) of the best items of each
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_recommend(Contender* contender, std::int32_t users,
                                                      const std::int32_t* offsets, const std::int32_t* history_items,
                                                      std::int32_t count, std::int32_t* items, float* scores) {
  const auto recommend = [&] { contender->recommend(histories(users, offsets, history_items), count, items, scores); };
  return succeeds(recommend) ? 0 : -1;
}

/// @param scores  (num_candidates)
SEQREC_PEER_EXPORT std::int32_t seqrec_peer_score(Contender* contender, std::int32_t length,
                                                  const std::int32_t* history, std::int32_t num_candidates,
                                                  const std::int32_t* candidates, float* scores) {
  const auto score = [&] {
    contender->score({history, static_cast<std::size_t>(length)},
                     {candidates, static_cast<std::size_t>(num_candidates)}, scores);
  };
  return succeeds(score) ? 0 : -1;
}
