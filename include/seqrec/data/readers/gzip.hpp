// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef SEQREC_WITH_ZLIB
#include <zlib.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Whether this program reads gzip files: it was compiled with zlib (SEQREC_WITH_ZLIB, which seqrec::seqrec defines
/// where CMake finds zlib).
#ifdef SEQREC_WITH_ZLIB
inline constexpr bool reads_gzip = true;
#else
inline constexpr bool reads_gzip = false;
#endif

/// `path`, or where only "path.gz" is there that: files beside a data set may be packed as it is.
/// @throws DataError if both are there, which may differ
inline std::filesystem::path plain_or_packed(const std::filesystem::path& path) {
  std::filesystem::path packed = path;
  packed += ".gz";
  std::error_code ignored;
  if (!std::filesystem::exists(packed, ignored)) return path;
  if (std::filesystem::exists(path, ignored))
    throw DataError(concatenate(path.string(), ": is there packed as well (", packed.filename().string(),
                                "), expected one of the two"));
  return packed;
}

namespace detail {

/// How files of a kind begin, whatever they are called.
struct Packing {
  const char* name;
  std::string_view magic;
};

inline constexpr Packing packings[] = {
    {"gzip", "\x1F\x8B"},
    {"Zstandard", "\x28\xB5\x2F\xFD"},
    {"xz", std::string_view("\xFD\x37zXZ\0", 6)},
    {"zip", "PK\x03\x04"},
    {"zip", "PK\x05\x06"},
    {"LZ4", "\x04\x22\x4D\x18"},
    {"7z", "7z\xBC\xAF\x27"},
    {"compress", "\x1F\x9D"},
};

/// The name of the packing that these first bytes of a file give away; null for none. "BZh" alone, with which bzip2
/// begins, may be text.
inline const char* packing_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("BZh") &&
      first_bytes.substr(std::min<std::size_t>(first_bytes.size(), 4)).starts_with("1AY&SY"))
    return "bzip2";
  for (const Packing& packing : packings)
    if (first_bytes.starts_with(packing.magic)) return packing.name;
  return nullptr;
}

/// The content of a packed file, from front to back.
class Unpacker {
 public:
  Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  virtual ~Unpacker() = default;

  /// Puts the next bytes at `target`: as many as asked for, fewer only at the end of the content.
  /// @throws DataError naming the file where it is damaged or cut short
  virtual std::size_t read(char* target, std::size_t size) = 0;
};

#ifdef SEQREC_WITH_ZLIB

/// One gzip member after the other (RFC 1952), as `cat a.gz b.gz` leaves them. Zeros behind the last are padding.
class GzipUnpacker final : public Unpacker {
 public:
  /// @param stream  of the file, at its first byte
  GzipUnpacker(std::filesystem::path path, std::ifstream stream)
      : path_(std::move(path)), stream_(std::move(stream)), packed_(64 * 1024) {
    constexpr int gzip_alone = 15 + 16;  // the largest window, and neither zlib's own header nor a guess
    if (inflateInit2(&state_, gzip_alone) != Z_OK) fail("zlib cannot begin");
  }
  ~GzipUnpacker() override { inflateEnd(&state_); }

  std::size_t read(char* target, std::size_t size) override {
    std::size_t done = 0;
    while (done < size && (in_member_ || begin_member())) {
      if (state_.avail_in == 0 && !refill()) fail("it ends early");
      const std::size_t room = std::min<std::size_t>(size - done, 1U << 30);  // zlib counts in 32 bits
      state_.next_out = reinterpret_cast<Bytef*>(target + done);
      state_.avail_out = static_cast<uInt>(room);
      const int result = inflate(&state_, Z_NO_FLUSH);
      done += room - state_.avail_out;
      if (result == Z_STREAM_END)
        in_member_ = false;
      else if (result != Z_OK)
        fail(state_.msg != nullptr ? state_.msg : zError(result));
    }
    return done;
  }

 private:
  /// Goes to the next member; false at the end of the file.
  bool begin_member() {
    do {
      while (state_.avail_in != 0 && members_ != 0 && *state_.next_in == 0) {
        ++state_.next_in;
        --state_.avail_in;
      }
    } while (state_.avail_in == 0 && refill());
    if (state_.avail_in == 0) return false;
    if (members_++ != 0 && *state_.next_in != 0x1F) fail("something else follows behind its end");
    inflateReset(&state_);
    return in_member_ = true;
  }

  bool refill() {
    stream_.read(packed_.data(), static_cast<std::streamsize>(packed_.size()));
    if (stream_.bad()) fail("it cannot be read");
    state_.next_in = reinterpret_cast<Bytef*>(packed_.data());
    state_.avail_in = static_cast<uInt>(stream_.gcount());
    return state_.avail_in != 0;
  }

  [[noreturn]] void fail(const char* reason) const {
    throw DataError(concatenate(path_.string(), ": cannot be unpacked (gzip): ", reason));
  }

  std::filesystem::path path_;
  std::ifstream stream_;
  std::vector<char> packed_;  ///< a block of the file
  z_stream state_{};
  bool in_member_ = false;
  index_t members_ = 0;  ///< begun so far
};

#endif

/// What unpacks a file; null for one that is not packed. The stream is at the file's first byte again, or taken.
/// @throws DataError naming the file and how it is packed, if this program does not unpack that
inline std::unique_ptr<Unpacker> unpacker_of(const std::filesystem::path& path, std::ifstream& stream) {
  std::array<char, 10> first{};
  stream.read(first.data(), first.size());
  const char* const packing = packing_of({first.data(), static_cast<std::size_t>(stream.gcount())});
  stream.clear();
  stream.seekg(0);
  if (packing == nullptr) return nullptr;
#ifdef SEQREC_WITH_ZLIB
  if (packing == std::string_view("gzip")) return std::make_unique<GzipUnpacker>(path, std::move(stream));
#endif
  throw DataError(concatenate(path.string(), ": is compressed (", packing, "): unpack it",
                              packing == std::string_view("gzip") ? ", or build with zlib" : ""));
}

}  // namespace detail

}  // namespace seqrec
