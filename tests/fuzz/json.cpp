// SPDX-License-Identifier: Apache-2.0
// JSON of a shape that the reader is asked for: whatever the first bytes say is there.
#include "seqrec/io/json.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support.hpp"

namespace {

/// Asks for what the next byte promises; deeper than this no caller asks.
void read_value(seqrec::JsonReader& json, std::string_view shape, std::size_t depth) {
  const char kind = depth < shape.size() ? shape[depth] : 's';
  if (kind == 'o') {
    json.object([&](const std::string& key) {
      seqrec_fuzz::require(seqrec::is_utf8(key), "a key that is not UTF-8");
      read_value(json, shape, depth + 1);
    });
  } else if (kind == 'a') {
    json.array([&] { read_value(json, shape, depth + 1); });
  } else if (kind == 'i') {
    seqrec_fuzz::require(json.integer() >= 0, "a negative integer");
  } else {
    const std::string text = json.string();
    seqrec_fuzz::require(seqrec::is_utf8(text), "a string that is not UTF-8");
    seqrec_fuzz::require(seqrec::JsonReader(seqrec::quote_json(text), "quoted").string() == text,
                         "a string that is another one once it was written");
  }
}

}  // namespace

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  return {"oi\n{" + pieces(20000, [](int i) { return (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1"; }) + "}",
          "s\n\"" + pieces(50000, [](int) { return "\\u00e9"; }) + "\""};
}

/// The first line says what is asked for: letters o(bject), a(rray), i(nteger), s(tring), outermost first.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = seqrec_fuzz::text_of(data, size);
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return 0;
  return seqrec_fuzz::expect_read_or_error(size, [&] {
    seqrec::JsonReader json(input.substr(end + 1), "input");
    read_value(json, input.substr(0, end), 0);
    json.finish();
  });
}
