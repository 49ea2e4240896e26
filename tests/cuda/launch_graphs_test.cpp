// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/launch_graphs.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/context.cuh"

namespace {

using namespace seqrec_test;
using seqrec::CudaError;
using seqrec::cuda::Context;
using seqrec::cuda::LaunchGraphs;
using seqrec::cuda::LaunchList;

/// Not commutative: the order of launches shows.
template <class T>
__global__ void times_and_plus(T* value, T factor, T summand) {
  *value = *value * factor + summand;
}
template <class T, int Number>
__global__ void plus_number(T* value) {
  *value += Number;
}

void fill(LaunchList& list, double* value, const std::vector<double>& summands) {
  list.clear();
  for (const double summand : summands) list.add<times_and_plus<double>>(1, 1, 0, value, 10.0, summand);
}

/// Digits, by which a number tells which launches made it.
double digits(const std::vector<double>& summands) {
  double number = 0;
  for (const double summand : summands) number = number * 10 + summand;
  return number;
}

/// What each test begins with: nothing given, and a value of zero.
struct GivenGraphs {
  GivenGraphs() { context.clear(value.view().data, 1); }

  const Context context{};
  LaunchGraphs graphs;
  LaunchList list;
  DeviceVector<double> value{1};
};

}  // namespace

TEST_CASE_METHOD(GivenGraphs, "the same kernels with other arguments share a graph", "[cuda]") {
  DeviceVector<double> first(1), second(1);
  int given = 0;
  for (const std::vector<double>& summands : std::vector<std::vector<double>>{
           {1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 5}, {7, 2, 3, 4}, {7, 2, 3, 4}, {1, 2, 3, 4}}) {
    DeviceVector<double>& place = given % 2 == 0 ? first : second;  // lies elsewhere each time
    context.clear(place.view().data, 1);
    fill(list, place.view().data, summands);
    graphs.give(list, context.stream());
    ++given;
    context.synchronize();
    CHECK(place.to_host()[0] == digits(summands));
    CHECK(graphs.made() == (given == 1 ? 0u : 1u));
  }
}

TEST_CASE_METHOD(GivenGraphs, "a graph that is given again does not change what waits", "[cuda]") {
  for (int i = 0; i < 3; ++i) {
    fill(list, value.view().data, {1, 2, 3, static_cast<double>(4 + i)});
    graphs.give(list, context.stream());
  }
  context.synchronize();
  CHECK(value.to_host()[0] == 123412351236);
}

TEST_CASE_METHOD(GivenGraphs, "few launches are given one by one", "[cuda]") {
  for (int i = 0; i < 3; ++i) {
    fill(list, value.view().data, {1, 2});
    graphs.give(list, context.stream());
  }
  context.synchronize();
  CHECK(value.to_host()[0] == 121212);
  CHECK(graphs.made() == 0);
}

TEST_CASE_METHOD(GivenGraphs, "of many graphs those that were used last are kept", "[cuda]") {
  const auto give = [&](std::size_t launches) {
    list.clear();
    for (std::size_t i = 0; i < launches; ++i) list.add<plus_number<double, 1>>(1, 1, 0, value.view().data);
    graphs.give(list, context.stream());
  };
  double launched = 0;
  for (std::size_t i = 0; i < LaunchGraphs::most + 3; ++i)
    for (int twice = 0; twice < 2; ++twice) {
      give(LaunchGraphs::fewest_launches + i);
      launched += static_cast<double>(LaunchGraphs::fewest_launches + i);
    }
  context.synchronize();
  CHECK(value.to_host()[0] == launched);
  CHECK(graphs.made() == LaunchGraphs::most);
}

TEST_CASE_METHOD(GivenGraphs, "a graph of launches that the device refuses", "[cuda]") {
  const auto give = [&](unsigned threads) {
    list.clear();
    for (int i = 0; i < 3; ++i) list.add<plus_number<double, 1>>(1, 1, 0, value.view().data);
    list.add<plus_number<double, 1>>(1, threads, 0, value.view().data);
    graphs.give(list, context.stream());
  };
  for (int i = 0; i < 2; ++i) give(1);
  CHECK_THROWS_AS(give(2048), CudaError);
  CHECK(cudaGetLastError() == cudaSuccess);
  for (int i = 0; i < 2; ++i) give(1);  // it is made anew
  context.synchronize();
  CHECK(value.to_host()[0] == 16);
  CHECK(graphs.made() == 1);
}
