// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/table.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// All fields of a table, the header first.
std::vector<std::vector<std::string>> read(std::string_view text, TableStyle style = TableStyle::delimited) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "table", text);
  Table table(folder / "table", style);
  std::vector<std::vector<std::string>> rows = {table.columns()};
  while (table.next()) {
    rows.emplace_back();
    for (std::size_t i = 0; i < table.columns().size(); ++i) rows.back().emplace_back(table[i]);
  }
  return rows;
}

std::string complaint(std::string_view text, TableStyle style = TableStyle::delimited) {
  return message_of<DataError>([&] { read(text, style); });
}

using Rows = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("rows have the columns of the header, quoted or not") {
  const Rows expected = {{"a", "b c"}, {"1", "x,y"}, {"2", ""}, {"3", "\"z"}};
  CHECK(read("\xEF\xBB\xBF\"a\",b c\r\n1,\"x,y\"\r\n2,\r\n\"3\",\"\"\"z\"\r\n\r\n") == expected);
  CHECK(read("a;b c\n1;x,y\n2;\n3;\"\"\"z\"\n") == expected);
  CHECK(read("a\tb\n1\t2") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(read("a:token\tb:float\n\"1\t2\n", TableStyle::recbole) == Rows{{"a", "b"}, {"\"1", "2"}});
}

TEST_CASE("wrong tables are named with the line and what separates columns") {
  CHECK_THAT(complaint(""),
             ContainsSubstring("table: is empty, expected a header such as 'user_id,item_id,timestamp'"));
  CHECK_THAT(complaint("\na,b\n"), ContainsSubstring("table: begins with a blank line, expected a header"));
  CHECK_THAT(complaint("", TableStyle::recbole),
             ContainsSubstring("is empty, expected a header such as 'user_id:token'"));
  CHECK_THAT(complaint("a,b\n1\n"),
             ContainsSubstring("table:2: line '1' has 1 column, expected 2: those of the header, "
                               "separated by commas"));
  CHECK_THAT(complaint("a,b\n\"1\",2,3\n"), ContainsSubstring("has 3 columns, expected 2"));
  CHECK_THAT(complaint("a;b\n1\n"), ContainsSubstring("separated by semicolons"));
  CHECK_THAT(complaint("a\tb\n1\n"), ContainsSubstring("separated by tabs"));
  CHECK_THAT(complaint("a|b\n1\n"), ContainsSubstring("separated by '|'"));
  CHECK_THAT(complaint("a,b\n1,\"2\n"), ContainsSubstring("table:2: field 2"));
  CHECK_THAT(complaint("a b\n", TableStyle::recbole),
             ContainsSubstring("table:1: header column 'a b' is not 'name:type'"));
}

TEST_CASE("a header of more columns than a table has is refused before they are stored") {
  CHECK(read(std::string(65535, ',') + "\n")[0].size() == 65536);
  CHECK_THAT(complaint(std::string(65536, ',') + "\n"),
             ContainsSubstring("table:1: the header has 65537 columns, expected at most 65536"));
  CHECK_THAT(complaint(std::string(65536, '\t') + "\n", TableStyle::recbole), ContainsSubstring("65537 columns"));
}

TEST_CASE("a column that is missing or there twice is named") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "table", "a,b,a\n");
  const Table table(folder / "table", TableStyle::delimited);
  CHECK(table.column("b") == 1);
  CHECK(table.column("c") == Table::none);
  CHECK_THAT(message_of<DataError>([&] { table.column("a"); }),
             ContainsSubstring("table:1: the header has the column 'a' twice"));
  CHECK_THAT(message_of<DataError>([&] { table.required_column("c"); }),
             ContainsSubstring("table:1: the header has no column 'c', it has 'a', 'b', 'a'"));
}
