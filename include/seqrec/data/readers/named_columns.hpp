// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/event_columns.hpp"
#include "seqrec/data/readers/fields.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/iso_date.hpp"
#include "seqrec/data/readers/ratings.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/table.hpp"

namespace seqrec {

/// The events of a table whose header names its columns (find_event_columns).
/// @param usual_scale  of ratings, where the options name none (RatingScale::parse)
/// @throws DataError naming file and line   @throws ArgumentError for options that are none, or a threshold without a
///         column of ratings
SEQREC_FUNCTION Interactions read_events(Table& table, const ReadOptions& options, const char* usual_scale = "any");

/// Reads a table with named columns: `*.csv` with commas, semicolons or '|' between, `*.tsv` with tabs, as its header
/// has. Columns may stand in any order and others are passed over; fields may stand in double quotes.
/// @throws DataError naming file and line
SEQREC_FUNCTION Dataset read_named_columns(const std::filesystem::path& file, std::string name,
                                           const ReadOptions& options = {});

#if SEQREC_BODIES

SEQREC_FUNCTION Interactions read_events(Table& table, const ReadOptions& options, const char* usual_scale) {
  const EventColumns columns = find_event_columns(table, options);
  detail::RatingFilter ratings(options, usual_scale);
  TextFile& file = table.text();
  if (ratings.has_threshold() && columns.rating == Table::none)
    file.fail("no column of ratings is known by its name in the header, which has " + table.names() +
              "; expected one as rating, or the option rating_column to name it, because least_rating is given");
  Interactions rows;
  rows.file = file.path().string();
  const bool timed = columns.time != Table::none;
  rows.reserve(file.expected_lines(), timed);
  if (columns.rating != Table::none) rows.ratings.reserve(file.expected_lines());
  if (timed) rows.times.name = "column " + detail::shown(table.columns()[columns.time]);
  rows.times.unit = options.time_unit;
  bool first = true;
  while (table.next()) {
    if (std::exchange(first, false) && !timed && options.time_column != "none")
      for (std::size_t column = 0; column < table.columns().size(); ++column)  // whatever it is called
        if (column != columns.user && column != columns.item && parse_iso_date(table[column]))
          detail::refuse_unused_time(table, column);
    if (columns.rating != Table::none && !ratings.keeps(file, table[columns.rating])) continue;
    detail::add_id(rows.users, file, table[columns.user], "user");
    detail::add_id(rows.items, file, table[columns.item], "item");
    if (timed) detail::add_time(rows.times, file, table[columns.time]);
    if (columns.rating != Table::none) rows.ratings.push_back(ratings.last());
  }
  rows.note = ratings.note();
  return rows;
}

SEQREC_FUNCTION Dataset read_named_columns(const std::filesystem::path& file, std::string name,
                                           const ReadOptions& options) {
  Table table(file, TableStyle::delimited);
  return build_dataset(std::move(name), read_events(table, options));
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
