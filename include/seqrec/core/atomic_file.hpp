// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/temporary.hpp"

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
    detail::remove_leftovers(path_, O_WRONLY | O_NONBLOCK, [](const auto& file) { ::unlink(file.c_str()); });
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      std::filesystem::path name = detail::temporary_name(path_);
      descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0) {
        if (errno != EEXIST || attempt == 1000) fail("creating a temporary file beside it", errno);
      } else if (!detail::lock_temporary(name, descriptor_)) {
        ::close(std::exchange(descriptor_, -1));
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
