// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/readers/text_file.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"

namespace seqrec {

/// Writes lists as text, whole or not at all: a line each for format, held-out part, data hash, negatives, seed,
/// popularity exponent (unless drawn uniformly), seen items (unless left out), appeared (if it is true), users and the
/// hash of the lists, then one line of negatives per user, or "none" for one that is left out.
/// @throws DataError if the file cannot be written
SEQREC_FUNCTION void save_candidates(const std::filesystem::path& path, const CandidateLists& lists);

/// Reads lists that must have been drawn for these held-out users with these options.
/// @throws DataError naming file, line and both values where the file says otherwise, is damaged or cut short
SEQREC_FUNCTION CandidateLists load_candidates(const std::filesystem::path& path, const HeldOut& held_out,
                                               const CandidateOptions& options = {});

#if SEQREC_BODIES

SEQREC_FUNCTION void save_candidates(const std::filesystem::path& path, const CandidateLists& lists) {
  const std::string exponent = option_text(lists.options.popularity_exponent);
  const std::string seen = option_text(lists.options.seen);
  std::string text = concatenate("seqrec-candidates 1\nheld-out ", lists.held_out, "\ndata ", lists.data_hash,
                                 "\nnegatives ", lists.options.negatives, "\nseed ", lists.options.seed,
                                 lists.options.popularity_exponent != 0 ? "\npopularity-exponent " + exponent : "",
                                 lists.options.seen != SeenItems::left_out ? "\nseen " + seen : "",
                                 lists.options.appeared ? "\nappeared true" : "", "\nusers ", lists.users, "\nhash ",
                                 lists.hash(), "\n");
  for (index_t i = 0; i < lists.users; ++i) {
    const auto negatives = lists.negatives(i);
    for (const item_t item : negatives) text.append(std::to_string(item)).append(" ");
    if (negatives.empty()) text += "none ";
    text.back() = '\n';
  }
  write_file_atomically(path, text);
}

SEQREC_FUNCTION CandidateLists load_candidates(const std::filesystem::path& path, const HeldOut& held_out,
                                               const CandidateOptions& options) {
  CandidateLists lists{held_out.name, held_out.data->hash(), options, held_out.size(), {}, {}};
  TextFile file(path);
  const auto next_line = [&](std::string_view expected) {
    if (!file.next()) file.fail(concatenate("the file ends here, expected ", expected));
  };
  const auto read_header = [&](const std::string& key) -> std::string_view {
    next_line(concatenate("a line '", key, " ...'"));
    if (!file.line().starts_with(key + " ")) file.fail(concatenate("expected a line '", key, " ...'"));
    return file.line().substr(key.size() + 1);
  };
  const auto check_header = [&](const char* key, const auto& value, const char* hint = "") {
    const std::string_view found = read_header(key);
    if (found != concatenate(value))
      file.fail(concatenate(key, " is ", TextFile::quote(found), ", expected '", value, "'", hint));
  };
  check_header("seqrec-candidates", 1);
  check_header("held-out", lists.held_out);
  check_header("data", lists.data_hash, ": these candidates were drawn for other data");
  check_header("negatives", options.negatives);
  check_header("seed", options.seed);
  if (options.popularity_exponent != 0) check_header("popularity-exponent", option_text(options.popularity_exponent));
  if (options.seen != SeenItems::left_out) check_header("seen", option_text(options.seen));
  if (options.appeared) check_header("appeared", option_text(options.appeared));
  check_header("users", lists.users);
  const std::string hash(read_header("hash"));

  const index_t last_item = held_out.data->num_items() - 1;
  for (index_t i = 0; i < lists.users; ++i) {
    next_line(concatenate("the negatives of ", lists.users - i, " more users"));
    std::string_view rest = file.line();
    if (rest == "none") {
      lists.left_out.push_back(i);
      continue;
    }
    for (index_t k = 1; k <= options.negatives; ++k) {
      const std::size_t end = rest.find(' ');
      if ((end == std::string_view::npos) != (k == options.negatives))
        file.fail(concatenate("expected ", options.negatives, " items, one space between"));
      lists.items.push_back(static_cast<item_t>(file.integer(rest.substr(0, end), "item", 0, last_item)));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  if (file.next()) file.fail("expected the end of the file");
  if (lists.lists() == 0 && lists.users > 0) file.fail("expected negatives for one of the users at least");
  if (lists.hash() != hash)
    throw DataError(concatenate(path.string(), ": the hash of the lists is ", lists.hash(), ", expected ",
                                TextFile::quote(hash),
                                " as the file itself says: it was changed after it was written"));
  return lists;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
