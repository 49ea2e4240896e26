// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <string>

#include "seqrec/core/option_range.hpp"
#include "seqrec/data/readers/time_column.hpp"

namespace seqrec {

/// How a data set is read where its file does not say it all. Columns are named as in the file's header; an empty name
/// means the usual ones (docs/data_formats.md).
struct ReadOptions {
  std::string user_column{};
  std::string item_column{};
  std::string time_column{};    ///< or "none": the file is in order of time
  std::string rating_column{};  ///< or "none"
  TimeUnit time_unit = TimeUnit::automatic;
  /// What ratings may be: "1..10", "0.5..5:0.5" with steps, "any" number; empty for what the format knows, which is
  /// MovieLens's 0.5..5:0.5 in its files and any number in others.
  std::string rating_scale{};
  double least_rating = -std::numeric_limits<double>::infinity();  ///< events rated below it are left out

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("user_column", user_column, any(), "the header's name for the column of users; empty tries the usual ones");
    visit("item_column", item_column, any(), "the same for items");
    visit("time_column", time_column, any(), "the same for times; none: the file is in order of time");
    visit("time_unit", time_unit, any(), "of times that are numbers; automatic goes by how large they are");
    visit("rating_column", rating_column, any(), "the header's name for the column of ratings; none: there is none");
    visit("rating_scale", rating_scale, any(),
          "what ratings may be: 1..10, with steps 0.5..5:0.5, or any; empty goes by the format");
    visit("least_rating", least_rating, any(), "events rated below it are left out");
  }
};

}  // namespace seqrec
