// SPDX-License-Identifier: Apache-2.0
// The main function of every test executable, compiled once. Before the first test it says what is being tested.

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <cstdlib>
#include <iostream>

#include "seqrec/version.hpp"

int main(int argc, char** argv) {
  const char* data = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): one thread
  std::cout << "seqrec " << seqrec::version << ", SEQREC_DATA " << (data ? data : "not set") << '\n';
  return Catch::Session().run(argc, argv);
}
