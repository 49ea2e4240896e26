// SPDX-License-Identifier: Apache-2.0
// The whole AvgPool against PyTorch: what it computes, its losses, and the gradient of every parameter.
#include <string>

#include "seqrec/models/avg_pool.hpp"
#include "support/golden_model.hpp"

using namespace seqrec_test;
using Model = seqrec::AvgPool<DoubleContext>;

TEST_CASE("AvgPool agrees with PyTorch", "[models]") {
  const std::string name = GENERATE(as<std::string>{}, "tied_none_bce", "tied_linear_softmax", "separate_none_softmax",
                                    "separate_linear_bce");
  CAPTURE(name);
  Golden golden("avg_pool_" + name);
  Model model = model_of<Model>(golden);
  check_gradients_of(golden, model);
}

TEST_CASE("AvgPool's states and scores agree with PyTorch", "[models]") {
  Golden golden(GENERATE(as<std::string>{}, "avg_pool_tied_none_bce", "avg_pool_separate_linear_bce"));
  check_states_and_scores_of(golden, model_of<Model>(golden));
}
