// SPDX-License-Identifier: Apache-2.0
// The one place that knows which Catch2 is installed: 2.13 (Debian 12) or 3 (newer). Tests include this and nothing
// of Catch2 itself.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
using Catch::Approx;  // Catch2 2 declares it globally itself
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
namespace seqrec_test_support {
/// Catch2 3's name for what Catch2 2 calls Contains.
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
}  // namespace seqrec_test_support
using seqrec_test_support::ContainsSubstring;
#endif

#include <string>

namespace seqrec_test {

/// What `action` throws as `Exception`, as text; fails the test when it throws nothing.
template <class Exception, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Exception& error) {
    return error.what();
  }
  FAIL("expected an exception, none was thrown");
  return {};
}

}  // namespace seqrec_test
