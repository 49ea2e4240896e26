// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/recency_mean.cuh"

#include <cmath>
#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;

template <class S>
__global__ void write_weights(RecencyWeights<S> weights, index_t place, S* out) {
  out[threadIdx.x] = weights(place, threadIdx.x);
}

}  // namespace

TEST_CASE("recency weights of every row add up to 1, whatever the first rows see of them", "[cuda]") {
  // The highest comes late: until then rows have a highest of their own.
  const std::vector<double> recency = {-800, 0, 900, 899, 901};
  const auto on_device = to_device(recency);
  BasicContext<double> context;
  const RecencyWeights<double> weights = recency_weights<double>(context, on_device.view());
  for (const index_t place : {0, 1, 2, 3, 4, 5, 40}) {
    CAPTURE(place);
    DeviceVector<double> out(place + 1);
    launch<write_weights<double>>(context, {1, static_cast<unsigned>(place + 1)}, weights, place, out.view().data);
    const std::vector<double> found = out.to_host();
    double sum = 0, powers = 0;
    const auto power = [&](index_t distance) {
      return std::exp(recency[static_cast<std::size_t>(distance < 4 ? distance : 4)] - (place < 2 ? 0 : 901));
    };
    for (index_t d = 0; d <= place; ++d) powers += power(d);
    for (index_t d = 0; d <= place; ++d) {
      sum += found[static_cast<std::size_t>(d)];
      if (place > 0) CHECK(found[static_cast<std::size_t>(d)] == Approx(power(d) / powers).margin(1e-12));
    }
    CHECK(sum == Approx(1));
  }
}
