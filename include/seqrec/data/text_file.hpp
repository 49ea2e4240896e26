// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "seqrec/core/errors.hpp"

namespace seqrec {

/// A text file, read whole and taken line by line, field by field. Every complaint is a DataError that starts with
/// "file:line:", so that the reader of a format has only its columns to describe.
///
///     TextFile file("u.data");
///     while (file.next()) {
///       const auto fields = file.fields<4>("\t", "user, item, rating, time, tab between");
///       const std::int64_t user = file.integer(fields[0], "user");
///     }
class TextFile {
 public:
  /// @throws DataError if there is no such file, it is not a regular file, or it cannot be read
  explicit TextFile(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path_, error);
    if (!std::filesystem::exists(status)) throw DataError(path_.string() + ": there is no such file");
    if (!std::filesystem::is_regular_file(status)) throw DataError(path_.string() + ": expected a regular file");
    errno = 0;
    std::ifstream stream(path_, std::ios::binary);
    if (!stream) fail_to_read();
    text_.resize(static_cast<std::size_t>(std::filesystem::file_size(path_)));
    stream.read(text_.data(), static_cast<std::streamsize>(text_.size()));
    if (static_cast<std::size_t>(stream.gcount()) != text_.size()) fail_to_read();
  }

  /// Goes to the next line; false behind the last. Lines end in "\n" or "\r\n", the last one need not.
  bool next() {
    if (position_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find('\n', position_), text_.size());
    line_ = std::string_view(text_).substr(position_, end - position_);
    if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
    position_ = end + 1;
    ++number_;
    return true;
  }

  /// The current line without its end; valid as long as this object stays where it is.
  std::string_view line() const { return line_; }

  /// The current line cut at each `delimiter`.
  /// @param columns  what the columns are, for the message: "user and item, one space between"
  /// @throws DataError unless the line has exactly `Count` fields
  template <std::size_t Count>
  std::array<std::string_view, Count> fields(std::string_view delimiter, const char* columns) const {
    std::array<std::string_view, Count> fields;
    std::size_t found = 0;
    for (std::size_t begin = 0;; ++found) {
      const std::size_t end = line_.find(delimiter, begin);
      if (found < Count) fields[found] = line_.substr(begin, end - begin);
      if (end == std::string_view::npos) break;
      begin = end + delimiter.size();
    }
    if (++found != Count)
      fail(concatenate("line ", quote(line_), " has ", found, found == 1 ? " column" : " columns", ", expected ", Count,
                       ": ", columns));
    return fields;
  }

  /// A field that must be a whole number in least .. greatest, with nothing before or after it.
  /// @param name  what the field is, for the message: "item"
  std::int64_t integer(std::string_view field, const char* name, std::int64_t least = 0,
                       std::int64_t greatest = std::numeric_limits<std::int64_t>::max()) const {
    std::int64_t value = 0;
    const char* end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, value);
    if (error != std::errc{} || stop != end || value < least || value > greatest)
      fail(concatenate(name, " is ", quote(field), ", expected a whole number from ", least, " to ", greatest));
    return value;
  }

  /// Throws DataError: "file:line: problem".
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(concatenate(path_.string(), ":", number_, ": ", problem));
  }

  const std::filesystem::path& path() const { return path_; }

  /// Foreign bytes made fit for a message: no control characters, not longer than a line.
  static std::string quote(std::string_view bytes) {
    constexpr std::size_t longest = 40;
    std::string text = "'";
    for (const char byte : bytes.substr(0, longest)) {
      if (byte >= ' ' && byte <= '~') {
        text += byte;
      } else {
        const auto code = static_cast<unsigned char>(byte);
        text += {'\\', 'x', "0123456789abcdef"[code >> 4], "0123456789abcdef"[code & 15]};
      }
    }
    return text + (bytes.size() > longest ? "...'" : "'");
  }

 private:
  [[noreturn]] void fail_to_read() const {
    const std::string reason = errno != 0 ? std::generic_category().message(errno) : "it ended early";
    throw DataError(concatenate(path_.string(), ": cannot be read: ", reason));
  }

  std::filesystem::path path_;
  std::string text_;
  std::string_view line_;
  std::size_t position_ = 0;
  std::int64_t number_ = 0;  ///< of the current line, counted from 1
};

}  // namespace seqrec
