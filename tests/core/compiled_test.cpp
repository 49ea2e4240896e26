// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/compiled.hpp"

#include <set>
#include <string>

#include "structure/include_floors.hpp"
#include "support/catch.hpp"

namespace {

const seqrec_structure::Sources& headers() {
  static const auto tree = seqrec_structure::read_tree(SEQREC_SOURCE_DIR "/include/seqrec");
  return tree;
}

/// What a header says outside of comments, core/compiled.hpp itself left out.
std::string code_of(const std::string& path) {
  return path == "core/compiled.hpp" ? "" : seqrec_structure::without_comments(headers().at(path));
}

}  // namespace

TEST_CASE("a program reads bodies unless it links the library that has them", "[core]") {
#ifdef SEQREC_COMPILED
  CHECK(SEQREC_BODIES == 0);
#else
  CHECK(SEQREC_BODIES == 1);
#endif
}

TEST_CASE("the compiled library includes every header with bodies", "[core]") {
  std::set<std::string> included = seqrec_structure::reached_from(headers(), "seqrec.hpp");
  included.merge(seqrec_structure::reached_from(headers(), "cpu.hpp"));
  int parts = 0;
  for (const auto& [path, text] : headers()) {
    const std::string code = code_of(path);
    if (code.find("SEQREC_BODIES") == std::string::npos && code.find("SEQREC_TEMPLATE") == std::string::npos) continue;
    ++parts;
    INFO(path);
    CHECK(included.count(path) == 1);
  }
  CHECK(parts > 10);
}

TEST_CASE("SEQREC_FUNCTION defines functions only where the bodies are", "[core]") {
  for (const auto& [path, text] : headers()) {
    INFO(path);
    std::string code = code_of(path);
    const std::size_t begin = code.find("#if SEQREC_BODIES");
    if (begin != std::string::npos) code.erase(begin, code.rfind("#endif") - begin);
    for (std::size_t at = code.find("SEQREC_FUNCTION"); at != std::string::npos;
         at = code.find("SEQREC_FUNCTION", at + 1)) {
      const std::size_t end = code.find(';', at), brace = code.find(" {\n", at);
      CHECK(end < brace);
    }
  }
}
