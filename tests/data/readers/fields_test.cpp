// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/fields.hpp"

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

TEST_CASE("fields are taken by one rule, and what is wrong has file and line") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "rows", "1011.0\nA\xE9\n\n");
  TextFile file(folder / "rows");
  Interactions rows;
  REQUIRE(file.next());
  detail::add_id(rows.users, file, file.line(), "user");
  CHECK(detail::id_field(file, file.line(), "user") == "1011");
  REQUIRE(file.next());
  CHECK(detail::id_field(file, file.line(), "user") == "A\xC3\xA9");
  REQUIRE(file.next());
  CHECK_THAT(message_of<DataError>([&] { detail::add_id(rows.users, file, file.line(), "user"); }),
             ContainsSubstring("rows:3: user is '', which is empty"));
  CHECK_THAT(message_of<DataError>([&] { detail::id_field(file, file.line(), "item"); }),
             ContainsSubstring("rows:3: item is '', which is empty"));
  CHECK_THAT(message_of<DataError>([&] { detail::add_time(rows.times, file, "soon"); }),
             ContainsSubstring("rows:3: time is 'soon', expected a number of seconds"));
}

TEST_CASE("a header in a format without one is refused, a name among names is not") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "rows", "");
  const TextFile file(folder / "rows");
  CHECK_THAT(message_of<DataError>([&] {
               detail::refuse_header(file, {.users = {"user", "1"}, .items = {"item", "2"}}, "user and item");
             }),
             ContainsSubstring("rows:1: looks like a header"));
  CHECK_NOTHROW(detail::refuse_header(file, {.users = {"u0", "u1"}, .items = {"item", "2"}}, ""));
  CHECK_NOTHROW(detail::refuse_header(file, {.users = {"0", "1"}, .items = {"item", "2"}}, ""));
}
