// SPDX-License-Identifier: Apache-2.0
// A file of candidates, for the held-out events that it was drawn for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/support.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_file.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"

namespace {

struct DrawnFor {
  seqrec::Dataset data = seqrec::build_dataset("small", {{0, 0, 0, 1, 1, 1, 2, 2, 2}, {0, 1, 2, 2, 3, 4, 5, 6, 7}, {}});
  seqrec::Split split = seqrec::leave_one_out(data);
  seqrec::CandidateOptions options{.negatives = 2, .popularity_exponent = 0.75};
};
const DrawnFor& drawn_for() {
  static const DrawnFor it;
  return it;
}

}  // namespace

std::vector<std::string> made_seeds() {
  const seqrec_fuzz::Folder folder;
  seqrec::save_candidates(folder / "x", seqrec::draw_candidates(drawn_for().split.test, drawn_for().options));
  return {folder.read("x")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seqrec_fuzz::Folder folder;
  drawn_for();  // before the heap is watched
  const auto path = folder.write("x", seqrec_fuzz::text_of(data, size));
  // It may be a gzip file, as other texts: then there are the unpacker's buffers, and lines a thousand times as long.
  constexpr std::size_t most_unpacked = 1032;
  const auto read = [&] {
    const auto lists = seqrec::load_candidates(path, drawn_for().split.test, drawn_for().options);
    seqrec_fuzz::require(static_cast<seqrec::index_t>(lists.items.size()) == lists.lists() * lists.options.negatives,
                         "users without all their negatives, who are not left out");
    seqrec_fuzz::require(
        std::all_of(lists.items.begin(), lists.items.end(),
                    [](seqrec::item_t item) { return item >= 0 && item < drawn_for().data.num_items(); }),
        "a negative out of range");
  };
  return seqrec_fuzz::expect_read_or_error(size, read, {.base = 400'000, .for_each_byte = 4 * most_unpacked});
}
