// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/event_columns.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// The names of the columns that are found, a space between; "-" where there is none.
std::string found(std::string_view header, const ReadOptions& options = {}) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "events.csv", header);
  const Table table(folder / "events.csv", TableStyle::delimited);
  const EventColumns columns = find_event_columns(table, options);
  std::string text;
  for (const std::size_t column : {columns.user, columns.item, columns.time, columns.rating})
    text += (text.empty() ? "" : " ") + (column == Table::none ? "-" : table.columns()[column]);
  return text;
}

std::string complaint(std::string_view header, const ReadOptions& options = {}) {
  return message_of<DataError>([&] { found(header, options); });
}

}  // namespace

TEST_CASE("usual names are known, in any order and case") {
  CHECK(found("userId,movieId,rating,timestamp") == "userId movieId timestamp rating");
  CHECK(found("price,ts,Item ID,USER") == "USER Item ID ts -");
  CHECK(found("reviewerID,asin,overall,unixReviewTime") == "reviewerID asin unixReviewTime overall");
  CHECK(found("session_id,product_id") == "session_id product_id - -");
  CHECK(found("session_id,user_id,item_id") == "user_id item_id - -");
  CHECK(found("user,item,date,timestamp") == "user item timestamp -");
  CHECK(found("user,item,date,birth_date") == "user item date -");
}

TEST_CASE("options name columns, as the header writes them") {
  const ReadOptions options{.user_column = "who", .item_column = "what", .time_column = "when", .rating_column = "how"};
  CHECK(found("when,how,what,who,user,item,time", options) == "who what when how");
  CHECK(found("user,item,time,rating", {.time_column = "none", .rating_column = "none"}) == "user item - -");
  CHECK_THAT(complaint("user,item", {.time_column = "when"}),
             ContainsSubstring("events.csv:1: the header has no column 'when', it has 'user', 'item'"));
}

TEST_CASE("what is missing or not clear is named, with the option that helps") {
  CHECK_THAT(complaint("who,item"),
             ContainsSubstring("no column of users is known by its name in the header, which has "
                               "'who', 'item'; expected one as user_id, or the option "
                               "user_column to name it"));
  CHECK_THAT(complaint("user,what"), ContainsSubstring("expected one as item_id, or the option item_column"));
  CHECK_THAT(complaint("user,item_id,movie"),
             ContainsSubstring("more than one column may be the item ('item_id', "
                               "'movie'), expected the option item_column to name it"));
  CHECK_THAT(complaint("user,item,date,time"),
             ContainsSubstring("more than one column may be the time ('date', 'time')"));
}

TEST_CASE("a column that looks like a time is not passed over in silence") {
  for (const char* name : {"release_date", "Last Login Time", "updated_at", "updatedAt", "seen_ts", "my_timestamp",
                           "runtime", "birthdate", "eventTime2", "LastSeenAt"})
    CHECK_THAT(
        complaint(std::string("user,item,") + name),
        ContainsSubstring(std::string("events.csv:1: column '") + name + "' looks like a time and is not used") &&
            ContainsSubstring("time_column none"));
  for (const char* name : {"cat", "platform", "hats", "rating", "candidate", "update_count", "at", "times", "Dates"})
    CHECK_NOTHROW(found(std::string("user,item,") + name));
}

TEST_CASE("lists of earlier items are refused") {
  CHECK_THAT(complaint("session_id,item_id_list,item_id"),
             ContainsSubstring("events.csv:1: column 'item_id_list' holds the items before each row"));
  CHECK_THAT(complaint("user,p_id_list,p_id", {.item_column = "p_id"}), ContainsSubstring("column 'p_id_list'"));
  CHECK_NOTHROW(found("user,item,tag_list"));
}
