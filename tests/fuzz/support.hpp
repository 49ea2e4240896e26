// SPDX-License-Identifier: Apache-2.0
// What fuzz targets share. A target is a file that defines LLVMFuzzerTestOneInput, which reads one input, and
// made_seeds, inputs that the library itself can write.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/heap.hpp"
#include "seqrec/core/errors.hpp"

namespace seqrec_fuzz {

/// What became of the last input: empty where it was read, else what was wrong with it.
inline std::string& last_error() {
  static std::string error;
  return error;
}
/// The most heap that an input took, and how large that input was.
struct MostHeap {
  std::size_t bytes = 0, input = 0;
};
inline MostHeap& most_heap() {
  static MostHeap most;
  return most;
}

/// A finding: says it and ends the program, so that libFuzzer keeps the input.
[[noreturn]] inline void finding(const std::string& what) {
  std::fprintf(stderr, "FINDING: %s\n", what.c_str());
  std::abort();
}
inline void require(bool holds, const char* what) {
  if (!holds) finding(what);
}

/// That a message fits a terminal; it may have several lines.
inline void require_printable(const std::string& text) {
  if (text.empty() || text.size() > 2000) finding(seqrec::concatenate("a message has ", text.size(), " bytes: ", text));
  if (std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && ((c < ' ' && c != '\n') || c == 0x7F); }))
    finding("a message holds a control character: " + text);
}

/// Memory that an input may take: a base for buffers and tables, and so many bytes for each of its own.
struct HeapBound {
  std::size_t base = 64 << 10, for_each_byte = 64;
};

/// Calls `read`, which may end in a seqrec::Error and in nothing else: any other exception ends the program. Its
/// message must fit a terminal, and the heap must stay within bounds.
template <class Read>
int expect_read_or_error(std::size_t size, Read&& read, HeapBound bound = {}) {
  std::string error;
  bool failed = false;
  watch_heap();
  try {
    read();
  } catch (const seqrec::Error& caught) {
    failed = true;
    error = caught.what();
  }
  const std::size_t peak = heap_peak(), most = bound.base + bound.for_each_byte * size;
  if (peak > most)
    finding(seqrec::concatenate("an input of ", size, " bytes took ", peak, " bytes of heap, expected at most ", most));
  if (peak > most_heap().bytes) most_heap() = {peak, size};
  if (failed) {
    require_printable(error);
    require(error.find('\n') == error.npos, "an error of several lines");
  }
  last_error() = std::move(error);
  return 0;
}

/// A folder for the files of one input after the other, removed when the program ends as it should. TMPDIR says where;
/// memory (/dev/shm) is fastest.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "seqrec-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) finding("cannot create " + name);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  /// Replaces the content of a file.
  std::filesystem::path write(std::string_view name, std::string_view bytes) const {
    std::filesystem::path path = path_ / name;
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::string read(std::string_view name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};

/// Several files in one input: a line "@@ NAME" begins the file of that name, where it is one of `names`; what stands
/// before is of the first of them. Files that an input lacks are removed.
/// @param options  gets the text of the file "options", which is not written
/// @return whether the target can go on: packed files have a target of their own, where memory is bounded otherwise
inline bool write_files(const Folder& folder, std::string_view input, std::initializer_list<std::string_view> names,
                        std::string_view& options) {
  std::string_view name = *names.begin();
  std::vector<std::pair<std::string_view, std::string_view>> files;
  std::size_t begin = 0;
  const auto close = [&](std::size_t end) { files.emplace_back(name, input.substr(begin, end - begin)); };
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t end = std::min(input.find('\n', at), input.size());
    const std::string_view line = input.substr(at, end - at);
    const std::string_view named = line.starts_with("@@ ") ? line.substr(3) : std::string_view();
    if (named == "options" || std::find(names.begin(), names.end(), named) != names.end()) {
      close(at);
      name = named;
      begin = std::min(end + 1, input.size());
    }
    at = end + 1;
  }
  close(input.size());
  for (const auto& [each, text] : files)
    if (each == "options") options = text;
  for (const std::string_view each : names) {
    const auto file =
        std::find_if(files.rbegin(), files.rend(), [&](const auto& entry) { return entry.first == each; });
    if (file == files.rend())
      ::unlink((folder / each).c_str());
    else if (file->second.starts_with("\x1F\x8B"))
      return false;
    else
      folder.write(each, file->second);
  }
  return true;
}

/// piece(0), piece(1), ... as one text, for inputs that show that memory goes with the file's size: a fuzzer's own are
/// too small for that, and are lost in the base.
template <class Piece>
std::string pieces(int count, Piece&& piece) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece(i);
  return text;
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}

}  // namespace seqrec_fuzz
