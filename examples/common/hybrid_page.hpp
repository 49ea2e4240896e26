// SPDX-License-Identifier: Apache-2.0
// One user's recommendations with their reasons, as a page of HTML: whole in one file, without a script.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "seqrec/core/types.hpp"

namespace examples {

/// A feature and how much it moved a score.
struct PageContribution {
  std::string label, value, group;
  double contribution = 0;
};

/// A question that a tree asked, and the answer.
struct PageStep {
  std::string question, answer;
  double before = 0, after = 0;  ///< what the tree said on average
};

struct PagePath {
  seqrec::index_t tree = 0;
  double output = 0;
  std::vector<PageStep> steps;
};

struct PageEvent {
  std::string title;
  double weight = 0;  ///< in the network's attention
};

struct PageItem {
  std::string title;
  double score = 0, expected = 0;
  std::vector<PageContribution> groups;         ///< sums, one a group that is there
  std::vector<PageContribution> contributions;  ///< the strongest, for and against
  std::vector<std::string> reasons_for, reasons_against;
  std::vector<PagePath> paths;
  std::vector<PageEvent> watched;  ///< heaviest first
  std::string counterfactual;      ///< a sentence; empty where nothing was found
};

struct PageImportance {
  std::string label, group;
  double mean_contribution = 0, gain = 0;
};

struct HybridPage {
  std::string user, data, model;           ///< what they are called
  std::string next;                        ///< what the user really took next; empty where nobody knows
  std::vector<PageEvent> history;          ///< newest first, weights as the mean of the items
  std::vector<PageItem> items;             ///< best first
  std::vector<PageImportance> importance;  ///< most important first
  std::vector<std::string> notes;          ///< what a reader should know of the figures
};

/// @throws seqrec::DataError naming the file and the system's reason
void write_page(const std::filesystem::path& path, const HybridPage& page);

}  // namespace examples
