// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/movielens.hpp"
#include "seqrec/data/readers/recbole.hpp"
#include "seqrec/data/readers/sequences.hpp"

namespace seqrec {

namespace detail {

/// A file format, and how a folder gives away that it holds such a file.
struct DataFormat {
  const char* description;
  /// "u.data" where the format fixes the name, "*.txt" where only the ending is known.
  std::string_view file_name;
  /// Only for "*": whether a file with the right ending begins like one of this format.
  bool (*begins_right)(const std::filesystem::path& file, std::string_view first_line);
  Dataset (*read)(const std::filesystem::path& file, std::string data_name);

  bool any_name() const { return file_name.front() == '*'; }
  std::string_view ending() const { return file_name.substr(1); }
  bool fits(const std::filesystem::path& file) const {
    return any_name() ? file.extension() == ending() : file.filename() == file_name;
  }
};

/// A new format is a reader in a header of its own and a line here.
inline constexpr DataFormat data_formats[] = {
    {"MovieLens 100K", "u.data", nullptr, read_movielens_100k},
    {"MovieLens 1M and 10M", "ratings.dat", nullptr, read_movielens_dat},
    {"MovieLens 20M, 25M, 32M, latest", "ratings.csv", nullptr, read_movielens_csv},
    {"RecBole atomic files", "*.inter", begins_like_recbole, read_recbole},
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
inline std::vector<std::filesystem::path> find_files(const DataFormat& format, const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path expected =
      folder / (format.any_name() ? folder_name(folder).append(format.ending()) : std::string(format.file_name));
  if (std::filesystem::exists(expected, error)) return {expected};
  std::vector<std::filesystem::path> found;
  if (!format.any_name()) return found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::ifstream stream(entry.path());
    std::string line;
    if (format.fits(entry.path()) && std::getline(stream, line) && format.begins_right(entry.path(), line))
      found.push_back(entry.path());
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

inline Dataset load_file(const std::filesystem::path& file) {
  for (const DataFormat& format : data_formats)
    if (format.fits(file))
      return format.read(
          file, format.any_name() ? file.stem().string() : folder_name(std::filesystem::absolute(file).parent_path()));
  throw DataError(concatenate(file.string(), ": unknown format, expected one of ", known_formats()));
}

}  // namespace detail

/// Reads a data set, whatever its format. `path` is the folder of one data set, which then gives it its name, or the
/// file itself. Formats: every MovieLens (`u.data`; `ratings.dat`; `ratings.csv`), RecBole's atomic files (`*.inter`),
/// and SASRec's 'user item' pairs (`*.txt`); of the last two the file named like its folder, else the only one that
/// begins like one. Titles and features come from the files that stand beside it (docs/data_formats.md).
/// @throws DataError naming the file and line that are wrong, or what was looked for where no format fits
SEQREC_FUNCTION Dataset load_dataset(const std::filesystem::path& path);

#if SEQREC_BODIES

SEQREC_FUNCTION Dataset load_dataset(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    throw DataError(path.string() + ": there is no such file or folder, expected the folder of one data set");
  if (!std::filesystem::is_directory(status)) return detail::load_file(path);

  std::string names;
  const detail::DataFormat* format = nullptr;
  std::filesystem::path file;
  int found = 0;
  for (const detail::DataFormat& candidate : detail::data_formats)
    for (const std::filesystem::path& name : detail::find_files(candidate, path)) {
      names += (found++ == 0 ? "" : ", ") + name.filename().string();
      format = &candidate;
      file = name;
    }
  if (found == 0) throw DataError(concatenate(path.string(), ": unknown format, looked for ", detail::known_formats()));
  if (found > 1)
    throw DataError(concatenate(path.string(), ": holds more than one data set (", names,
                                "), expected one: name the file instead of the folder"));
  return format->read(file, detail::folder_name(path));
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
