// SPDX-License-Identifier: Apache-2.0
// Rules of the house besides the floors: where products and launches happen, which test belongs to which header, and
// how a file begins.
#pragma once

#include <map>
#include <regex>
#include <set>
#include <string>

#include "structure/source_tree.hpp"

namespace seqrec_structure {

/// One rule of the form "this pattern only in that file".
struct Confined {
  const char* what;       ///< what the pattern is, for the message
  const char* pattern;    ///< regular expression, matched against code without comments
  const char* only_here;  ///< path relative to include/seqrec
};

/// Matrix products on the CPU cannot be written without an Eigen matrix type: on Eigen arrays, which the rest of cpu/
/// may use, `*` is element by element. So it is the types that are confined.
inline const std::vector<Confined>& confined() {
  static const std::vector<Confined> table = {
      {"an Eigen matrix",
       R"(\b(Eigen::)?(Matrix|RowVector|Vector)(X|[2-4])[fdi]\b|\bEigen::(Matrix|Vector|RowVector)\b)", "cpu/gemm.hpp"},
      {"an Eigen matrix", R"(\.\s*(matrix\s*\(\s*\)|noalias\s*\(|lazyProduct\s*\())", "cpu/gemm.hpp"},
      {"a BLAS product", R"(\b(cblas_|cublas)([sdSD]|Lt)?([gG]emm|[mM]atmul)\w*)", "cuda/blas.cuh"},
      {"a raw kernel launch", "<<<", "cuda/device.cuh"},
  };
  return table;
}

/// `headers`: paths relative to include/seqrec.
inline Violations confinement_violations(const Sources& headers) {
  Violations found;
  for (const auto& rule : confined()) {
    const std::regex pattern(rule.pattern);
    for (const auto& [path, text] : headers) {
      std::smatch match;
      const std::string code = without_comments(text);
      if (path != rule.only_here && std::regex_search(code, match, pattern)) {
        found.push_back(path + ": " + rule.what + " (" + match.str() + ") belongs in " + rule.only_here);
      }
    }
  }
  return found;
}

/// Every header has its test: tests/F/x_test.cpp for F/x, or tests/ops/x_test.cpp when F is a backend's half of ops/x.
/// `tests`: paths relative to tests/; `elsewhere`: header -> the file there that tests it instead.
inline Violations untested_headers(const Sources& headers, const Sources& tests,
                                   const std::map<std::string, std::string>& elsewhere) {
  Violations found;
  for (const auto& [path, text] : headers) {
    const std::string folder = folder_of(path);
    if (folder.empty()) continue;  // umbrellas: tests/headers
    const std::string name = path.substr(folder.size() + 1, path.rfind('.') - folder.size() - 1);  // may hold a folder
    std::set<std::string> accepted = {folder + "/" + name + "_test.cpp"};
    const bool is_half_of_an_op = headers.contains("ops/" + name + ".hpp");
    if ((folder == "cpu" || folder == "cuda") && is_half_of_an_op) accepted.insert("ops/" + name + "_test.cpp");
    if (const auto row = elsewhere.find(path); row != elsewhere.end()) accepted.insert(row->second);
    bool tested = false;
    for (const auto& test : accepted) tested = tested || tests.contains(test);
    if (!tested) found.push_back(path + ": no tests/" + *accepted.begin());
  }
  for (const auto& [path, test] : elsewhere) {
    if (!headers.contains(path)) found.push_back(path + ": listed as tested elsewhere, but gone");
  }
  return found;
}

/// Tests spell nothing of Catch2 out: what both of its versions have, and what one calls otherwise, is in
/// support/catch.hpp. `tests`: paths relative to tests/.
inline Violations catch_violations(const Sources& tests) {
  Violations found;
  for (const auto& [path, text] : tests) {
    static const std::regex pattern(R"(#include <catch2[/]|\bCatch[:]:)");
    if (path == "support/catch.hpp" || path == "main.cpp") continue;
    if (std::regex_search(without_comments(text), pattern))
      found.push_back(path + ": names Catch2's own, expected what support/catch.hpp offers");
  }
  return found;
}

/// Every file names its licence in the first line (the second where the first starts an interpreter), and every header
/// is guarded.
inline Violations opening_violations(const Sources& files) {
  Violations found;
  for (const auto& [path, text] : files) {
    static const std::regex opening(R"((#![^\n]*\n)?(//|#) SPDX-License-Identifier: Apache-2\.0\n[^]*)");
    if (!std::regex_match(text.substr(0, 200), opening)) found.push_back(path + ": no SPDX line at the top");
    const bool is_header = ends_with(path, ".hpp") || ends_with(path, ".cuh");
    if (is_header && text.find("\n#pragma once\n") == std::string::npos) found.push_back(path + ": no #pragma once");
  }
  return found;
}

}  // namespace seqrec_structure
