// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/requests.hpp"

#include <string_view>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a request asks for ten items and an answer is not cold, unless they say so", "[serve]") {
  const std::vector<std::string> ids = {"a"};
  const RecommendRequestById request{ids};
  CHECK(request.count == 10);
  CHECK(request.exclusions.empty());
  CHECK(request.profile == -1);
  CHECK(BasicScoreRequest<std::string_view>().candidates.empty());
  CHECK_FALSE(Recommendations<float>().cold);
  CHECK_FALSE(Scores<float>().cold);
  CHECK(AnswerById<double>().unknown.history == 0);
}
