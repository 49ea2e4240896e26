// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/layers/embedding.hpp"
#include "seqrec/models/static_encoder.hpp"
#include "support/toy.hpp"

namespace seqrec_test {

/// The smallest static encoder whose head has a bias: a history's state is the vector of its last item.
class BiasedModel {
 public:
  using Context = DoubleContext;

  BiasedModel(index_t items, index_t width)
      : items_(parameters_.scope("items"), items, width, seqrec::Initialiser::normal(1)),
        output_(parameters_.scope("output"), items, width, seqrec::Initialiser::normal(1)),
        bias_(parameters_.scope("output").vector("bias", items, seqrec::Initialiser::constant(0))) {
    parameters_.initialise(seqrec::InitialValues::drawn, 5);
    randomise(*this, 7);
  }

  seqrec::Variable<Context> encode(seqrec::Tape<Context>& tape, const seqrec::Batch<seqrec::HostSpace>& batch) const {
    return seqrec::embed_sequence<Context>(tape, batch, items_, nullptr, {});
  }
  seqrec::ItemHeadParameters<Context> item_head() const { return {&output_.weight, &bias_}; }
  index_t num_items() const { return items_.rows(); }
  index_t max_length() const { return 50; }
  seqrec::ParameterStore<Context>& parameters() { return parameters_; }
  const seqrec::ParameterStore<Context>& parameters() const { return parameters_; }

  /// s = h e_v + b_v by hand, for a state h.
  template <class State>
  double score(const State& state, item_t item) const {
    double sum = bias_.view()(item);
    for (index_t d = 0; d < output_.width(); ++d) sum += state(d) * output_.weight.view()(item, d);
    return sum;
  }

 private:
  seqrec::ParameterStore<Context> parameters_;
  seqrec::Embedding<Context> items_, output_;
  seqrec::VectorParameter<Context> bias_;
};

static_assert(seqrec::StaticEncoder<BiasedModel>);

}  // namespace seqrec_test
