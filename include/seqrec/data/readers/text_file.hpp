// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/data/readers/digits.hpp"
#include "seqrec/data/readers/gzip.hpp"

namespace seqrec {

/// A text file, taken line by line, field by field, in one pass and without an allocation per line. It is read in
/// blocks, so that a file of gigabytes needs little memory and its bytes are still in cache when they are parsed. A
/// gzip file, whatever its name, is unpacked on the way (see readers/gzip.hpp). Every complaint about the text is a
/// DataError that starts with "file:line:", so that the reader of a format has only its columns to describe.
///
///     TextFile file("u.data");
///     while (file.next()) {
///       const auto fields = file.fields<4>("\t", "user, item, rating, time, tab between");
///       const std::int64_t user = file.integer(fields[0], "user");
///     }
class TextFile {
 public:
  static constexpr std::size_t usual_block = std::size_t{256} * 1024;
  /// Lines of so many bytes are refused: what has no line breaks is no text, and would be held in memory whole.
  static constexpr std::size_t longest_line = std::size_t{64} * 1024 * 1024;

  /// @param block_size  bytes read at once
  /// @throws DataError if there is no such file, it is not a regular file, it cannot be read, or it is packed in a way
  ///         that this program does not unpack
  explicit TextFile(std::filesystem::path path, std::size_t block_size = usual_block) : path_(std::move(path)) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path_, error);
    if (!std::filesystem::exists(status)) throw DataError(path_.string() + ": there is no such file");
    if (!std::filesystem::is_regular_file(status)) throw DataError(path_.string() + ": expected a regular file");
    errno = 0;
    stream_.open(path_, std::ios::binary);
    if (!stream_) fail_to_read();
    unread_ = std::filesystem::file_size(path_, error);
    if (error) fail_to_read();
    unpacker_ = detail::unpacker_of(path_, stream_);
    if (unpacker_) unread_ = std::numeric_limits<std::size_t>::max();
    buffer_.resize(std::clamp<std::size_t>(unread_, 1, std::max<std::size_t>(block_size, 1)));
  }

  /// Goes to the next line; false behind the last. Lines end in "\n" or "\r\n", the last one need not.
  bool next() {
    const char* end = nullptr;
    for (std::size_t searched = 0;; searched = filled_ - position_, read_block()) {
      const char* const begin = buffer_.data() + position_ + searched;
      end = static_cast<const char*>(std::memchr(begin, '\n', filled_ - position_ - searched));
      if (end != nullptr || unread_ == 0) break;
    }
    if (end == nullptr && position_ == filled_) return false;
    const char* const begin = buffer_.data() + position_;
    line_ = {begin, end != nullptr ? static_cast<std::size_t>(end - begin) : filled_ - position_};
    position_ += line_.size() + (end != nullptr ? 1 : 0);
    if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
    if (++number_ == 1 && line_.starts_with("\xEF\xBB\xBF")) line_.remove_prefix(3);  // a byte order mark
    return true;
  }

  /// Goes to the next line of a table: as `next`, but blank lines at the end are passed over.
  /// @throws DataError if a row follows a blank line
  bool next_row() { return next() && (!line_.empty() || next_after_blank()); }

  /// The current line without its end; valid until `next`.
  std::string_view line() const { return line_; }

  /// The current line cut at each `delimiter`.
  /// @param columns  what the columns are, for the message: "user and item, one space between"
  /// @throws DataError unless the line has exactly `Count` fields
  template <std::size_t Count>
  std::array<std::string_view, Count> fields(std::string_view delimiter, const char* columns) const {
    std::array<std::string_view, Count> fields;
    std::size_t found = 0;
    cut(line_, delimiter, [&](std::string_view field) {
      if (found < Count) fields[found] = field;
      ++found;
    });
    if (found != Count) fail_columns(found, Count, columns);
    return fields;
  }

  /// The same for a number of columns that only the file's header knows; `fields` is used again from line to line.
  /// @throws DataError unless the line has as many fields as `fields` has elements
  void fields(std::string_view delimiter, const char* columns, std::vector<std::string_view>& fields) const {
    std::size_t found = 0;
    cut(line_, delimiter, [&](std::string_view field) {
      if (found < fields.size()) fields[found] = field;
      ++found;
    });
    if (found != fields.size()) fail_columns(found, fields.size(), columns);
  }

  /// Calls `take` with each piece of `text` between delimiters.
  template <class Take>
  static void cut(std::string_view text, std::string_view delimiter, Take&& take) {
    const char* begin = text.data();
    const char* const end = begin + text.size();
    const std::string_view more = delimiter.substr(1);
    for (const char* at = begin; at != end;) {  // a byte at a time: fields are shorter than a call to find() is worth
      if (*at++ != delimiter.front()) continue;
      if (!std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(more)) continue;
      take(std::string_view(begin, static_cast<std::size_t>(at - 1 - begin)));
      begin = at += more.size();
    }
    take(std::string_view(begin, static_cast<std::size_t>(end - begin)));
  }

  /// A field that must be a whole number in least .. greatest, with nothing before or after it.
  /// @param name  what the field is, for the message: "item"
  std::int64_t integer(std::string_view field, const char* name, std::int64_t least = 0,
                       std::int64_t greatest = std::numeric_limits<std::int64_t>::max()) const {
    const std::int64_t value = detail::few_digits(field);
    return value >= 0 && value >= least && value <= greatest ? value : any_integer(field, name, least, greatest);
  }

  /// Throws DataError: "file:line: problem".
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(concatenate(path_.string(), ":", number_, ": ", problem));
  }

  /// Throws DataError for a line with a wrong number of fields.   @param columns  what was expected, in words
  [[noreturn]] void fail_columns(std::size_t found, std::size_t expected, const char* columns) const {
    fail(concatenate("line ", quote(line_), " has ", found, found == 1 ? " column" : " columns", ", expected ",
                     expected, ": ", columns));
  }

  const std::filesystem::path& path() const { return path_; }
  /// Of the current line, counted from 1; 0 before the first.
  std::int64_t line_number() const { return number_; }

  /// How many lines there will be, were all as long as those of the first block: to reserve memory by. Of a packed
  /// file, whose length is not known, the lines of that block. Reads that block.
  std::size_t expected_lines() {
    if (filled_ == 0) {
      if (unread_ == 0) return 0;
      read_block();
    }
    const auto lines = static_cast<std::size_t>(std::count(buffer_.data(), buffer_.data() + filled_, '\n'));
    if (unpacker_ || filled_ == 0) return lines + 1;
    const double blocks = 1 + static_cast<double>(unread_) / static_cast<double>(filled_);
    return static_cast<std::size_t>(static_cast<double>(lines + 1) * blocks);
  }

  /// Foreign bytes made fit for a message: no control characters, not longer than a line.
  static std::string quote(std::string_view bytes) { return quote_bytes(bytes, 40); }

 private:
  /// Whether a line follows, of which all before it back to a row are blank: there must be none that is not.
  bool next_after_blank() {
    while (next())
      if (!line_.empty()) fail("a blank line stands before this one, expected blank lines only at the end");
    return false;
  }

  /// What `few_digits` does not read: negative and very long numbers, and what is none.
  std::int64_t any_integer(std::string_view field, const char* name, std::int64_t least, std::int64_t greatest) const {
    std::int64_t value = 0;
    const char* end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, value);
    if (error != std::errc{} || stop != end || value < least || value > greatest)
      fail(concatenate(name, " is ", quote(field), ", expected a whole number from ", least, " to ", greatest));
    return value;
  }

  /// Moves the begun line to the front of the buffer, which grows if that line fills it, and reads on behind it.
  /// `unread_` is 0 once there is no more.
  void read_block() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(position_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= position_;
    position_ = 0;
    if (filled_ >= longest_line)
      throw DataError(concatenate(path_.string(), ":", number_ + 1, ": the line has more than ", longest_line - 1,
                                  " bytes, expected lines of text"));
    if (filled_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
    const std::size_t size = std::min(unread_, buffer_.size() - filled_);
    if (unpacker_) {
      const std::size_t taken = unpacker_->read(buffer_.data() + filled_, size);
      if (taken < size) unread_ = 0;
      filled_ += taken;
      return;
    }
    stream_.read(buffer_.data() + filled_, static_cast<std::streamsize>(size));
    if (static_cast<std::size_t>(stream_.gcount()) != size) fail_to_read();
    filled_ += size;
    unread_ -= size;
  }

  [[noreturn]] void fail_to_read() const {
    const std::string reason = errno != 0 ? std::generic_category().message(errno) : "it ended early";
    throw DataError(concatenate(path_.string(), ": cannot be read: ", reason));
  }

  std::filesystem::path path_;
  std::ifstream stream_;                        ///< of a file that is not packed
  std::unique_ptr<detail::Unpacker> unpacker_;  ///< of one that is
  std::vector<char> buffer_;
  std::size_t position_ = 0;  ///< in the buffer, of the next line
  std::size_t filled_ = 0;    ///< bytes in the buffer
  std::size_t unread_ = 0;    ///< bytes of the file that were not in the buffer yet
  std::string_view line_;
  std::int64_t number_ = 0;  ///< of the current line, counted from 1
};

}  // namespace seqrec
