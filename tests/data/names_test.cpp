// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/names.hpp"

#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

Dataset films() {
  Dataset data = seqrec_test::dataset_of({{10, 20, 30}, {20, 40}});
  data.user_features = make_feature_table({{"gender=F"}, {"gender=M"}});
  data.item_features = make_feature_table({{"genre=A"}, {"genre=B"}, {"genre=A", "genre=C"}, {}});
  return data;
}

std::string complaint(const Names& names, const Dataset& data) {
  return seqrec_test::message_of<DataError>([&] { check_names(names, data); });
}

}  // namespace

TEST_CASE("the names of a data set are its ids and categories", "[data]") {
  const Names names = names_of(films());
  CHECK(names.items.text() == "10\n20\n30\n40\n");
  CHECK(names.user_categories.text() == "gender=F\ngender=M\n");
  CHECK(names.item_categories.text() == "genre=A\ngenre=B\ngenre=C\n");
}

TEST_CASE("a model takes the data it knows the names of", "[data]") {
  const Dataset data = films();
  CHECK_NOTHROW(check_names(Names{}, data));
  CHECK_NOTHROW(check_names(names_of(data), data));
  Names more = names_of(data);
  more.items = Vocabulary(std::vector<std::string>{"10", "20", "30", "40", "50"});
  CHECK_NOTHROW(check_names(more, data));
}

TEST_CASE("a model refuses data numbered otherwise, naming the first difference", "[data]") {
  const Names names = names_of(films());
  CHECK_THAT(complaint(names, seqrec_test::dataset_of({{10, 30}, {30, 40}})),
             ContainsSubstring("small: item 1 is '30' in the data set and '20' in the model"));
  CHECK_THAT(complaint(names, seqrec_test::dataset_of({{10, 20, 30}, {40, 50}})),
             ContainsSubstring("item 4 is '50' in the data set and none in the model") &&
                 ContainsSubstring("renumber(data, model.names())"));
  Dataset data = films();
  data.user_features = make_feature_table({{"gender=F"}, {"gender=X"}});
  CHECK_THAT(complaint(names, data), ContainsSubstring("category of users 1 is 'gender=X'"));
  data = films();
  data.item_features = make_feature_table({{"genre=B"}, {}, {}, {}});
  CHECK_THAT(complaint(names, data), ContainsSubstring("category of items 0 is 'genre=B'"));
}
