// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/read_options.hpp"

#include <string>

#include "seqrec/core/options.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("every option of reading has a name and can be given as text") {
  ReadOptions options;
  std::string names;
  for (const Option& option : list_options(options)) names += option.name + " ";
  CHECK(names == "user_column item_column time_column time_unit rating_column rating_scale least_rating ");
  for (const Option& option : list_options(options)) {
    if (option.name == "time_unit") option.read("milliseconds");
    if (option.name == "least_rating") option.read("3.5");
    if (option.name == "user_column") option.read("who is it");
  }
  CHECK(options.time_unit == TimeUnit::milliseconds);
  CHECK(options.least_rating == 3.5);
  CHECK(options.user_column == "who is it");
  CHECK_NOTHROW(check_options("ReadOptions", ReadOptions{}));
}
