// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/safetensors.hpp"

namespace seqrec {

/// Puts names into a file's metadata: under "seqrec.item_ids", "seqrec.user_categories" and "seqrec.item_categories" a
/// line each, in order, and under the same with "_hash" what tells damaged ones. Nothing for those that are empty.
inline void write_names(std::map<std::string, std::string>& metadata, const Names& names) {
  const auto write = [&](const std::string& field, const Vocabulary& vocabulary) {
    if (vocabulary.empty()) return;
    metadata[field] = vocabulary.text();
    metadata[field + "_hash"] = vocabulary.hash();
  };
  write("seqrec.item_ids", names.items);
  write("seqrec.user_categories", names.user_categories);
  write("seqrec.item_categories", names.item_categories);
}

/// Reads what write_names wrote; a file of before it has no names.
/// @throws DataError naming file, field and line when they are damaged
SEQREC_FUNCTION Names read_names(const SafetensorsFile& file);

#if SEQREC_BODIES

SEQREC_FUNCTION Names read_names(const SafetensorsFile& file) {
  const auto read = [&](const std::string& field) {
    const auto text = file.metadata().find(field);
    if (text == file.metadata().end()) return Vocabulary();
    const std::string where = concatenate(file.path().string(), ": metadata field ", field);
    Vocabulary vocabulary = Vocabulary::from_text(text->second, where);
    const std::string& hash = metadata_field(file, field + "_hash", "the hash of " + field);
    if (hash != vocabulary.hash())
      throw DataError(concatenate(where, ": hash is ", vocabulary.hash(), ", expected ", quote_bytes(hash),
                                  " as the file itself says: it was changed after it was written"));
    return vocabulary;
  };
  return {read("seqrec.item_ids"), read("seqrec.user_categories"), read("seqrec.item_categories")};
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
