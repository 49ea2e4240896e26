// SPDX-License-Identifier: Apache-2.0
// The floors of the house (docs/architecture.md) as a rule over include lines.
#pragma once

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "structure/source_tree.hpp"

namespace seqrec_structure {

/// Folder of include/seqrec -> the other folders it may include. A folder below another that has a row of its own is a
/// room of its own. Everything may include version.hpp.
inline const std::map<std::string, std::set<std::string>>& floors() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"core", {}},
      {"ops", {"core"}},
      {"cpu", {"core", "ops"}},
      {"cuda", {"core", "ops"}},
      {"data", {"core"}},
      {"data/readers", {"core", "data"}},
      {"data/splits", {"core", "data"}},
      {"data/batches", {"core", "data", "data/splits"}},
      {"metrics", {"core"}},
      {"baselines", {"core", "data", "data/splits"}},
      {"autograd", {"core", "ops"}},
      {"layers", {"core", "ops", "autograd"}},
      {"optim", {"core", "ops", "autograd"}},
      {"models", {"core", "ops", "autograd", "layers"}},
      {"io", {"core", "autograd"}},
      {"trees", {"core"}},
      {"features", {"core", "data", "data/splits", "baselines", "io"}},
      {"objectives", {"core", "ops", "autograd", "layers", "models", "data/batches"}},
      {"serve", {"core", "ops", "autograd", "layers", "models", "data/batches"}},
      {"evaluate",
       {"core", "ops", "autograd", "layers", "models", "data", "data/readers", "data/splits", "data/batches", "metrics",
        "serve"}},
      {"train",
       {"core", "ops", "autograd", "layers", "models", "optim", "data", "data/splits", "data/batches", "metrics", "io",
        "objectives", "evaluate"}},
      {"hybrid",
       {"core", "ops", "autograd", "layers", "models", "optim", "data", "data/readers", "data/splits", "data/batches",
        "metrics", "baselines", "io", "features", "trees", "objectives", "serve", "evaluate", "train"}},
  };
  return table;
}

/// Header directly in include/seqrec -> the folders it may include.
inline const std::map<std::string, std::set<std::string>>& umbrellas() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"version.hpp", {}},
      {"seqrec.hpp",
       {"core", "ops", "autograd", "layers", "models", "baselines", "optim", "data", "data/readers", "data/splits",
        "data/batches", "metrics", "io", "features", "objectives", "serve", "evaluate", "train"}},
      {"cpu.hpp", {"core", "ops", "cpu"}},
      {"cuda.cuh", {"core", "ops", "cuda"}},
  };
  return table;
}

/// Why the header at `path` in `folder` may not include `<name>`; empty when it may. Each library has one folder that
/// knows it, an optional one a single header.
inline std::string foreign_include_violation(const std::string& path, const std::string& folder,
                                             const std::string& name) {
  static const std::regex standard("[a-z_0-9]+");  // a C++ header has no dot and no slash
  static const std::regex posix("(fcntl|unistd|signal)\\.h|sys/[a-z]+\\.h");
  static const std::regex eigen("Eigen/.*");
  static const std::regex intrinsics("(immintrin|arm_neon)\\.h");
  static const std::regex cuda("(cuda|cublas|cub/|cooperative_groups|nvtx3/).*");
  // mma.h, math_constants.h and the like would be added here, with the kernel that needs them.
  if (std::regex_match(name, cuda)) return folder == "cuda" ? "" : "only cuda/ includes the CUDA toolkit";
  if (std::regex_match(name, standard) || std::regex_match(name, posix)) return "";
  if (std::regex_match(name, eigen)) return folder == "cpu" ? "" : "only cpu/ includes Eigen";
  if (name == "zlib.h") return path == "data/readers/gzip.hpp" ? "" : "only data/readers/gzip.hpp includes zlib";
  if (name.rfind("LightGBM/", 0) == 0) return path == "trees/c_api.hpp" ? "" : "only trees/c_api.hpp includes LightGBM";
  if (std::regex_match(name, intrinsics)) return folder == "cpu" ? "" : "only cpu/ includes intrinsics";
  return "this is neither the standard library nor a dependency of seqrec";
}

