// SPDX-License-Identifier: Apache-2.0
// A packed text file, line by line. What it holds may be a thousand times as long as the file, which is deflate's
// limit: memory is bounded by the longest line.
#include "seqrec/data/readers/gzip.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/support.hpp"
#include "seqrec/data/readers/text_file.hpp"

std::vector<std::string> made_seeds() { return {}; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;  // a megabyte of text is enough
  static const seqrec_fuzz::Folder folder;
  const auto path = folder.write("x.gz", seqrec_fuzz::text_of(data, size));
  constexpr std::size_t most_unpacked = 1032;
  const int result = seqrec_fuzz::expect_read_or_error(
      size,
      [&] {
        seqrec::TextFile file(path, 4096);
        std::size_t lines = 0, longest = 0;
        const std::size_t expected = file.expected_lines();
        while (file.next()) {
          ++lines;
          longest = std::max(longest, file.line().size());
        }
        seqrec_fuzz::require(expected <= 4097, "more lines expected than a block has bytes");
        seqrec_fuzz::require(longest <= most_unpacked * size, "a line longer than the file can hold");
        seqrec_fuzz::require(seqrec_fuzz::heap_peak() < 300'000 + 4 * longest,
                             "more memory than the longest line asks for");
      },
      {.base = 300'000, .for_each_byte = 4 * most_unpacked});
  if (!seqrec::reads_gzip) seqrec_fuzz::last_error().clear();  // without zlib all are refused, good ones too
  return result;
}
