// SPDX-License-Identifier: Apache-2.0
// The least that shows a consumer's build: headers found, dependencies linked, the version that was asked for.
#include <iostream>
#include <seqrec/core/tensor.hpp>
#include <seqrec/version.hpp>
#include <string>

#ifndef CONSUMER_FLAG
#error "the consumer's own compile flags did not reach its sources"
#endif

int main(int argc, char** argv) {
  std::cout << "seqrec " << seqrec::version << '\n';
  return argc == 2 && argv[1] == std::string(seqrec::version) ? 0 : 1;
}
