// SPDX-License-Identifier: Apache-2.0
// The one header that knows LightGBM: its C API, its errors as exceptions, its log as a callback. Link
// seqrec::lightgbm.
#pragma once

#include <LightGBM/c_api.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/trees/tree_error.hpp"

namespace seqrec {

/// Receives LightGBM's log, a line at a time and without its end. It must not throw.
using TreeLog = std::function<void(std::string_view line)>;

namespace detail {

/// Who listens on this thread; null where nobody does.
inline thread_local const TreeLog* tree_log = nullptr;

/// LightGBM logs a line in pieces, the last of which is its end.
inline void take_tree_log(const char* piece) {
  static thread_local std::string line;
  line += piece;
  if (line.empty() || line.back() != '\n') return;
  line.pop_back();
  const std::string whole = std::exchange(line, {});
  if (tree_log != nullptr && *tree_log) (*tree_log)(whole);
}

/// Before LightGBM is called on a thread: its log comes to us and not to stdout. LightGBM keeps the callback by thread.
inline void quiet_tree_log() {
  static thread_local const int registered = LGBM_RegisterLogCallback(take_tree_log);
  static_cast<void>(registered);
}

/// While it lives, LightGBM's log on this thread goes to `log`, which must outlive it.
class TreeLogScope {
 public:
  explicit TreeLogScope(const TreeLog& log) : before_(std::exchange(tree_log, &log)) { quiet_tree_log(); }
  TreeLogScope(const TreeLogScope&) = delete;
  TreeLogScope& operator=(const TreeLogScope&) = delete;
  ~TreeLogScope() { tree_log = before_; }

 private:
  const TreeLog* before_;
};

/// @param status  what a function of the C API returned   @param doing  in words, e.g. "training trees"
/// @throws TreeError with LightGBM's last error
inline void check_lightgbm(int status, const char* doing) {
  if (status != 0) throw TreeError(concatenate(doing, ": LightGBM says: ", LGBM_GetLastError()));
}

struct FreeTreeData {
  void operator()(void* handle) const { LGBM_DatasetFree(handle); }
};
struct FreeBooster {
  void operator()(void* handle) const { LGBM_BoosterFree(handle); }
};
struct FreeRowScorer {
  void operator()(void* handle) const { LGBM_FastConfigFree(handle); }
};
using TreeDataHandle = std::unique_ptr<void, FreeTreeData>;
using BoosterHandle = std::unique_ptr<void, FreeBooster>;
using RowScorerHandle = std::unique_ptr<void, FreeRowScorer>;

}  // namespace detail

}  // namespace seqrec
