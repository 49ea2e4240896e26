// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"

namespace seqrec {

/// `text` as a JSON string with its quotes. Only what JSON requires is escaped, so equal texts give equal bytes.
/// @throws ArgumentError unless `text` is UTF-8
inline std::string quote_json(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char first = text.front();
    if (length == 0)
      throw ArgumentError(concatenate("quote_json: byte ", static_cast<int>(static_cast<unsigned char>(first)),
                                      " after ", quoted.size() - 1, " bytes of output, expected UTF-8"));
    const auto code = static_cast<unsigned char>(first);
    if (first == '"' || first == '\\') {
      quoted += {'\\', first};
    } else if (code >= 0x20) {
      quoted += text.substr(0, length);
    } else if (constexpr std::string_view controls = "\b\t\n\f\r"; controls.find(first) != controls.npos) {
      quoted += {'\\', "btnfr"[controls.find(first)]};
    } else {
      quoted += {'\\', 'u', '0', '0', "01"[code >> 4], "0123456789abcdef"[code & 15]};
    }
    text.remove_prefix(length);
  }
  return quoted + '"';
}

/// Reads JSON (RFC 8259) of a shape that the caller knows, front to back, and nothing else: the caller asks for an
/// object, an array, a string or a non-negative integer, anything else is an error. The depth of nesting is that of
/// the caller's questions, so no input can exhaust the stack. Duplicate keys are errors.
class JsonReader {
 public:
  /// @param text must outlive the reader   @param source what the text is, to begin error messages with
  JsonReader(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {}

  /// Calls member(key) for each member of an object, in order; it must read the member's value.
  /// @throws DataError naming the source and the byte, here and in every function
  template <class Member>
  void object(Member&& member) {
    std::set<std::string, std::less<>> keys;
    expect('{', "an object");
    if (accept('}')) return;
    do {
      const auto [key, is_new] = keys.insert(string());
      if (!is_new) fail_twice(*key);
      expect(':', "':' after a key");
      member(*key);
    } while (accept(','));
    expect('}', "',' or '}' after a member");
  }

  /// An object of strings. (Its keys are kept once, not twice: a hostile file may consist of little else.)
  std::map<std::string, std::string> strings() {
    std::map<std::string, std::string> found;
    expect('{', "an object");
    if (accept('}')) return found;
    do {
      const auto [entry, is_new] = found.try_emplace(string());
      if (!is_new) fail_twice(entry->first);
      expect(':', "':' after a key");
      entry->second = string();
    } while (accept(','));
    expect('}', "',' or '}' after a member");
    return found;
  }

  /// Calls element() for each element of an array; it must read the element.
  template <class Element>
  void array(Element&& element) {
    expect('[', "an array");
    if (accept(']')) return;
    do element();
    while (accept(','));
    expect(']', "',' or ']' after an element");
  }

  /// A non-negative integer that an index holds, written without fraction or exponent.
  index_t integer() {
    skip_space();
    const std::size_t first = at_;
    std::uint64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > (largest_index - digit) / 10) fail(concatenate("expected an integer of at most ", largest_index));
      value = 10 * value + digit;
    }
    if (at_ == first || next_is('.') || next_is('e') || next_is('E')) fail_unexpected("a non-negative integer");
    if (at_ - first > 1 && text_[first] == '0') fail("found a leading zero, expected a non-negative integer");
    return static_cast<index_t>(value);
  }

  std::string string() {
    expect('"', "a string");
    std::string value;
    while (!next_is('"')) {
      const std::size_t length = utf8_length(text_.substr(at_));
      if (length == 0 || static_cast<unsigned char>(text_[at_]) < 0x20)
        fail_unexpected("a string of UTF-8 without control characters");
      if (text_[at_] == '\\') {
        ++at_;
        append_escaped(value);
      } else {
        value += text_.substr(at_, length);
        at_ += length;
      }
    }
    ++at_;
    return value;
  }

  /// Nothing but white space may follow.
  void finish() {
    skip_space();
    if (at_ != text_.size()) fail_unexpected("the end");
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(concatenate(source_, ", byte ", at_, ": ", problem));
  }

 private:
  static constexpr auto largest_index = static_cast<std::uint64_t>(std::numeric_limits<index_t>::max());

  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  void skip_space() {
    while (next_is(' ') || next_is('\n') || next_is('\t') || next_is('\r')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* what) {
    if (!accept(c)) fail_unexpected(what);
  }
  [[noreturn]] void fail_unexpected(const char* expected) const {
    const std::string found = at_ < text_.size() ? quote_bytes(text_.substr(at_, 1)) : "the end";
    fail(concatenate("found ", found, ", expected ", expected));
  }

  [[noreturn]] void fail_twice(const std::string& key) const {
    fail(concatenate("key ", quote_bytes(key), " occurs twice, expected distinct keys"));
  }

  void append_escaped(std::string& value) {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (next_is('u')) {
      ++at_;
      append_utf8(value, code_point());
      return;
    }
    const std::size_t which = at_ < text_.size() ? letters.find(text_[at_]) : letters.npos;
    if (which == letters.npos) fail_unexpected("one of \"\\/bfnrtu after a backslash");
    value += meanings[which];
    ++at_;
  }

  /// After \u: one unit of UTF-16, or a high and a low surrogate, which together mean one character.
  std::uint32_t code_point() {
    const std::uint32_t unit = four_digits();
    if (unit < 0xD800 || unit >= 0xE000) return unit;
    if (unit >= 0xDC00 || text_.substr(at_, 2) != "\\u") fail("lone surrogate, expected a pair");
    at_ += 2;
    const std::uint32_t low = four_digits();
    if (low < 0xDC00 || low >= 0xE000) fail("lone surrogate, expected a pair");
    return 0x10000u + ((unit - 0xD800u) << 10) + (low - 0xDC00u);
  }

  std::uint32_t four_digits() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : ' ';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail_unexpected("four hexadecimal digits after \\u");
      value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  static void append_utf8(std::string& value, std::uint32_t code) {
    const auto append = [&](std::uint32_t byte) { value += static_cast<char>(static_cast<unsigned char>(byte)); };
    const auto append_tail = [&](int shift) { append(0x80u | (code >> shift & 0x3Fu)); };
    if (code < 0x80) {
      append(code);
    } else if (code < 0x800) {
      append(0xC0u | code >> 6);
      append_tail(0);
    } else if (code < 0x10000) {
      append(0xE0u | code >> 12);
      append_tail(6);
      append_tail(0);
    } else {
      append(0xF0u | code >> 18);
      append_tail(12);
      append_tail(6);
      append_tail(0);
    }
  }

  std::string_view text_;
  std::string source_;
  std::size_t at_ = 0;
};

}  // namespace seqrec
