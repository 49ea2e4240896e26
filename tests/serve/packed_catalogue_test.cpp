// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/packed_catalogue.hpp"

#include "serve/table_models.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::StaticTable, seqrec_test::CandidateTable;

TEST_CASE("a catalogue is laid out for a model that scores by it, and for no other", "[serve]") {
  DoubleContext context;
  const StaticTable by_table({3, 1, 2});
  detail::PackedCatalogue<StaticTable> catalogue;
  CHECK_FALSE(catalogue.view());
  catalogue.pack(context, by_table);
  const index_t width = by_table.item_head().width();
  REQUIRE(catalogue.view().size() == ops::packed_items_size(context, 3, width));
  const auto* const where = catalogue.view().data;
  catalogue.pack(context, by_table);
  CHECK(catalogue.view().data == where);  // in the same memory

  detail::PackedCatalogue<CandidateTable> none;
  none.pack(context, CandidateTable({3, 1, 2}));
  CHECK_FALSE(none.view());
}
