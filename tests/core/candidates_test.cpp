// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/candidates.hpp"

#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_trivially_copyable_v<Candidates<DeviceSpace>>);

namespace {

/// Two users with histories of 3 and 0 items, and what is asked of them.
struct Asked {
  std::vector<item_t> history = {5, 6, 7}, items = {1, 2, 3, 4};
  std::vector<offset_t> history_offsets = {0, 3, 3}, offsets = {0, 3, 4}, visible = {0, 1, 3, 0};
  index_t window = 0;

  Candidates<HostSpace> made() const {
    const auto view = [](const auto& values) {
      return VectorView<const offset_t, HostSpace>(values.data(), std::ssize(values));
    };
    const Batch<HostSpace> batch = make_batch({history.data(), std::ssize(history)}, view(history_offsets));
    return make_candidates(batch, {{items.data(), std::ssize(items)}, view(offsets)}, view(visible), window);
  }
};

}  // namespace

TEST_CASE("candidates know how many rows they see together", "[core]") {
  Asked asked;
  CHECK(asked.made().pairs == 0 + 1 + 3 + 0);
  CHECK(asked.made().window == 3);  // the whole history
  CHECK(asked.made().size() == 4);
  asked.window = 2;
  CHECK(asked.made().pairs == 0 + 1 + 2 + 0);
  CHECK(asked.made().window == 2);
  CHECK_FALSE(Candidates<HostSpace>{});
}

TEST_CASE("candidates of users without history see nothing, in a window of one", "[core]") {
  Asked asked{.history = {}, .items = {1}};
  asked.history_offsets = {0, 0};
  asked.offsets = {0, 1};
  asked.visible = {0};
  CHECK(asked.made().window == 1);
  CHECK(asked.made().pairs == 0);
}

TEST_CASE("candidates that do not fit their histories are refused", "[core]") {
  const auto message = [](const Asked& asked) { return seqrec_test::message_of<Error>([&] { asked.made(); }); };
  Asked asked;
  asked.visible[2] = 4;
  CHECK(message(asked) == "make_candidates visible[2] is 4, expected 1 to 3, ascending within a user");
  asked.visible = {1, 0, 3, 0};
  CHECK(message(asked) == "make_candidates visible[1] is 0, expected 1 to 3, ascending within a user");
  asked.visible = {0, 1, 3, 1};
  CHECK(message(asked) == "make_candidates visible[3] is 1, expected 0 to 0, ascending within a user");
  asked = {};
  asked.visible.pop_back();
  CHECK(message(asked) == "make_candidates: size of visible is 3, expected 4");
  asked = {};
  asked.offsets = {0, 4};
  CHECK(message(asked) == "make_candidates: segments of items is 1, expected 2");
  asked = {};
  asked.window = -1;
  CHECK(message(asked) == "make_candidates window is -1, expected at least 1, or 0 for the whole history");
}
