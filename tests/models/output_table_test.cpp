// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/output_table.hpp"

#include "seqrec/core/option_text.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("output tables are options by name", "[models]") {
  for (const OutputTable table : {OutputTable::tied, OutputTable::separate}) {
    OutputTable read = OutputTable::tied;
    parse_option("output_table", option_text(table), read);
    CHECK(read == table);
  }
  CHECK(option_text(OutputTable::separate) == "separate");
}
