// SPDX-License-Identifier: Apache-2.0
// Tables for the terminal, for spreadsheets and for docs/results.md.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "compare/summary.hpp"

namespace examples::compare {

/// Tables for people: means, deviations between seeds, published figures, sizes and times; a star where the best of a
/// column is ahead of the next with p < .05.
void print(std::ostream& out, const std::vector<Table>& tables);

/// A line for each contender, length and metric.
void write_csv(const std::filesystem::path& path, const std::vector<Table>& tables);

/// All tables of one experiment, at least one, as Markdown: the best of a column is bold where it is ahead
/// of the next with p < .05. Then its text, who is ahead by how much, commits, machines and dates, what was not run
/// yet, and the commands.
/// @param list  the file that holds the experiment, for the command
std::string markdown(const std::vector<const Table*>& tables, const std::filesystem::path& list);

/// Writes a page from a template, in which every line {{table NAME}} becomes the tables of that experiment
/// with all that belongs to it.
/// @throws seqrec::DataError for a template that cannot be read, and for a name that is no experiment's
void write_page(const std::filesystem::path& page, const std::filesystem::path& text, const std::vector<Table>& tables,
                const std::filesystem::path& list);

}  // namespace examples::compare
