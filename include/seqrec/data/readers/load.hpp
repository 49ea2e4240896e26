// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/csv.hpp"
#include "seqrec/data/readers/event_columns.hpp"
#include "seqrec/data/readers/movielens.hpp"
#include "seqrec/data/readers/named_columns.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/recbole.hpp"
#include "seqrec/data/readers/sequences.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

namespace detail {

/// A file's name as it would be unpacked: "films.csv" for "films.csv.gz".
inline std::filesystem::path without_packing(const std::filesystem::path& file) {
  return file.extension() == ".gz" ? file.parent_path() / file.stem() : file;
}

/// Whether a table may hold events: its header names users and items, as the options call them. MovieLens's other
/// tables do too; where `ratings.csv` stands beside them, it is meant.
inline bool begins_like_events(const std::filesystem::path& file, std::string_view first_line,
                               const ReadOptions& options) {
  for (const char* const ratings : {"ratings.csv", "ratings.csv.gz"})
    if (std::filesystem::exists(file.parent_path() / ratings)) return false;
  bool user = false, item = false;
  const char delimiter = delimiter_of(first_line);
  TextFile::cut(first_line, std::string_view(&delimiter, 1), [&](std::string_view column) {
    if (column.size() > 1 && column.front() == '"' && column.back() == '"')
      column = column.substr(1, column.size() - 2);
    const std::string name = plain_name(column);
    user |= options.user_column.empty() ? is_user(name) || is_session(name) : column == options.user_column;
    item |= options.item_column.empty() ? is_item(name) : column == options.item_column;
  });
  return user && item;
}

/// A file format, and how a folder gives away that it holds such a file.
struct DataFormat {
  const char* description;
  /// "u.data" where the format fixes the name, "*.txt" where only the ending is known.
  std::string_view file_name;
  /// Only for "*": whether a file with the right ending begins like one of this format.
  bool (*begins_right)(const std::filesystem::path& file, std::string_view first_line, const ReadOptions& options);
  Dataset (*read)(const std::filesystem::path& file, std::string data_name, const ReadOptions& options);

  bool any_name() const { return file_name.front() == '*'; }
  std::string_view ending() const { return file_name.substr(1); }
  bool fits(const std::filesystem::path& file) const {
    const std::filesystem::path plain = without_packing(file);
    return any_name() ? plain.extension() == ending() : plain.filename() == file_name;
  }
};

/// A new format is a reader in a header of its own and a line here.
inline constexpr DataFormat data_formats[] = {
    {"MovieLens 100K", "u.data", nullptr, read_movielens_100k},
    {"MovieLens 1M and 10M", "ratings.dat", nullptr, read_movielens_dat},
    {"MovieLens 20M, 25M, 32M, latest", "ratings.csv", nullptr, read_movielens_csv},
    {"RecBole atomic files", "*.inter", begins_like_recbole, read_recbole},
    {"named columns", "*.csv", begins_like_events, read_named_columns},
    {"named columns", "*.tsv", begins_like_events, read_named_columns},
    {"'user item' pairs", "*.txt", begins_like_sequences, read_sequences},
};

/// The folder's own name, also for "data/ml-1m/" and ".".
inline std::string folder_name(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(folder, error);
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

/// The files of a folder that may be of a format. Where only the ending is known, the file that has the folder's name
/// is meant, else every one that begins right.
inline std::vector<std::filesystem::path> find_files(const DataFormat& format, const std::filesystem::path& folder,
                                                     const ReadOptions& options) {
  std::error_code error;
  std::vector<std::filesystem::path> found;
  const std::string expected =
      format.any_name() ? folder_name(folder).append(format.ending()) : std::string(format.file_name);
  for (const char* const packing : {"", ".gz"})
    if (std::filesystem::exists(folder / (expected + packing), error)) found.push_back(folder / (expected + packing));
  if (!found.empty() || !format.any_name()) return found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!format.fits(entry.path()) || !entry.is_regular_file(error)) continue;
    TextFile file(entry.path());
    if (file.next() && format.begins_right(entry.path(), file.line(), options)) found.push_back(entry.path());
  }
  if (error) throw DataError(concatenate(folder.string(), ": cannot be listed: ", error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

/// "u.data (MovieLens 100K), *.txt ('user item' pairs)".
inline std::string known_formats() {
  std::string text;
  for (const DataFormat& format : data_formats)
    text += concatenate(text.empty() ? "" : ", ", format.file_name, " (", format.description, ")");
  return text;
}

inline Dataset load_file(const std::filesystem::path& file, const ReadOptions& options) {
  for (const DataFormat& format : data_formats)
    if (format.fits(file))
      return format.read(file,
                         format.any_name() ? without_packing(file).stem().string()
                                           : folder_name(std::filesystem::absolute(file).parent_path()),
                         options);
  throw DataError(concatenate(file.string(), ": unknown format, expected one of ", known_formats()));
}

}  // namespace detail

/// Reads a data set, whatever its format. `path` is the folder of one data set, which then gives it its name, or the
/// file itself. Formats: every MovieLens (`u.data`; `ratings.dat`; `ratings.csv`), RecBole's atomic files (`*.inter`),
/// tables with named columns (`*.csv`, `*.tsv`) and SASRec's 'user item' pairs (`*.txt`); where only the ending is
/// known, the file named like its folder, else the only one that begins like one. Titles and features come from the
/// files that stand beside it (docs/data_formats.md).
/// @param options  names of columns, scale of ratings and the like, where the file does not say it all
/// @throws DataError naming the file and line that are wrong, or what was looked for where no format fits
/// @throws ArgumentError for options that the format has no use for
SEQREC_FUNCTION Dataset load_dataset(const std::filesystem::path& path, const ReadOptions& options = {});

#if SEQREC_BODIES

SEQREC_FUNCTION Dataset load_dataset(const std::filesystem::path& path, const ReadOptions& options) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    throw DataError(path.string() + ": there is no such file or folder, expected the folder of one data set");
  if (!std::filesystem::is_directory(status)) return detail::load_file(path, options);

  std::string names;
  const detail::DataFormat* format = nullptr;
  std::filesystem::path file;
  int found = 0;
  for (const detail::DataFormat& candidate : detail::data_formats)
    for (const std::filesystem::path& name : detail::find_files(candidate, path, options)) {
      names += (found++ == 0 ? "" : ", ") + name.filename().string();
      format = &candidate;
      file = name;
    }
  if (found == 0) throw DataError(concatenate(path.string(), ": unknown format, looked for ", detail::known_formats()));
  if (found > 1)
    throw DataError(concatenate(path.string(), ": holds more than one data set (", names,
                                "), expected one: name the file instead of the folder"));
  return format->read(file, detail::folder_name(path), options);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
