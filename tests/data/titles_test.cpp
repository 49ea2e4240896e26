// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/titles.hpp"

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;

TEST_CASE("Latin-1 becomes UTF-8") {
  CHECK(utf8_from_latin1("Toy Story (1995)") == "Toy Story (1995)");
  CHECK(utf8_from_latin1("Mis\xE9rables, Les") == "Mis\xC3\xA9rables, Les");
  CHECK(utf8_from_latin1("\x80\xBF\xC0\xFF") == "\xC2\x80\xC2\xBF\xC3\x80\xC3\xBF");
}

TEST_CASE("titles are read by item, wrong rows are named") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "movies", "3::Caf\xE9: a life::Drama\n1::Heat::Action\n");
  CHECK(read_latin1_titles<3>(folder / "movies", "::", "three") == Titles{{1, "Heat"}, {3, "Caf\xC3\xA9: a life"}});
  seqrec_test::write_file(folder / "movies", "3::Heat::Action\n1::Heat\n");
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { read_latin1_titles<3>(folder / "movies", "::", "three"); }),
             ContainsSubstring("movies:2: line '1::Heat' has 2 columns, expected 3: three"));
}
