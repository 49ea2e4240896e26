// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

/// What Python can call. Functions that can fail return a null handle or a negative number; seqrec_peer_last_error says
/// why.
#define SEQREC_PEER_EXPORT extern "C" __attribute__((visibility("default")))

inline thread_local std::string last_error;

/// Runs `work`; an exception must not leave a C function.
template <class Work>
bool succeeds(Work&& work) {
  try {
    work();
    return true;
  } catch (const std::exception& error) {
    last_error = error.what();
    return false;
  }
}
