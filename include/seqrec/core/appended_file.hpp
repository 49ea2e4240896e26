// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"

namespace seqrec {

/// Writes bytes behind the first `kept` of a file and makes them durable; what else stood there is gone. A file that
/// grows in this way costs no more each time, where AtomicFile writes all of it again. It is not whole at every moment:
/// another file, written afterwards, must say how many of its bytes count.
/// @param kept  the bytes that count, all of which are there; with 0 the file may be new
/// @throws DataError naming the path and the system's reason; the first `kept` bytes are then still there
inline void append_to_file(const std::filesystem::path& path, std::uint64_t kept, std::string_view bytes) {
  const auto fail = [&](const char* action, const std::string& reason) {
    throw DataError(concatenate(path.string(), ": cannot be written: ", action, ": ", reason));
  };
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | (kept == 0 ? O_CREAT : 0), 0666);
  if (descriptor < 0) fail("opening it", std::generic_category().message(errno));
  const struct Closing {
    int descriptor;
    ~Closing() { ::close(descriptor); }
  } closing{descriptor};
  const auto check = [&](const char* action, int error) {
    if (error != 0) fail(action, std::generic_category().message(error));
  };
  struct stat status = {};
  check("asking for its size", ::fstat(descriptor, &status) == 0 ? 0 : errno);
  if (static_cast<std::uint64_t>(status.st_size) < kept)  // a longer file would be filled up with zeros
    fail("appending", concatenate("it has ", status.st_size, " bytes, expected at least ", kept));
  const auto end = static_cast<off_t>(kept);
  check("cutting it", ::ftruncate(descriptor, end) == 0 ? 0 : errno);
  check("appending", ::lseek(descriptor, end, SEEK_SET) == end ? 0 : errno);
  check("appending", detail::write_all(descriptor, bytes.data(), bytes.size()));
  check("syncing", ::fsync(descriptor) == 0 ? 0 : errno);
  if (kept == 0) check("syncing its directory", detail::sync_directory_of(path));
}

}  // namespace seqrec
