// SPDX-License-Identifier: Apache-2.0
// The least that shows a consumer's build: headers found, dependencies linked, the version that was asked for, and
// "gzip" or "plain", whether gzip files are read.
#include <iostream>
#include <seqrec/core/tensor.hpp>
#include <seqrec/data/readers/gzip.hpp>
#include <seqrec/version.hpp>
#include <string>

#ifndef CONSUMER_FLAG
#error "the consumer's own compile flags did not reach its sources"
#endif

int main(int argc, char** argv) {
  std::cout << "seqrec " << seqrec::version << (seqrec::reads_gzip ? ", reads gzip" : ", no zlib") << '\n';
#ifdef SEQREC_WITH_ZLIB
  std::cout << "zlib " << zlibVersion() << '\n';  // links
#endif
  return argc == 3 && argv[1] == std::string(seqrec::version) &&
                 argv[2] == std::string(seqrec::reads_gzip ? "gzip" : "plain")
             ? 0
             : 1;
}
