// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/appended_file.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/safetensors.hpp"
#include "seqrec/train/epoch_rows.hpp"
#include "seqrec/train/training_result.hpp"

namespace seqrec {

/// The validations of a run in a file of their own beside its state, which only grows: a save costs the same however
/// many there are. A row of doubles (little-endian) for each; the state holds the names of the columns, how many rows
/// count, and their hash.
///
/// Whenever the process dies, the state on disk and the rows that it counts are whole: rows are appended and synced
/// before the state that counts them is, and those that it does not count yet are cut off by the next append. A run
/// that begins anew where an older one left its state must not touch that one's rows either until its own state is
/// there: two names, "<state>.history-0" and "<state>.history-1", take turns, and a state says which is its own.
class TrainingHistory {
 public:
  /// Begins a history for a state that is still to be written. Touches no file.
  explicit TrainingHistory(std::filesystem::path state)
      : state_(std::move(state)), name_(name_of_state_at(state_) == "0" ? "1" : "0") {}

  /// Goes on with the history that a state tells of. Changes no file.
  /// @param steps    that were taken in all   @param records  become those that the state counts
  /// @throws DataError naming the state and the field that is not as expected, or the history's file when it is
  /// missing,
  ///         too short or not what the state says, or when a number is none that a record can hold
  TrainingHistory(const SafetensorsFile& state, index_t steps, std::vector<EpochRecord>& records);

  const std::filesystem::path& state() const { return state_; }
  /// The file's. With no rows there need be none.
  std::filesystem::path path() const { return path(name_); }
  index_t rows() const { return rows_; }

  /// Writes further validations, synced.
  /// @throws DataError when they cannot be written; the rows before are still there
  /// @throws ArgumentError when their metrics are others
  void append(std::span<const EpochRecord> records);

  /// Puts what a state says of it into the state's metadata.
  void write(std::map<std::string, std::string>& metadata) const {
    metadata[file_field] = name_;
    metadata[rows_field] = option_text(rows_);
    metadata[hash_field] = hash_.text();
    columns_.write(metadata);
  }

  /// Once the state is written: the file of the state that was there before belongs to nobody.
  void remove_other() const {
    std::error_code ignored;
    std::filesystem::remove(path(name_ == "0" ? "1" : "0"), ignored);
  }

 private:
  static constexpr const char *file_field = "history.file", *rows_field = "history.rows", *hash_field = "history.hash";

  std::filesystem::path path(const std::string& name) const {
    std::filesystem::path path = state_;
    return path += ".history-" + name;
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(concatenate(path().string(), ": ", problem));
  }
  /// What a state promises, checked against the file.
  std::vector<double> read(const std::string& expected_hash);

  static std::string name_of_state_at(const std::filesystem::path& path) {
    try {
      const SafetensorsFile file(path);
      const auto field = file.metadata().find(file_field);
      return field == file.metadata().end() ? std::string() : field->second;
    } catch (const DataError&) {
      return {};  // there is none, or another file, which is about to be replaced
    }
  }

  std::filesystem::path state_;
  std::string name_;
  EpochRows columns_;
  index_t rows_ = 0;
  Hash hash_;  ///< of the rows' bytes
};

#if SEQREC_BODIES

SEQREC_FUNCTION TrainingHistory::TrainingHistory(const SafetensorsFile& state, index_t steps,
                                                 std::vector<EpochRecord>& records)
    : state_(state.path()), columns_(state) {
  constexpr const char* what = "where a run's history is";
  const auto refuse = [&](const char* field, const std::string& value, const std::string& expected) {
    throw DataError(
        concatenate(state_.string(), ": metadata field ", field, " is ", quote_bytes(value), ", expected ", expected));
  };
  name_ = metadata_field(state, file_field, what);
  if (name_ != "0" && name_ != "1") refuse(file_field, name_, "'0' or '1'");
  parse_metadata(state, rows_field, what, rows_);
  if (!count().contains(static_cast<double>(rows_))) refuse(rows_field, option_text(rows_), count().words);

  records.clear();
  const std::vector<double> numbers = read(metadata_field(state, hash_field, what));
  const std::size_t columns = columns_.columns();
  for (index_t row = 0; row < rows_; ++row) {
    const index_t before = records.empty() ? 0 : records.back().steps;
    const std::span<const double> here(numbers.data() + static_cast<std::size_t>(row) * columns, columns);
    records.push_back(columns_.record(here, path().string(), row));
    if (const index_t after = records.back().steps; after <= before || after > steps)
      fail(concatenate("steps of record ", row, " is ", after, ", expected ascending steps up to ", steps));
  }
}

SEQREC_FUNCTION std::vector<double> TrainingHistory::read(const std::string& expected_hash) {
  if (rows_ == 0) return {};
  const std::string what = concatenate("the ", rows_, " validations that ", state_.string(), " counts");
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path(), error);
  if (error)
    fail(concatenate("cannot be opened: ", error.message(), "; expected ", what, ": keep both files together"));
  const std::size_t columns = columns_.columns(), rows = static_cast<std::size_t>(rows_);
  if (size / (columns * sizeof(double)) < rows)
    fail(concatenate("has ", size, " bytes, expected ", columns * sizeof(double), " for each of ", what));
  std::vector<double> numbers(rows * columns);
  const std::string_view bytes(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
  std::ifstream file(path(), std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(bytes.size())))
    fail("cannot be read");
  hash_.add(bytes);
  if (hash_.text() != expected_hash)
    fail(concatenate("the hash of ", what, " is ", hash_.text(), ", expected ", quote_bytes(expected_hash),
                     ": the file is damaged, or another run's"));
  return numbers;
}

SEQREC_FUNCTION void TrainingHistory::append(std::span<const EpochRecord> records) {
  if (records.empty()) return;
  const EpochRows columns = rows_ == 0 ? EpochRows(records.front()) : columns_;
  std::vector<double> numbers;
  for (const EpochRecord& record : records) columns.append_to(numbers, record);
  const std::string_view bytes(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
  append_to_file(path(), static_cast<std::uint64_t>(rows_) * columns.columns() * sizeof(double), bytes);
  columns_ = columns;
  rows_ += std::ssize(records);
  hash_.add(bytes);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
