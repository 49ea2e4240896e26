// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/vocabulary.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

Vocabulary films() { return Vocabulary(std::vector<std::string>{"tt0114709", "caf\xC3\xA9 noir", "-"}); }

}  // namespace

TEST_CASE("a vocabulary leads from rows to ids and back", "[core]") {
  const Vocabulary vocabulary = films();
  REQUIRE(vocabulary.size() == 3);
  CHECK(vocabulary[0] == "tt0114709");
  CHECK(vocabulary[1] == "caf\xC3\xA9 noir");
  for (index_t row = 0; row < 3; ++row) CHECK(vocabulary.find(vocabulary[row]) == static_cast<item_t>(row));
  CHECK(!vocabulary.find("tt0114708"));
  CHECK(!vocabulary.find(""));
}

TEST_CASE("a vocabulary of nothing knows nothing", "[core]") {
  const Vocabulary nothing;
  CHECK(nothing.empty());
  CHECK(!nothing.find("1"));
  CHECK(nothing == Vocabulary(std::vector<std::string>{}));
  CHECK(nothing.text().empty());
}

TEST_CASE("numbers are ids as they are written", "[core]") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Vocabulary vocabulary(std::vector<std::int64_t>{least, -1, 0, 1193});
  CHECK(vocabulary[0] == "-9223372036854775808");
  CHECK(vocabulary[3] == "1193");
  CHECK(vocabulary == Vocabulary(std::vector<std::string>{"-9223372036854775808", "-1", "0", "1193"}));
}

TEST_CASE("many ids are all found", "[core]") {
  std::vector<std::string> ids;
  for (int i = 0; i < 5000; ++i) ids.push_back(std::to_string(i * 7919));
  const Vocabulary vocabulary(ids);
  for (index_t row = 0; row < vocabulary.size(); ++row)
    REQUIRE(vocabulary.find(ids[static_cast<std::size_t>(row)]) == static_cast<item_t>(row));
  CHECK(!vocabulary.find("1"));
}

TEST_CASE("copies of a vocabulary share its ids and outlive it", "[core]") {
  Vocabulary copy;
  std::string_view id;
  {
    const Vocabulary vocabulary = films();
    id = vocabulary[0];
    copy = vocabulary;
  }
  CHECK(id == "tt0114709");
  CHECK(copy == films());
  CHECK(copy.find("-") == item_t{2});
}

TEST_CASE("vocabularies that differ say where", "[core]") {
  const Vocabulary vocabulary = films();
  const Vocabulary shorter(std::vector<std::string>{"tt0114709", "caf\xC3\xA9 noir"});
  const Vocabulary other(std::vector<std::string>{"tt0114709", "tt0113189", "-"});
  CHECK(vocabulary != shorter);
  CHECK(vocabulary.first_difference(shorter) == 2);
  CHECK(vocabulary.first_difference(other) == 1);
  CHECK(vocabulary.first_difference(vocabulary) == 3);
  CHECK(vocabulary.hash() != other.hash());
  CHECK(vocabulary.hash() == films().hash());
}

TEST_CASE("a vocabulary survives its text", "[core]") {
  const Vocabulary vocabulary = films();
  CHECK(Vocabulary::from_text(vocabulary.text(), "test") == vocabulary);
  CHECK(Vocabulary::from_text("", "test").empty());
}

TEST_CASE("texts that are no ids are refused by number", "[core]") {
  const auto of = [](const std::string& id) { return Vocabulary(std::vector<std::string>{"1", id}); };
  CHECK_THROWS_WITH(of(""), ContainsSubstring("id 1, '', is empty"));
  CHECK_THROWS_WITH(of("1"), ContainsSubstring("id 1, '1', is there before"));
  CHECK_THROWS_WITH(of("caf\xE9"), ContainsSubstring("'caf\\xe9', is not UTF-8"));
  CHECK_THROWS_WITH(of("a\nb"), ContainsSubstring("'a\\x0ab', has a control character"));
  CHECK_THROWS_AS(of("\t"), ArgumentError);
  CHECK_THROWS_WITH(Vocabulary(std::vector<std::int64_t>{3, 4, 3}), ContainsSubstring("id 2, 3, is there before"));
}

TEST_CASE("a damaged text of ids is refused by line", "[core]") {
  CHECK_THROWS_WITH(Vocabulary::from_text("a\nb", "file"),
                    ContainsSubstring("file: id 1, 'b', is not followed by a line break"));
  CHECK_THROWS_WITH(Vocabulary::from_text("a\n\nb\n", "file"), ContainsSubstring("file: id 1, '', is empty"));
  CHECK_THROWS_WITH(Vocabulary::from_text("a\nb\na\n", "file"), ContainsSubstring("file: id 2, 'a', is there before"));
  CHECK_THROWS_AS(Vocabulary::from_text("\xFF\n", "file"), DataError);
}
