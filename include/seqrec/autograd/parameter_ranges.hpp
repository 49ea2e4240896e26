// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/compiled.hpp"

namespace seqrec {

/// A run of elements of a model with one role.
struct ParameterRange {
  index_t offset;
  index_t size;
  ParameterRole role;
  index_t row_width = 0;  ///< elements of a table's row; 0 where there are no rows to look up

  ElementRange elements() const { return {offset, size}; }
  bool moved_by_optimizer() const { return role == ParameterRole::weight || role == ParameterRole::table; }
  /// Whether it is made of what the optimiser moves.
  bool follows_optimizer() const { return moved_by_optimizer() || role == ParameterRole::composed; }
};

/// A model's elements as few runs with a role each, in ascending order: what an optimiser, a norm or an average walks
/// over. (What lies between parameters is zero; it belongs to the run before it, behind a table to none.) Says also
/// which parameters a training run leaves as they are.
class ParameterRanges {
 public:
  /// @param entries of a model, laid out   @param elements of its store
  /// @param frozen  parameters that nobody moves, by name or by the beginning of names up to a dot: "item_embedding"
  ///                means all of "item_embedding. ..."; of statistics that move together, one holds the others
  /// @throws ArgumentError for a name that no parameter has
  ParameterRanges(const std::vector<ParameterEntry>& entries, index_t elements,
                  std::span<const std::string> frozen = {});
  template <class Store>
  requires requires(const Store& store) { store.entries(); }
  explicit ParameterRanges(const Store& store, std::span<const std::string> frozen = {})
      : ParameterRanges(store.entries(), store.size(), frozen) {}

  auto begin() const { return ranges_.begin(); }
  auto end() const { return ranges_.end(); }
  std::size_t size() const { return ranges_.size(); }

  bool is_frozen(const ParameterEntry& entry) const {
    return std::any_of(frozen_.begin(), frozen_.end(),
                       [&](const std::string& name) { return is_or_begins(entry.name, name); });
  }

 private:
  static bool is_or_begins(std::string_view name, std::string_view beginning) {
    return name == beginning ||
           (name.size() > beginning.size() && name.starts_with(beginning) && name[beginning.size()] == '.');
  }
  static void check_known(const std::vector<ParameterEntry>& entries, const std::string& name) {
    std::string known;
    for (const ParameterEntry& entry : entries) {
      if (is_or_begins(entry.name, name)) return;
      known += (known.empty() ? "" : ", ") + entry.name;
    }
    throw ArgumentError(concatenate(
        "frozen is '", name, "', expected a parameter of the model, or the beginning of names up to a dot: ", known));
  }

  std::vector<std::string> frozen_;
  std::vector<ParameterRange> ranges_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION ParameterRanges::ParameterRanges(const std::vector<ParameterEntry>& entries, index_t elements,
                                                 std::span<const std::string> frozen)
    : frozen_(frozen.begin(), frozen.end()) {
  for (const std::string& name : frozen_) check_known(entries, name);
  std::vector<const ParameterEntry*> sorted;
  for (const ParameterEntry& entry : entries)
    if (entry.size() > 0) sorted.push_back(&entry);  // one without elements shares its place with the next
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const ParameterEntry& entry = *sorted[i];
    const index_t end = i + 1 < sorted.size() ? sorted[i + 1]->offset : elements;  // what lies between is zero
    const ParameterRole role = is_frozen(entry) ? ParameterRole::frozen : entry.role;
    if (!ranges_.empty() && ranges_.back().role == role && role != ParameterRole::table)
      ranges_.back().size += end - entry.offset;
    else if (role == ParameterRole::table)
      ranges_.push_back({entry.offset, entry.size(), role, entry.shape.size() == 2 ? entry.shape.back() : 1});
    else
      ranges_.push_back({entry.offset, end - entry.offset, role});
  }
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
