// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/temporary.hpp"

namespace seqrec {

/// A folder that appears whole or not at all. Files are written into `temporary()`, beside the target; `commit` makes
/// them durable and puts the folder in the target's place, whose old content goes. A reader, a crash or a power cut
/// sees the old folder or the new, never a mixture. Destroyed without `commit`, it leaves nothing behind. POSIX.
///
/// Two folders change places in one step where the system can (renameat2: Linux, on its usual file systems). Elsewhere
/// the old one is first moved aside, "<target>.<process>-<number>.tmp", and a crash in that moment leaves it there.
///
/// As with AtomicFile, what a killed process left is removed by the next who writes the target.
class AtomicFolder {
 public:
  /// @throws DataError naming the path and the system's reason, here and in every member
  explicit AtomicFolder(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_filename()) path_ = path_.parent_path();  // "folder/"
    if (path_.empty()) fail("making it", ENOENT);
    detail::remove_leftovers(path_, O_RDONLY | O_DIRECTORY, [](const auto& folder) {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    });
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      std::filesystem::path name = detail::temporary_name(path_);
      if (::mkdir(name.c_str(), 0777) != 0) {
        if (errno != EEXIST || attempt == 1000) fail("making a temporary folder beside it", errno);
        continue;
      }
      const int descriptor = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (descriptor >= 0 && !detail::lock_temporary(name, descriptor)) {
        ::close(descriptor);
        continue;
      }
      temporary_ = std::move(name);
      descriptor_ = descriptor;
      if (descriptor < 0) fail("opening a temporary folder beside it", errno);
    }
  }
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder() { discard(); }

  /// Where the files go.
  const std::filesystem::path& temporary() const { return temporary_; }

  /// Puts the folder in its place.
  void commit() {
    for (const auto& entry : std::filesystem::directory_iterator(temporary_)) sync(entry.path());
    if (::fsync(descriptor_) != 0 && errno != EINVAL) fail("syncing the temporary folder", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) == 0) {  // nothing there, or an empty folder
      temporary_.clear();
    } else if (errno != ENOTEMPTY && errno != EEXIST) {
      fail("renaming the temporary folder", errno);
    } else {
      exchange();
    }
    if (const int error = detail::sync_directory_of(path_); error != 0) fail("syncing its directory", error);
    discard();  // the old content, if there was one
  }

 private:
  void sync(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail("opening a file in it", errno);
    const int error = ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
    ::close(descriptor);
    if (error != 0) fail("syncing a file in it", error);
  }

  /// The old content is in `temporary_` afterwards.
  void exchange() {
#ifdef RENAME_EXCHANGE
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) return;
    if (errno != EINVAL && errno != ENOSYS) fail("exchanging it for the temporary folder", errno);
#endif
    std::filesystem::path aside = detail::temporary_name(path_);
    if (::rename(path_.c_str(), aside.c_str()) != 0) fail("moving the old folder aside", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      const int error = errno;
      ::rename(aside.c_str(), path_.c_str());
      fail("renaming the temporary folder", error);
    }
    temporary_ = std::move(aside);
  }

  [[noreturn]] void fail(const char* action, int error) {
    discard();
    const std::string reason = std::error_code(error, std::generic_category()).message();
    throw DataError(concatenate(path_.string(), ": cannot be written: ", action, ": ", reason));
  }

  void discard() noexcept {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
    temporary_.clear();
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< empty once it is in its place and nothing is left to remove
  int descriptor_ = -1;              ///< of what was made, locked: who holds it lives
};

}  // namespace seqrec
