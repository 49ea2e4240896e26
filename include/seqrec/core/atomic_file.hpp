// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "seqrec/core/errors.hpp"

namespace seqrec {

namespace detail {

/// @return 0 or the system's error number, here and below
inline int write_all(int descriptor, const void* bytes, std::size_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size != 0) {
    const ssize_t written = ::write(descriptor, next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    next += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

/// A file that was made or renamed is durable only once the directory that holds its name is.
inline int sync_directory_of(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error == EINVAL ? 0 : error;  // EINVAL is this file system's way of saying that directories need no syncing
}

/// Whether the name stands for the open file, and not for none or another.
inline bool is_name_of(const std::filesystem::path& name, int descriptor) {
  struct stat by_name = {};
  struct stat opened = {};
  return ::lstat(name.c_str(), &by_name) == 0 && ::fstat(descriptor, &opened) == 0 && S_ISREG(opened.st_mode) &&
         by_name.st_dev == opened.st_dev && by_name.st_ino == opened.st_ino;
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

}  // namespace detail

/// A file that appears whole or not at all. Bytes go to a temporary file in the target's directory; `commit` makes them
/// durable and renames the temporary onto the target, so that a reader, a crash or a power cut sees the old content or
/// the new, never a part. Destroyed without `commit`, it leaves nothing behind. POSIX.
///
/// A process that is killed leaves its temporary, "<target>.<process>-<number>.tmp". The next AtomicFile of the target
/// removes it: who writes holds a lock (flock) on his temporary, which the system takes from him when he dies. Where
/// the file system has no locks, leftovers stay.
class AtomicFile {
 public:
  /// Creates the temporary file.
  /// @throws DataError naming the path and the system's reason, here and in every member
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename()) fail("opening it", EISDIR);
    remove_leftovers();
    // The process id tells processes apart, the counter the files of one. O_EXCL: a leftover of a crashed process whose
    // id came back costs another number and is never shared.
    static std::atomic<unsigned> counter{0};
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      std::filesystem::path name = path_;
      name += concatenate(".", ::getpid(), "-", counter.fetch_add(1), ".tmp");
      descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0) {
        if (errno != EEXIST || attempt == 1000) fail("creating a temporary file beside it", errno);
      } else if (!lock(descriptor_) || !detail::is_name_of(name, descriptor_)) {
        ::close(std::exchange(descriptor_, -1));  // taken for a leftover before it was locked, and removed
      } else {
        temporary_ = std::move(name);
      }
    }
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  /// Appends bytes.
  void write(const void* bytes, std::size_t size) {
    require_open();
    if (const int error = detail::write_all(descriptor_, bytes, size); error != 0) fail("writing", error);
  }
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  /// Puts the file in its place. Nothing may be written afterwards.
  void commit() {
    require_open();
    if (::fsync(descriptor_) != 0) fail("syncing", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("renaming the temporary file", errno);
    temporary_.clear();
    ::close(
        std::exchange(descriptor_, -1));  // not before the rename: that would give up the lock. It is synced already
    if (const int error = detail::sync_directory_of(path_); error != 0) fail("syncing its directory", error);
  }

 private:
  void require_open() const {
    if (descriptor_ < 0) throw DataError(concatenate(path_.string(), ": cannot be written: it is already closed"));
  }

  /// Whether the file is ours alone; yes also where there are no locks.
  static bool lock(int descriptor) { return ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

  /// Removes the temporary files of this target that nobody holds any more. What cannot be looked at stays.
  void remove_leftovers() const {
    const std::string target = path_.filename().string();
    std::error_code ignored;
    std::filesystem::directory_iterator files(path_.has_parent_path() ? path_.parent_path() : ".", ignored);
    for (; files != std::filesystem::directory_iterator(); files.increment(ignored)) {
      const std::filesystem::path& file = files->path();
      if (!detail::is_temporary_of(target, file.filename().string())) continue;
      const int descriptor = ::open(file.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
      if (descriptor < 0) continue;
      if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && detail::is_name_of(file, descriptor)) ::unlink(file.c_str());
      ::close(descriptor);
    }
  }

  [[noreturn]] void fail(const char* action, int error) {
    discard();
    const std::string reason = std::error_code(error, std::generic_category()).message();
    throw DataError(concatenate(path_.string(), ": cannot be written: ", action, ": ", reason));
  }

  void discard() noexcept {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< empty once it is renamed or removed
  int descriptor_ = -1;
};

/// Replaces the content of `path`, whole or not at all (see AtomicFile).
/// @throws DataError naming the path and the system's reason
inline void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace seqrec
