// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/readers/csv.hpp"
#include "seqrec/data/readers/text_encoding.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

/// How a table with a header is written.
enum class TableStyle {
  delimited,  ///< commas, tabs, semicolons or '|' between, as the header has; fields may stand in double quotes
  recbole     ///< RecBole's atomic files: tabs between, no quotes, each name followed by a type, "user_id:token"
};

/// A text file whose first line names its columns, read line by line.
class Table {
 public:
  /// @throws DataError where the first line is no header of that style
  Table(const std::filesystem::path& path, TableStyle style) : file_(path), style_(style) { read_header(); }

  /// Goes to the next row; false behind the last.
  /// @throws DataError unless it has a field for each column
  bool next() {
    if (!file_.next_row()) return false;
    if (style_ == TableStyle::recbole || file_.line().find('"') == std::string_view::npos)
      file_.fields(std::string_view(&delimiter_, 1), expected_, fields_);
    else
      read_quoted();
    return true;
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  /// The place of a column of exactly this name, `none` if the header lacks it.
  /// @throws DataError if it is there twice
  std::size_t column(std::string_view name) const {
    const auto place = std::find(columns_.begin(), columns_.end(), name);
    if (place == columns_.end()) return none;
    if (std::find(place + 1, columns_.end(), name) != columns_.end())
      file_.fail(concatenate("the header has the column ", TextFile::quote(name), " twice"));
    return static_cast<std::size_t>(place - columns_.begin());
  }
  /// @throws DataError if the header lacks it, or has it twice
  std::size_t required_column(std::string_view name) const {
    const std::size_t place = column(name);
    if (place == none)
      file_.fail(concatenate("the header has no column ", TextFile::quote(name), ", it has ", names()));
    return place;
  }

  std::string_view operator[](std::size_t column) const { return fields_[column]; }
  const std::vector<std::string>& columns() const { return columns_; }
  /// "'user', 'item', 'time'", for messages: the first columns.
  std::string names() const {
    constexpr std::size_t most = 12;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, columns_.size()); ++i)
      text += (text.empty() ? "" : ", ") + TextFile::quote(columns_[i]);
    return columns_.size() <= most ? text : concatenate(text, ", ... (", columns_.size(), " columns)");
  }
  TextFile& text() { return file_; }
  const TextFile& text() const { return file_; }

 private:
  /// A column costs far more memory than the byte that a file may spend on it.
  static constexpr std::ptrdiff_t most_columns = 65536;

  void check_width() const {
    const auto columns = 1 + std::count(file_.line().begin(), file_.line().end(), delimiter_);
    if (columns > most_columns)
      file_.fail(concatenate("the header has ", columns, " columns, expected at most ", most_columns));
  }
  void read_header();
  void read_quoted();

  TextFile file_;
  TableStyle style_;
  char delimiter_ = '\t';
  const char* expected_ = "those of the header, separated by tabs";
  std::vector<std::string> columns_;      ///< names, without types
  std::vector<std::string_view> fields_;  ///< of the current row
  std::vector<std::string> unquoted_;     ///< what they refer to where the row has quotes
};

#if SEQREC_BODIES

SEQREC_FUNCTION void Table::read_header() {
  const std::string path = file_.path().string();
  if (!file_.next() || file_.line().empty())
    throw DataError(concatenate(path, file_.line_number() == 0 ? ": is empty" : ": begins with a blank line",
                                ", expected a header such as ",
                                style_ == TableStyle::recbole ? "'user_id:token', a tab, 'item_id:token', ..."
                                                              : "'user_id,item_id,timestamp'"));
  if (style_ == TableStyle::delimited) {
    delimiter_ = delimiter_of(file_.line());
    expected_ = delimiter_ == ','    ? "those of the header, separated by commas"
                : delimiter_ == '\t' ? "those of the header, separated by tabs"
                : delimiter_ == ';'  ? "those of the header, separated by semicolons"
                                     : "those of the header, separated by '|'";
    check_width();
    for (const std::string& column : csv_fields(file_, delimiter_)) {
      const std::size_t begin = column.find_first_not_of(' '), end = column.find_last_not_of(' ');
      columns_.push_back(begin == std::string::npos ? "" : utf8_from_unknown(column.substr(begin, end + 1 - begin)));
    }
  } else {
    check_width();
    TextFile::cut(file_.line(), "\t", [&](std::string_view column) {
      const std::size_t colon = column.find(':');
      const std::string_view type = colon == std::string_view::npos ? "" : column.substr(colon + 1);
      if (type != "token" && type != "token_seq" && type != "float" && type != "float_seq")
        file_.fail(concatenate("header column ", TextFile::quote(column),
                               " is not 'name:type', the type one of token, token_seq, float, float_seq, columns "
                               "separated by tabs"));
      columns_.emplace_back(column.substr(0, colon));
    });
  }
  fields_.resize(columns_.size());
}

SEQREC_FUNCTION void Table::read_quoted() {
  unquoted_ = csv_fields(file_, delimiter_);
  if (unquoted_.size() != columns_.size()) file_.fail_columns(unquoted_.size(), columns_.size(), expected_);
  std::copy(unquoted_.begin(), unquoted_.end(), fields_.begin());
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
