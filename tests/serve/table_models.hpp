// SPDX-License-Identifier: Apache-2.0
// Two models that score an item by its entry in a table, whoever asks: one of each kind.
#pragma once

#include <algorithm>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "support/toy.hpp"

namespace seqrec_test {

/// The table, which may hold any numbers and none.
class TableModel {
 public:
  using Context = DoubleContext;

  explicit TableModel(const std::vector<double>& scores)
      : table_(parameters_.scope().matrix("table", static_cast<index_t>(scores.size()), 1,
                                          seqrec::Initialiser::constant(0))) {
    parameters_.initialise(seqrec::InitialValues::zero, 1);
    std::copy(scores.begin(), scores.end(), table_.view().data);
  }
  index_t num_items() const { return table_.rows(); }
  index_t max_length() const { return 4; }

 protected:
  seqrec::ParameterStore<Context> parameters_;
  seqrec::MatrixParameter<Context> table_;
};

/// Its states are 1.
struct StaticTable : TableModel {
  using TableModel::TableModel;
  seqrec::Variable<Context> encode(seqrec::Tape<Context>& tape, const seqrec::Batch<seqrec::HostSpace>& batch) const {
    const auto y = tape.variable(batch.rows(), 1);
    std::fill_n(y.value().data, batch.rows(), 1.0);
    return y;
  }
  seqrec::ItemHeadParameters<Context> item_head() const { return {&table_}; }
};

/// Looks at each candidate.
struct CandidateTable : TableModel {
  using TableModel::TableModel;
  seqrec::Variable<Context> score(seqrec::Tape<Context>& tape, const seqrec::Batch<seqrec::HostSpace>&,
                                  const seqrec::Candidates<seqrec::HostSpace>& candidates) const {
    const auto y = tape.variable(candidates.size(), 1);
    for (index_t c = 0; c < candidates.size(); ++c) y.value()(c, 0) = table_.view()(candidates.items.values(c), 0);
    return y;
  }
};

}  // namespace seqrec_test
