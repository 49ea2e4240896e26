// SPDX-License-Identifier: Apache-2.0
// What is compared with what: a list that a person writes, and the runs that follow from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace examples::compare {

/// Figures that somebody published.
struct Published {
  std::map<std::string, std::map<std::string, double>> metrics;  ///< by ranking, "test_full", and name, "ndcg@10"
  std::string source;
};

/// One line of a table: a program with options.
struct Contender {
  std::string name;
  std::string program;               ///< train_sasrec, ...
  std::vector<std::string> options;  ///< as on its command line
  std::vector<std::string> models;   ///< contenders before it whose trained models it judges together; mostly none
  std::string pick;        ///< of a program that judges several: the one that is meant, by its title in the file
  bool has_length = true;  ///< whether --max-length means something to it
  bool has_seed = true;    ///< whether --seed does
  Published published;
};

/// Contenders on a data set, for some lengths of histories, each for some seeds.
struct Experiment {
  std::string name;                   ///< in files: letters, digits, dashes
  std::string title;                  ///< for people
  std::string text;                   ///< what stands below the table in reports; may be empty
  std::string data;                   ///< a data set's folder, below the one that holds all of them
  std::vector<std::string> rankings;  ///< a table for each: "test" (frozen candidates), "test_full"
  std::vector<std::string> metrics;
  std::vector<std::int64_t> lengths;  ///< empty: as each program has it
  std::vector<std::uint64_t> seeds;
  std::vector<std::string> options;  ///< of all contenders
  std::vector<Contender> contenders;
  std::string baseline;  ///< the contender that all others are set against; may be empty

  /// The lengths, or 0 where there are none.
  std::vector<std::int64_t> lengths_or_own() const { return lengths.empty() ? std::vector<std::int64_t>{0} : lengths; }
};

/// One training, or judging, of a contender.
struct Run {
  const Experiment* experiment;
  const Contender* contender;
  std::int64_t length;  ///< 0: as the program has it
  std::uint64_t seed;   ///< 0: the program has none

  /// Tells it from the others of the list: "five-models/SASRec/L50/seed 1".
  std::string name() const;
  /// The same as the name of a file, without extension.
  std::string file_name() const;
  /// The runs whose models this one judges, with its own length and seed.
  std::vector<Run> models() const;
  /// The program's arguments, but for where data and results are: what decides the result.
  /// @param folder  where the models are that it judges; empty: their names alone
  std::vector<std::string> arguments(const std::filesystem::path& folder = {}) const;
};

/// A list of experiments.
struct Plan {
  std::vector<Experiment> experiments;

  /// In the order in which they are worth having: every contender once before any has a second seed.
  std::vector<Run> runs() const;
};

/// @param programs  that there are
/// @throws seqrec::DataError naming the file, the place in it and what was expected: for what is no JSON, a member that
///         is missing or unknown, a program that is not there, two experiments or two contenders of one name
Plan read_plan(const std::filesystem::path& path, const std::vector<std::string>& programs);

}  // namespace examples::compare
