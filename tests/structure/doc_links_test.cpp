// SPDX-License-Identifier: Apache-2.0
#include "structure/doc_links.hpp"

#include "support/catch.hpp"

using namespace seqrec_structure;

namespace {

const std::filesystem::path root = SEQREC_SOURCE_DIR;

std::size_t dangling_in(const std::string& path, const std::string& text) {
  return dangling_links({{path, text}}, root).size();
}

}  // namespace

TEST_CASE("what the documents point at exists") {
  Sources documents;
  for (const char* const folder : {".", "docs", "examples", "benchmarks"}) {
    for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
      if (entry.path().extension() != ".md") continue;
      documents[entry.path().lexically_normal().lexically_relative(root).generic_string()] = read_text(entry.path());
    }
  }
  REQUIRE(documents.size() >= 2);
  for (const auto& violation : dangling_links(documents, root)) FAIL_CHECK(violation);
}

TEST_CASE("document links: what is there passes, what is not is found") {
  CHECK(dangling_in("CHANGELOG.md", "See [how](CONTRIBUTING.md) and [why](CONTRIBUTING.md#build-and-test).") == 0);
  CHECK(dangling_in("docs/notes.md", "[up](../CMakeLists.txt), [web](https://example.org/x), [below](#here)") == 0);
  CHECK(dangling_in(
            "docs/notes.md",
            "`tests/main.cpp`, `./tests/run`, `include/seqrec/x.hpp --flag`, `ops/x`, `tests/ops/x_test.cpp`") == 0);
  CHECK(dangling_in("docs/notes.md", "[gone](CMakeLists.txt)") == 1);
  CHECK(dangling_in("CHANGELOG.md", "[gone](docs/never_written.md#part)") == 1);
  CHECK(dangling_in("docs/notes.md", "`tests/never_written_test.cpp`") == 1);
}
