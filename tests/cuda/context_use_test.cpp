// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/context_use.cuh"

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "cuda/device_support.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/elementwise.cuh"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec;

__global__ void write_one(float* value) { *value = 1; }

/// What an action throws in another thread, as text; empty when it throws nothing.
template <class Action>
std::string message_elsewhere(Action action) {
  std::string message;
  std::jthread([&] {
    try {
      action();
    } catch (const ContextInUseError& error) {
      message = error.what();
    }
  }).join();
  return message;
}

}  // namespace

TEST_CASE("a context that is idle goes from thread to thread", "[cuda]") {
  cuda::Context context;
  float* const value = context.vector(1).data;
  const auto launch = [&] { cuda::launch<write_one>(context, {1, 1}, value); };
  launch();
  CHECK(message_elsewhere(launch).empty());
  launch();
  CHECK(message_elsewhere(launch).empty());
}

TEST_CASE("a context that a thread works with refuses others", "[cuda]") {
  cuda::Context context;
  const auto a = context.matrix(1, 1);
  const MatrixView<const float, DeviceSpace> b = a;
  const auto launch = [&] { cuda::launch<write_one>(context, {1, 1}, a.data); };
  launch();
  std::optional<cuda::Context::Use> outer(context.use());
  {
    const auto inner = context.use();
    CHECK_NOTHROW(launch());
    CHECK_THAT(message_elsewhere(launch),
               ContainsSubstring("a cuda::Context is used by two threads at once, expected one at a time"));
    CHECK_FALSE(message_elsewhere([&] { cuda::gemm(context, b, b, context.matrix(1, 1)); }).empty());
  }
  CHECK_FALSE(message_elsewhere(launch).empty());
  outer.reset();
  CHECK(message_elsewhere(launch).empty());
}

TEST_CASE("a tape uses its context as long as it lives", "[cuda]") {
  cuda::Context context;
  float* const value = context.vector(1).data;
  const auto launch = [&] { cuda::launch<write_one>(context, {1, 1}, value); };
  {
    const Tape<cuda::Context> tape(context, Mode::inference);
    CHECK_NOTHROW(launch());
    CHECK_FALSE(message_elsewhere(launch).empty());
    CHECK_FALSE(message_elsewhere([&] { Tape<cuda::Context>(context, Mode::training); }).empty());
  }
  CHECK(message_elsewhere([&] { Tape<cuda::Context>(context, Mode::training); }).empty());
}

TEST_CASE("a use that ends by an exception has ended", "[cuda]") {
  cuda::Context context;
  try {
    [[maybe_unused]] const auto use = context.use();
    throw std::runtime_error("whatever");
  } catch (const std::runtime_error&) {
  }
  CHECK(message_elsewhere([&] { const auto use = context.use(); }).empty());
}
