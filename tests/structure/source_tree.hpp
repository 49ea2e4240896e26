// SPDX-License-Identifier: Apache-2.0
// Source files as text, and the little parsing that the rules of this folder need.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace seqrec_structure {

/// Path relative to some root, with forward slashes -> content.
using Sources = std::map<std::string, std::string>;

/// What a rule has to say: one sentence per offence, empty when the rule holds.
using Violations = std::vector<std::string>;

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Every file below `root`, whatever its name.
inline Sources read_tree(const std::filesystem::path& root) {
  Sources sources;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    sources[entry.path().lexically_relative(root).generic_string()] = read_text(entry.path());
  }
  return sources;
}

/// "cpu/gemm.hpp" -> "cpu"; "" for a file at the root.
inline std::string folder_of(const std::string& path) {
  const auto slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

inline bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// The text without comments; strings stay, and so do line breaks.
inline std::string without_comments(const std::string& text) {
  std::string kept;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.compare(i, 2, "//") == 0) {
      while (i < text.size() && text[i] != '\n') ++i;
    } else if (text.compare(i, 2, "/*") == 0) {
      const auto end = text.find("*/", i + 2);
      i = end == std::string::npos ? text.size() : end + 2;
      kept += ' ';
    } else if (text[i] == '"') {
      do {
        if (text[i] == '\\' && i + 1 < text.size()) kept += text[i++];
        kept += text[i++];
      } while (i < text.size() && text[i] != '"' && text[i] != '\n');
      if (i < text.size()) kept += text[i++];
    } else {
      kept += text[i++];
    }
  }
  return kept;
}

/// The operands of all #include lines, brackets or quotes included: `<vector>`, `"seqrec/core/types.hpp"`.
inline std::vector<std::string> includes_of(const std::string& text) {
  static const std::regex line(R"re((?:^|\n)[ \t]*#[ \t]*include[ \t]*(<[^>\n]*>|"[^"\n]*"))re");
  std::vector<std::string> operands;
  const std::string code = without_comments(text);
  for (std::sregex_iterator match(code.begin(), code.end(), line), end; match != end; ++match) {
    operands.push_back((*match)[1]);
  }
  return operands;
}

}  // namespace seqrec_structure
