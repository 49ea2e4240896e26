// SPDX-License-Identifier: Apache-2.0
// Relative links and file names in Markdown, as a rule: what a document points at exists.
#pragma once

#include <filesystem>
#include <regex>
#include <string>

#include "structure/source_tree.hpp"

namespace seqrec_structure {

/// Links `](path)` are relative to the document; a path of ours in backticks (`docs/protocol.md`) to the project's top,
/// where x and NAME stand for any name (`tests/ops/x_test.cpp`).
/// `documents`: paths relative to `root` -> text.
inline Violations dangling_links(const Sources& documents, const std::filesystem::path& root) {
  static const std::regex link(R"(\]\(([^)#\s]+)(#[^)\s]*)?\))");
  static const std::regex mention(
      R"(`(?:\./)?((?:include|docs|tests|examples|benchmarks|cmake|\.ci)/[A-Za-z0-9_./]+)`)");
  static const std::regex placeholder(R"(.*[/_](x|NAME)(_test|_benchmark)?\.[a-z]+)");
  Violations found;
  for (const auto& [path, text] : documents) {
    const auto folder = (root / path).parent_path();
    for (std::sregex_iterator match(text.begin(), text.end(), link), end; match != end; ++match) {
      const std::string target = (*match)[1];
      const bool elsewhere = target.find("://") != std::string::npos || target.rfind("mailto:", 0) == 0;
      if (!elsewhere && !std::filesystem::exists(folder / target)) found.push_back(path + ": no " + target);
    }
    for (std::sregex_iterator match(text.begin(), text.end(), mention), end; match != end; ++match) {
      const std::string target = (*match)[1];
      if (std::regex_match(target, placeholder) || std::filesystem::exists(root / target)) continue;
      found.push_back(path + ": no " + target);
    }
  }
  return found;
}

}  // namespace seqrec_structure
