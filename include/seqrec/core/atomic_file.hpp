// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

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

/// A file that appears whole or not at all. Bytes go to a temporary file in the target's directory; `commit` makes them
/// durable and renames the temporary onto the target, so that a reader, a crash or a power cut sees the old content or
/// the new, never a part. Destroyed without `commit`, it leaves nothing behind. POSIX.
class AtomicFile {
 public:
  /// Creates the temporary file.
  /// @throws DataError naming the path and the system's reason, here and in every member
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename()) fail("opening it", EISDIR);
    // The process id tells processes apart, the counter the files of one. O_EXCL: a leftover of a crashed process whose
    // id came back costs another number and is never shared.
    static std::atomic<unsigned> counter{0};
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      std::filesystem::path name = path_;
      name += concatenate(".", ::getpid(), "-", counter.fetch_add(1), ".tmp");
      descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ >= 0)
        temporary_ = std::move(name);
      else if (errno != EEXIST || attempt == 1000)
        fail("creating a temporary file beside it", errno);
    }
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  /// Appends bytes.
  void write(const void* bytes, std::size_t size) {
    require_open();
    const char* next = static_cast<const char*>(bytes);
    while (size != 0) {
      const ssize_t written = ::write(descriptor_, next, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("writing", errno);
      next += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  /// Puts the file in its place. Nothing may be written afterwards.
  void commit() {
    require_open();
    if (::fsync(descriptor_) != 0) fail("syncing", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("closing", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("renaming the temporary file", errno);
    temporary_.clear();
    sync_directory();
  }

 private:
  void require_open() const {
    if (descriptor_ < 0) throw DataError(concatenate(path_.string(), ": cannot be written: it is already closed"));
  }

  /// A rename is durable only once the directory that holds the name is.
  void sync_directory() {
    const std::filesystem::path directory = path_.has_parent_path() ? path_.parent_path() : ".";
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) fail("opening its directory", errno);
    const int error = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    // EINVAL: this file system does not sync directories, which is its way of saying that none is needed.
    if (error != 0 && error != EINVAL) fail("syncing its directory", error);
  }

  [[noreturn]] void fail(const char* action, int error) {
    discard();
    const std::string reason = std::error_code(error, std::generic_category()).message();
    throw DataError(concatenate(path_.string(), ": cannot be written: ", action, ": ", reason));
  }

  void discard() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
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
