// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/table.hpp"

namespace seqrec {

/// Which columns of a table tell events.
struct EventColumns {
  std::size_t user = Table::none;
  std::size_t item = Table::none;
  std::size_t time = Table::none;    ///< or none: the file is in order of time
  std::size_t rating = Table::none;  ///< or none
};

namespace detail {

/// A name without case and marks: "user_id", "userId" and "User ID" are "userid".
inline std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char byte : name) {
    if (byte >= 'A' && byte <= 'Z')
      plain += static_cast<char>(byte - 'A' + 'a');
    else if (byte != '_' && byte != ' ' && byte != '-' && byte != '.')
      plain += byte;
  }
  return plain;
}

inline bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return name == one; });
}

/// What usual names mean, as plain names.
inline bool is_user(const std::string& name) {
  return is_one_of(name, {"user", "userid", "uid", "customer", "customerid", "reviewerid", "visitorid", "memberid",
                          "accountid", "profileid"});
}
inline bool is_session(const std::string& name) { return is_one_of(name, {"session", "sessionid"}); }
inline bool is_item(const std::string& name) {
  return is_one_of(name,
                   {"item",      "itemid",  "iid",        "movie",      "movieid",   "film",     "filmid", "product",
                    "productid", "asin",    "parentasin", "article",    "articleid", "book",     "bookid", "isbn",
                    "track",     "trackid", "song",       "songid",     "artist",    "artistid", "video",  "videoid",
                    "game",      "gameid",  "newsid",     "businessid", "sku"});
}

/// Refuses a column that seems to be a time and is not used.   @throws DataError
[[noreturn]] inline void refuse_unused_time(const Table& table, std::size_t column) {
  table.text().fail(concatenate("column ", TextFile::quote(table.columns()[column]),
                                " looks like a time and is not used: name the column of times by the option "
                                "time_column, or say time_column none if the file is in order of time"));
}

}  // namespace detail

/// Finds them: those that the options name, else those with a usual name, whatever its case and with or without
/// underscores ("user_id", "userId", "User"). Other columns are passed over, but not what looks like a time where no
/// other column is one.
/// @throws DataError naming the header's columns where there is no user, no item, more than one of a kind, what looks
///         like a time and may be none, or lists of earlier items beside each row (RecBole's augmented files)
SEQREC_FUNCTION EventColumns find_event_columns(const Table& table, const ReadOptions& options);

#if SEQREC_BODIES

namespace detail {

inline bool is_rating(const std::string& name) {
  return is_one_of(name, {"rating", "ratings", "score", "stars", "overall"});
}
inline bool is_time(const std::string& name) {
  return is_one_of(
      name,
      {"timestamp",      "time",          "datetime",   "date",         "ts",           "unixtime",  "unixtimestamp",
       "unixreviewtime", "epoch",         "createdat",  "createdtime",  "creationtime", "eventtime", "eventtimestamp",
       "eventdate",      "eventdatetime", "ratingtime", "reviewtime",   "timestampms",  "timems",    "when",
       "occurredat",     "clicktime",     "orderdate",  "purchasedate", "invoicedate"});
}

/// Whether a name speaks of a time without saying that it is the event's: "release_date", "lastLoginTime".
inline bool looks_like_time(std::string_view name) {
  const auto speaks = [](const std::string& word, bool last) {
    if (is_one_of(word, {"candidate", "mandate", "update", "validate"})) return false;
    return word.ends_with("time") || word.ends_with("date") || word.ends_with("timestamp") ||
           is_one_of(word, {"epoch", "ts"}) || (last && word == "at");
  };
  std::string word;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool is_upper = name[i] >= 'A' && name[i] <= 'Z';
    const bool begins = is_upper && i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    const bool is_mark = plain_name(name.substr(i, 1)).empty() || (name[i] >= '0' && name[i] <= '9');
    if (begins || is_mark) {
      if (speaks(word, false)) return true;
      word.clear();
    }
    if (!is_mark) word += plain_name(name.substr(i, 1));
  }
  return speaks(word, word.size() < name.size());
}

