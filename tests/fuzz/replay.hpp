// SPDX-License-Identifier: Apache-2.0
// Reads seeds once, without a fuzzer: what ordinary CI does with them, whatever the compiler.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support.hpp"

namespace seqrec_fuzz {

struct Target {
  std::string_view name;
  int (*read)(const std::uint8_t*, std::size_t);
  std::vector<std::string> (*made_seeds)();
};

/// One seed; false, with a line on stderr, where it should have been read and was not.
inline bool replay_one(const Target& target, const std::string& name, const std::string& input, bool must_be_read) {
  std::printf("%s\n", name.c_str());  // before it is read: whoever crashes is named
  std::fflush(stdout);
  // A copy of its very size, so that a sanitizer sees what lies behind.
  std::vector<std::uint8_t> bytes(input.begin(), input.end());
  bytes.shrink_to_fit();
  last_error().clear();
  target.read(bytes.data(), bytes.size());
  if (!must_be_read || last_error().empty()) return true;
  std::fprintf(stderr, "%s: expected to be read, but: %s\n", name.c_str(), last_error().c_str());
  return false;
}

/// replay TARGET FOLDER: reads what the target's made_seeds gives and every file of the folder. Made ones, and files
/// whose names begin with "good", must be read to their end: a format that changes must not leave the fuzzers with
/// seeds that are refused at their first line.
inline int replay(int argc, char** argv, std::initializer_list<Target> targets) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TARGET FOLDER\n", argv[0]);
    return 2;
  }
  const auto* const target =
      std::find_if(targets.begin(), targets.end(), [&](const Target& each) { return each.name == argv[1]; });
  if (target == targets.end()) {
    std::fprintf(stderr, "there is no target %s\n", argv[1]);
    return 2;
  }
  bool well = true;
  int seeds = 0;
  for (const std::string& seed : target->made_seeds())
    well &= replay_one(*target, "made_" + std::to_string(seeds++), seed, true);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(stream), {}};
    well &= replay_one(*target, file.filename().string(), input, file.filename().string().starts_with("good"));
    ++seeds;
  }
  std::printf("%s: %d seeds, %s; most heap: %zu bytes for an input of %zu\n", argv[1], seeds,
              well ? "all as expected" : "FAILED", most_heap().bytes, most_heap().input);
  return well && seeds > 0 ? 0 : 1;
}

}  // namespace seqrec_fuzz