/// The room that a header is in: the deepest folder on its path that has a row.
inline std::string room_of(const std::string& path) {
  for (std::size_t end = path.rfind('/'); end != std::string::npos; end = end == 0 ? end : path.rfind('/', end - 1)) {
    std::string folder = path.substr(0, end);
    if (floors().contains(folder)) return folder;
    if (end == 0) break;
  }
  return folder_of(path);
}

/// Checks every include of every header against the floors. `headers`: paths relative to include/seqrec.
inline Violations floor_violations(const Sources& headers) {
  Violations found;
  for (const auto& [path, text] : headers) {
    const std::string folder = room_of(path);
    const auto& table = folder.empty() ? umbrellas() : floors();
    const auto row = table.find(folder.empty() ? path : folder);
    if (row == table.end()) {
      found.push_back(path + ": not a place of docs/architecture.md");
      continue;
    }
    for (const auto& operand : includes_of(text)) {
      const std::string name = operand.substr(1, operand.size() - 2);
      const std::string sentence = path + " includes " + operand + ": ";
      const auto object = [&](const std::string& reason) { found.push_back(sentence + reason); };
      if (name.rfind("seqrec/", 0) != 0) {
        const auto reason = operand[0] == '"' ? std::string("our headers are included as \"seqrec/folder/name.hpp\"")
                                              : foreign_include_violation(path, folder, name);
        if (!reason.empty()) object(reason);
        continue;
      }
      const std::string target = name.substr(7), target_folder = room_of(target);
      if (!headers.contains(target)) {
        object("there is no such header");
      } else if (target_folder.empty()) {
        if (target != "version.hpp") object("umbrella headers are for users of seqrec");
      } else if (target_folder != folder && !row->second.contains(target_folder)) {
        object((folder.empty() ? path : folder + "/") + " may not include " + target_folder + "/");
      }
    }
  }
  return found;
}

/// Everything that a header includes, directly or through others.
inline std::set<std::string> reached_from(const Sources& headers, const std::string& start) {
  std::set<std::string> reached;
  std::vector<std::string> left = {start};
  while (!left.empty()) {
    const std::string path = left.back();
    left.pop_back();
    for (const auto& operand : includes_of(headers.at(path))) {
      const std::string target = operand.rfind("\"seqrec/", 0) == 0 ? operand.substr(8, operand.size() - 9) : "";
      if (headers.contains(target) && reached.insert(target).second) left.push_back(target);
    }
  }
  return reached;
}

/// Circles among headers, each named once by its path.
inline Violations circle_violations(const Sources& headers) {
  enum class State { unseen, open, closed };
  std::map<std::string, State> states;
  Violations found;
  std::vector<std::string> trail;
  const auto visit = [&](const auto& self, const std::string& path) -> void {
    states[path] = State::open;
    trail.push_back(path);
    for (const auto& operand : includes_of(headers.at(path))) {
      const std::string name = operand.substr(1, operand.size() - 2);
      const std::string target = name.rfind("seqrec/", 0) == 0 ? name.substr(7) : "";
      if (!headers.contains(target)) continue;
      if (states[target] == State::unseen) self(self, target);
      if (states[target] != State::open) continue;
      std::string circle = target;
      for (auto step = std::find(trail.begin(), trail.end(), target) + 1; step != trail.end(); ++step) {
        circle += " -> " + *step;
      }
      found.push_back("circle: " + circle + " -> " + target);
    }
    trail.pop_back();
    states[path] = State::closed;
  };
  for (const auto& [path, text] : headers) {
    if (states[path] == State::unseen) visit(visit, path);
  }
  return found;
}

}  // namespace seqrec_structure
