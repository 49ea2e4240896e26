// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"

namespace seqrec {

/// The original ids of users or items, by row: row r of a model's table, of a data set's columns, stands for id r. An
/// id is text, UTF-8 without control characters, whatever it was in its source: "1193", "tt0114709".
///
/// A value: copies share one read-only table, so a data set, its splits and a model trained on it hold the same. Any
/// number of threads may ask.
class Vocabulary {
 public:
  /// No id at all.
  Vocabulary() : table_(empty_table()) {}

  /// @throws ArgumentError naming an id that is empty, not UTF-8, has a control character or is there twice
  explicit Vocabulary(std::span<const std::string> ids);

  /// Whole numbers, as they are written: 7 is "7".
  explicit Vocabulary(std::span<const std::int64_t> numbers);

  /// Reads what `text` wrote.
  /// @param source  begins error messages   @throws DataError naming the line that is no id
  static Vocabulary from_text(std::string_view text, const std::string& source);

  index_t size() const { return std::ssize(table_->ends); }
  bool empty() const { return size() == 0; }

  /// The id of a row; valid as long as any copy lives.   @param row  0 .. size-1
  std::string_view operator[](index_t row) const {
    const auto place = static_cast<std::size_t>(row);
    const std::size_t begin = place == 0 ? 0 : table_->ends[place - 1];
    return std::string_view(table_->text).substr(begin, table_->ends[place] - begin - 1);
  }

  /// The row of an id; none where it has none.
  std::optional<item_t> find(std::string_view id) const {
    const item_t row = table_->rows.empty() ? item_t{-1} : table_->rows[slot_of(id)];
    return row < 0 ? std::nullopt : std::optional(row);
  }

  /// Every id on a line of its own, in order.
  const std::string& text() const { return table_->text; }

  /// Tells vocabularies apart: a hash of all ids in order.
  std::string hash() const { return Hash().add(text()).text(); }

  /// The same ids in the same order.
  bool operator==(const Vocabulary& other) const { return table_ == other.table_ || text() == other.text(); }

  /// The first row at which two vocabularies differ, the length of the shorter one where it begins the other.
  index_t first_difference(const Vocabulary& other) const {
    const index_t both = std::min(size(), other.size());
    if (table_ == other.table_) return both;
    for (index_t row = 0; row < both; ++row)
      if ((*this)[row] != other[row]) return row;
    return both;
  }

 private:
  struct Table {
    std::string text;               ///< ids, a line break after each
    std::vector<std::size_t> ends;  ///< (size) of each id in `text`, its line break included
    std::vector<item_t> rows;       ///< hashed by id, open addressing, a power of two; -1 where free
  };

  static std::shared_ptr<const Table> empty_table() {
    static const auto table = std::make_shared<const Table>();
    return table;
  }

  /// Where an id is, or would be, among `rows`.
  std::size_t slot_of(std::string_view id) const {
    const std::size_t mask = table_->rows.size() - 1;
    std::size_t slot = std::hash<std::string_view>()(id) & mask;
    while (table_->rows[slot] >= 0 && (*this)[table_->rows[slot]] != id) slot = (slot + 1) & mask;
    return slot;
  }

  /// Takes over text and ends, and finds every id a slot.
  /// @return the row of an id that was there before, or -1
  index_t adopt(Table&& table);

  std::shared_ptr<const Table> table_;
};

/// Why a text cannot be an id; empty where it can.
SEQREC_FUNCTION std::string id_problem(std::string_view id);

#if SEQREC_BODIES

SEQREC_FUNCTION std::string id_problem(std::string_view id) {
  if (id.empty()) return "is empty, expected some text";
  if (!is_utf8(id)) return "is not UTF-8";
  if (std::any_of(id.begin(), id.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; }))
    return "has a control character, expected none";
  return {};
}

SEQREC_FUNCTION index_t Vocabulary::adopt(Table&& table) {
  const std::size_t size = table.ends.size();
  if (size > static_cast<std::size_t>(std::numeric_limits<item_t>::max()))
    throw ArgumentError(
        concatenate("Vocabulary: ", size, " ids, expected at most ", std::numeric_limits<item_t>::max()));
  std::size_t slots = size == 0 ? 0 : 2;
  while (slots < 2 * size) slots *= 2;
  table.rows.assign(slots, item_t{-1});
  const auto shared = std::make_shared<Table>(std::move(table));
  table_ = shared;
  for (std::size_t row = 0; row < size; ++row) {
    item_t& place = shared->rows[slot_of((*this)[static_cast<index_t>(row)])];
    if (place >= 0) return static_cast<index_t>(row);
    place = static_cast<item_t>(row);
  }
  return -1;
}

SEQREC_FUNCTION Vocabulary::Vocabulary(std::span<const std::string> ids) {
  Table table;
  for (const std::string& id : ids) {
    if (const std::string problem = id_problem(id); !problem.empty())
      throw ArgumentError(concatenate("Vocabulary: id ", table.ends.size(), ", ", quote_bytes(id), ", ", problem));
    table.text.append(id).append("\n");
    table.ends.push_back(table.text.size());
  }
  if (const index_t twice = adopt(std::move(table)); twice >= 0)
    throw ArgumentError(concatenate("Vocabulary: id ", twice, ", ", quote_bytes((*this)[twice]),
                                    ", is there before, expected distinct ids"));
}

SEQREC_FUNCTION Vocabulary::Vocabulary(std::span<const std::int64_t> numbers) {
  Table table;
  for (const std::int64_t number : numbers) {
    table.text.append(std::to_string(number)).append("\n");
    table.ends.push_back(table.text.size());
  }
  if (const index_t twice = adopt(std::move(table)); twice >= 0)
    throw ArgumentError(
        concatenate("Vocabulary: id ", twice, ", ", (*this)[twice], ", is there before, expected distinct ids"));
}

SEQREC_FUNCTION Vocabulary Vocabulary::from_text(std::string_view text, const std::string& source) {
  const auto fail = [&](index_t line, std::string_view id, std::string_view problem) {
    throw DataError(concatenate(source, ": id ", line, ", ", quote_bytes(id), ", ", problem));
  };
  Table table;
  table.text = text;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string_view id = text.substr(begin, end - begin);
    const auto line = std::ssize(table.ends);
    if (end == std::string_view::npos) fail(line, id, "is not followed by a line break");
    if (const std::string problem = id_problem(id); !problem.empty()) fail(line, id, problem);
    table.ends.push_back(begin = end + 1);
  }
  Vocabulary vocabulary;
  if (const index_t twice = vocabulary.adopt(std::move(table)); twice >= 0)
    fail(twice, vocabulary[twice], "is there before, expected distinct ids");
  return vocabulary;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
