// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/readers/digits.hpp"
#include "seqrec/data/readers/text_encoding.hpp"

namespace seqrec {

/// An id that is a number: any integer type but characters and truth values.
template <class Number>
concept IdNumber = std::integral<Number> && !std::same_as<Number, bool> && !std::same_as<Number, char> &&
                   !std::same_as<Number, wchar_t> && !std::same_as<Number, char8_t> &&
                   !std::same_as<Number, char16_t> && !std::same_as<Number, char32_t>;

namespace detail {

/// A whole number of 64 bits, signed or not.
struct WholeNumber {
  std::uint64_t bits;  ///< two's complement
  bool negative;
};

/// The number that a text is: "1011", "-7", and "1011.0", as floating-point columns are written, with any number of
/// zeros. None for whatever is written otherwise ("007", "+1", "-0", "1e3") or has more than 64 bits: that is a name.
inline std::optional<WholeNumber> whole_number(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos && point + 1 < text.size() &&
      text.find_first_not_of('0', point + 1) == std::string_view::npos)
    text = text.substr(0, point);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || (text[0] == '0' && (text.size() > 1 || negative))) return {};
  std::uint64_t magnitude = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, magnitude);
  if (error != std::errc{} || stop != end || (negative && magnitude > std::uint64_t{1} << 63)) return {};
  return WholeNumber{negative ? ~magnitude + 1 : magnitude, negative};
}

}  // namespace detail

/// How an id is written in every vocabulary, whatever wrote it: whole numbers as numbers are ("1011.0" is "1011"),
/// other text in UTF-8.
inline std::string id_text(std::string_view text) {
  const auto number = detail::whole_number(text);
  if (!number) return utf8_from_unknown(text);
  return number->negative ? std::to_string(static_cast<std::int64_t>(number->bits)) : std::to_string(number->bits);
}

/// A column of ids, one an event. As long as each is a whole number of 64 bits, signed or unsigned, they are numbers,
/// which `build_dataset` puts in ascending order; with a single other one all are names, in order of first appearance.
class IdColumn {
 public:
  IdColumn() = default;
  IdColumn(std::initializer_list<std::int64_t> numbers) {
    for (const std::int64_t number : numbers) push_back(number);
  }
  IdColumn(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) push_back(text);
  }
  /// A whole column of numbers or texts.   @throws ArgumentError for a text that is no id
  template <class Id>
  IdColumn(const std::vector<Id>& ids) {
    reserve(ids.size());
    for (const Id& id : ids) push_back(id);
  }

  template <IdNumber Number>
  void push_back(Number number) {
    push_number({static_cast<std::uint64_t>(number), std::is_signed_v<Number> && number < Number{}});
  }
  /// @throws ArgumentError for a text that is no id (id_problem)
  void push_back(std::string_view text) {
    if (push_digits(text)) return;
    if (const std::string problem = push_text(text); !problem.empty())
      throw ArgumentError(concatenate("id ", size(), ", ", quote_bytes(text), ", ", problem));
  }

  /// Takes what nearly every id of a file is, a number of up to 18 digits, and nothing else.
  bool push_digits(std::string_view text) {
    const std::int64_t number = detail::few_digits(text);
    if (number < 0 || !names_.empty() || (text[0] == '0' && text.size() > 1)) return false;
    keys_.push_back(static_cast<std::uint64_t>(number));
    return true;
  }
  /// Takes any id.   @return why the text cannot be one; empty where it was taken
  std::string push_text(std::string_view text) {
    if (const auto number = detail::whole_number(text)) {
      push_number(*number);
      return {};
    }
    std::string name = utf8_from_unknown(text);
    if (std::string problem = id_problem(name); !problem.empty()) return problem;
    become_names();
    if (names_given_++ == 0) first_name_ = keys_.size();
    keys_.push_back(place_of(name));
    return {};
  }

  std::size_t size() const { return keys_.size(); }
  bool empty() const { return keys_.empty(); }
  void reserve(std::size_t rows) { keys_.reserve(rows); }

  /// What tells ids apart: two's complement of numbers; of names their place in order of first appearance.
  std::span<const std::uint64_t> keys() const { return keys_; }
  /// What to turn over in keys for their order to be that of unsigned numbers.
  std::uint64_t sign_bit() const { return negative_ && names_.empty() ? std::uint64_t{1} << 63 : 0; }
  /// The ids behind some keys.
  Vocabulary vocabulary(const std::vector<std::uint64_t>& keys) const {
    std::vector<std::string> ids;
    ids.reserve(keys.size());
    for (const std::uint64_t key : keys) ids.push_back(id_of(key));
    return Vocabulary(ids);
  }
  /// Whether all are numbers but the first, as where a header stands above a column of a format that has none.
  bool begins_with_header() const { return names_given_ == 1 && first_name_ == 0 && size() > 1; }

 private:
  /// So that looking a text up makes no string.
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  std::string id_of(std::uint64_t key) const {
    if (!names_.empty()) return names_[key];
    return negative_ ? std::to_string(static_cast<std::int64_t>(key)) : std::to_string(key);
  }

  void push_number(detail::WholeNumber number) {
    if (names_.empty()) {
      const bool beyond = !number.negative && number.bits > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
      // Negative numbers and such as only unsigned ones can be have no order in 64 bits.
      if ((number.negative && beyond_) || (beyond && negative_)) become_names();
      negative_ |= number.negative;
      beyond_ |= beyond;
    }
    if (names_.empty()) {
      keys_.push_back(number.bits);
    } else {
      keys_.push_back(place_of(number.negative ? std::to_string(static_cast<std::int64_t>(number.bits))
                                               : std::to_string(number.bits)));
    }
  }

  void become_names() {
    if (!names_.empty()) return;
    std::vector<std::string> ids;
    for (const std::uint64_t key : keys_) ids.push_back(id_of(key));
    for (std::size_t row = 0; row < keys_.size(); ++row) keys_[row] = place_of(ids[row]);
  }

  std::uint64_t place_of(std::string_view name) {
    const auto place = places_.find(name);
    if (place != places_.end()) return place->second;
    names_.emplace_back(name);
    places_.emplace(name, names_.size() - 1);
    return names_.size() - 1;
  }

  std::vector<std::uint64_t> keys_;         ///< (E)
  bool negative_ = false, beyond_ = false;  ///< whether a number is below 0, above 2^63 - 1
  std::vector<std::string> names_;          ///< of a column of names, by key
  std::unordered_map<std::string, std::uint64_t, TextHash, std::equal_to<>> places_;
  std::size_t names_given_ = 0, first_name_ = 0;  ///< how many rows are no numbers, and the first
};

}  // namespace seqrec
