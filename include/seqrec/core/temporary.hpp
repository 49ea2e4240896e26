// SPDX-License-Identifier: Apache-2.0
// What is written beside its target before it takes its place: names, locks, and what a killed process left.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "seqrec/core/errors.hpp"

namespace seqrec::detail {

/// A name beside the target that nobody has had: "<target>.<process>-<number>.tmp". The process id tells processes
/// apart, the counter the names of one. A leftover of a crashed process whose id came back has the name already: take
/// another.
inline std::filesystem::path temporary_name(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path name = target;
  name += concatenate(".", ::getpid(), "-", counter.fetch_add(1), ".tmp");
  return name;
}

/// Whether the name stands for the open file or folder, and not for none or another.
inline bool is_name_of(const std::filesystem::path& name, int descriptor) {
  struct stat by_name = {};
  struct stat opened = {};
  return ::lstat(name.c_str(), &by_name) == 0 && ::fstat(descriptor, &opened) == 0 &&
         (S_ISREG(opened.st_mode) || S_ISDIR(opened.st_mode)) && by_name.st_dev == opened.st_dev &&
         by_name.st_ino == opened.st_ino;
}

/// Locks what was made (flock), as a sign that its maker lives: the system takes the lock from who dies.
/// @return whether it is the maker's, and not taken for a leftover before it was locked; yes also where there are no
/// locks
inline bool lock_temporary(const std::filesystem::path& name, int descriptor) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  return is_name_of(name, descriptor);
}

/// Whether a file is named "<target>.<digits>-<digits>.tmp", as the temporary files of a target are.
inline bool is_temporary_of(std::string_view target, std::string_view name) {
  const auto skip_digits = [&] {
    const std::size_t end = std::min(name.find_first_not_of("0123456789"), name.size());
    name.remove_prefix(end);
    return end != 0;
  };
  const auto skip = [&](std::string_view text) {
    if (name.substr(0, text.size()) != text) return false;
    name.remove_prefix(text.size());
    return true;
  };
  return skip(target) && skip(".") && skip_digits() && skip("-") && skip_digits() && name == ".tmp";
}

/// Removes what others left beside a target and nobody holds any more. What cannot be looked at stays.
/// @param flags  to open it with, and nothing else   @param remove  remove(path) of what is to go
template <class Remove>
void remove_leftovers(const std::filesystem::path& target, int flags, Remove&& remove) {
  const std::string name = target.filename().string();
  std::error_code ignored;
  std::filesystem::directory_iterator entries(target.has_parent_path() ? target.parent_path() : ".", ignored);
  for (; entries != std::filesystem::directory_iterator(); entries.increment(ignored)) {
    const std::filesystem::path& entry = entries->path();
    if (!is_temporary_of(name, entry.filename().string())) continue;
    const int descriptor = ::open(entry.c_str(), flags | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_name_of(entry, descriptor)) remove(entry);
    ::close(descriptor);
  }
}

}  // namespace seqrec::detail
