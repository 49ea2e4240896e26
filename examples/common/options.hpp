// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "common/command_line.hpp"
#include "seqrec/train/trainer.hpp"

namespace examples {

/// Where candidate files lie unless --candidate-dir says otherwise: in the build tree, so that nothing is left
/// elsewhere.
std::filesystem::path default_candidate_dir();

/// What all training programs are told in the same way.
struct Options {
  std::filesystem::path data{};      ///< of one data set; empty: see find_data
  seqrec::TrainerOptions trainer{};  ///< a program sets its defaults before it declares the options
  seqrec::index_t candidates = 99;   ///< negatives a list; 0 ranks the whole catalogue
  std::filesystem::path candidate_dir = default_candidate_dir();
  std::filesystem::path json{};  ///< empty: none is written
  bool quick = false;
};

/// Declares what every program is told of data, candidates and results. `options` must outlive the parsing.
void add_data_options(CommandLine& line, Options& options);

/// Declares the options that every training program has, those of the data among them.
void add_shared_options(CommandLine& line, Options& options);

/// Declares how a model is trained. @param options hold the defaults
void add_training_options(CommandLine& line, seqrec::TrainerOptions& options);

/// What --quick shortens, unless it was asked for explicitly. To be called in a program's work.
void apply_quick(const CommandLine& line, Options& options, seqrec::index_t epochs);

}  // namespace examples
