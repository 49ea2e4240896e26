// SPDX-License-Identifier: Apache-2.0
// The decay of the rows that a step has touched, a quarter of a table, beside plain loops.

#include "harness.hpp"
#include "seqrec/cpu/decay_rows.hpp"

namespace {

using namespace benchmarks;

class Decay {
 public:
  explicit Decay(const benchmark::State& state)
      : table_(random_matrix(state.range(0), state.range(1), 1)),
        shares_(random_vector(state.range(0), 2)),
        found_(random_matrix(state.range(0), state.range(1), 3)),
        expected_(random_matrix(state.range(0), state.range(1), 3)) {
    for (index_t row = 0; row < table_.rows(); ++row)
      for (index_t d = 0; d < table_.columns(); ++d)
        if (row % 4 != 0) found_.view()(row, d) = expected_.view()(row, d) = 0;
  }

  index_t pieces() const { return 1; }
  void run(index_t) {
    seqrec::ops::decay_rows(context_, seqrec::DecayRows<Context>{table_.view(), shares_.view(), found_.view()});
  }
  void baseline(index_t) {
    for (index_t row = 0; row < table_.rows(); ++row) {
      bool touched = false;
      for (index_t d = 0; d < table_.columns(); ++d) touched = touched || expected_.view()(row, d) != 0;
      for (index_t d = 0; touched && d < table_.columns(); ++d)
        expected_.view()(row, d) += shares_.view()(row) * table_.view()(row, d);
    }
  }
  std::vector<Result> results() const { return {{elements(found_), elements(expected_)}}; }
  Cost cost() const { return {static_cast<double>(table_.rows()), 0}; }

 private:
  Context context_;
  Matrix table_;
  Vector shares_;
  Matrix found_, expected_;
};

const bool registered = compare<Decay>("decay_rows", "plain_loops", {"V", "D"}, {{1682, 64}, {20000, 64}});

}  // namespace