/// The columns of a table whose plain name is one of a kind.
template <class IsOne>
std::vector<std::size_t> columns_where(const Table& table, IsOne&& is_one) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < table.columns().size(); ++i)
    if (is_one(plain_name(table.columns()[i]))) found.push_back(i);
  return found;
}

/// Refuses to choose among several columns.
[[noreturn]] inline void refuse_choice(const Table& table, const std::vector<std::size_t>& found, const char* kind,
                                       const char* option) {
  table.text().fail(concatenate("more than one column may be the ", kind, " (",
                                TextFile::quote(table.columns()[found[0]]), ", ",
                                TextFile::quote(table.columns()[found[1]]), found.size() > 2 ? ", ..." : "",
                                "), expected the option ", option, " to name it"));
}

/// The column that an option names, else the only one of a usual name.
template <class IsOne>
std::size_t find_column(const Table& table, const std::string& given, const char* kind, const char* option,
                        IsOne&& is_one) {
  if (!given.empty()) return table.required_column(given);
  const std::vector<std::size_t> found = columns_where(table, is_one);
  if (found.size() > 1) refuse_choice(table, found, kind, option);
  return found.empty() ? Table::none : found[0];
}

inline std::size_t find_time(const Table& table, const ReadOptions& options) {
  if (options.time_column == "none") return Table::none;
  if (!options.time_column.empty()) return table.required_column(options.time_column);
  if (const std::vector<std::size_t> usual =
          columns_where(table, [](const std::string& n) { return n == "timestamp"; });
      usual.size() == 1)
    return usual[0];
  const std::size_t time = find_column(table, {}, "time", "time_column", is_time);
  if (time != Table::none) return time;
  for (std::size_t column = 0; column < table.columns().size(); ++column)
    if (looks_like_time(table.columns()[column])) refuse_unused_time(table, column);
  return Table::none;
}

/// RecBole's augmented files have a row for each prefix of a history, which stands in a column of lists: the first item
/// of each history is in no row of its own, and lists may be cut short or padded.
inline void refuse_lists(const Table& table, const std::string& item_column) {
  for (const std::string& column : table.columns()) {
    if (!column.ends_with("_list")) continue;
    const std::string stem = column.substr(0, column.size() - 5);
    if (stem == item_column || is_item(plain_name(stem)))
      table.text().fail(concatenate(
          "column ", TextFile::quote(column),
          " holds the items before each row, as in RecBole's augmented files: what comes first in a history is in no "
          "row of its own, so that reading the rows would lose it; expected the file before augmentation, a row for "
          "each event"));
  }
}

}  // namespace detail

SEQREC_FUNCTION EventColumns find_event_columns(const Table& table, const ReadOptions& options) {
  EventColumns found;
  found.user = detail::find_column(table, options.user_column, "user", "user_column", detail::is_user);
  if (found.user == Table::none) found.user = detail::find_column(table, {}, "user", "user_column", detail::is_session);
  found.item = detail::find_column(table, options.item_column, "item", "item_column", detail::is_item);
  const auto require = [&](std::size_t column, const char* kind, const char* usual, const char* option) {
    if (column == Table::none)
      table.text().fail(concatenate("no column of ", kind, " is known by its name in the header, which has ",
                                    table.names(), "; expected one as ", usual, ", or the option ", option,
                                    " to name it"));
  };
  require(found.user, "users", "user_id", "user_column");
  require(found.item, "items", "item_id", "item_column");
  detail::refuse_lists(table, table.columns()[found.item]);
  found.time = detail::find_time(table, options);
  if (options.rating_column != "none")
    found.rating = detail::find_column(table, options.rating_column, "rating", "rating_column", detail::is_rating);
  return found;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
