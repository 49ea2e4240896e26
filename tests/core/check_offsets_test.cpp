// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/check_offsets.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

template <class Space = HostSpace>
VectorView<const offset_t, Space> view(const std::vector<offset_t>& values) {
  return {values.data(), std::ssize(values)};
}

std::string offsets_message(const std::vector<offset_t>& offsets, index_t size) {
  return message_of<ShapeError>([&] { check_offsets("op", "offsets", view(offsets), size); });
}
std::string longest_message(const std::vector<offset_t>& offsets, index_t longest) {
  return message_of<ShapeError>([&] { check_longest("op", view(offsets), offsets.back(), longest); });
}

}  // namespace

TEST_CASE("offsets ascend from nothing to all rows", "[core][errors]") {
  const std::vector<offset_t> good = {0, 0, 3, 3, 4}, none = {0}, empty = {0, 0};
  CHECK_NOTHROW(check_offsets("op", "offsets", view(good), 4));
  CHECK_NOTHROW(check_offsets("op", "offsets", view(none), 0));
  CHECK_NOTHROW(check_offsets("op", "offsets", view(empty), 0));
  CHECK_NOTHROW(check_offsets("op", "offsets", VectorView<const offset_t, HostSpace>{}, 0));
  CHECK(offsets_message({0, 3, 4}, 5) == "op: offsets(2) is 4, expected 5, the number of rows");
  CHECK(offsets_message({-1, 4}, 4) == "op: offsets(0) is -1, expected 0");
  CHECK(offsets_message({0, 4, 3, 5}, 5) == "op: offsets(2) is 3, expected at least 4, offsets(1)");
  CHECK(offsets_message({}, 2) == "op: offsets is missing, expected where the segments of 2 rows begin");
}

TEST_CASE("no history is longer than the longest", "[core][errors]") {
  const std::vector<offset_t> good = {0, 0, 3, 4};
  CHECK_NOTHROW(check_longest("op", view(good), 4, 3));
  CHECK_NOTHROW(check_longest("op", view(good), 4, 30));
  CHECK_NOTHROW(check_longest("op", VectorView<const offset_t, HostSpace>{}, 0, 0));
  CHECK(longest_message(good, 0) == "op: longest is 0, expected at least 1 for 4 rows");
  CHECK(longest_message(good, 2) == "op: longest is 2, expected at least 3, the length of history 1");
}

TEST_CASE("a candidate sees rows of its own history", "[core][errors]") {
  const std::vector<offset_t> offsets = {0, 3, 4}, candidates = {0, 2, 3};
  const auto message = [&](const std::vector<offset_t>& visible) {
    return message_of<ShapeError>([&] { check_visible("op", view(offsets), view(candidates), view(visible)); });
  };
  const std::vector<offset_t> good = {0, 3, 1};
  CHECK_NOTHROW(check_visible("op", view(offsets), view(candidates), view(good)));
  CHECK(message({0, 4, 1}) == "op: visible(1) is 4, expected 0 .. 3, the length of history 0");
  CHECK(message({0, 3, 2}) == "op: visible(2) is 2, expected 0 .. 1, the length of history 1");
  CHECK(message({-1, 3, 1}) == "op: visible(0) is -1, expected 0 .. 3, the length of history 0");
}

TEST_CASE("device memory is never read, what the host knows is checked", "[core][errors]") {
  const auto* nowhere = reinterpret_cast<const offset_t*>(64);  // to be read would be a fault
  const VectorView<const offset_t, DeviceSpace> offsets(nowhere, 3);
  CHECK_NOTHROW(check_offsets("op", "offsets", offsets, 4));
  CHECK_NOTHROW(check_longest("op", offsets, 4, 3));
  CHECK_NOTHROW(check_visible("op", offsets, offsets, offsets));
  CHECK(message_of<ShapeError>([&] { check_longest("op", offsets, 4, 0); }) ==
        "op: longest is 0, expected at least 1 for 4 rows");
  CHECK(message_of<ShapeError>([&] { check_offsets("op", "offsets", VectorView<const offset_t, DeviceSpace>{}, 4); }) ==
        "op: offsets is missing, expected where the segments of 4 rows begin");
}
