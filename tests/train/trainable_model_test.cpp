// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/trainable_model.hpp"

#include "seqrec/core/context_base.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Ranks, but has no store: what a scorer that is not learned might be.
struct Fixed {
  using Context = cpu::Context;
  Variable<Context> score(Tape<Context>&, const Batch<HostSpace>&, const Candidates<HostSpace>&) const;
  index_t num_items() const;
  index_t max_length() const;
};

/// Is stored, but cannot rank.
struct Mute {
  using Context = cpu::Context;
  struct Options {};
  static constexpr const char* name = "Mute";
  ParameterStore<Context>& parameters();
  const Options& options() const;
};

/// Both together.
struct Whole : Fixed, Mute {
  using Context = cpu::Context;
};

static_assert(TrainableModel<SasRec<cpu::Context>>);
static_assert(TrainableModel<AvgPool<cpu::Context>>);
static_assert(TrainableModel<Din<cpu::BasicContext<double>>>);
static_assert(Ranker<Fixed> && !Stored<Fixed> && !TrainableModel<Fixed>);
static_assert(!Ranker<Mute> && Stored<Mute> && !TrainableModel<Mute>);
static_assert(TrainableModel<Whole>);

}  // namespace

TEST_CASE("the models of the library can be trained", "[train]") {
  require_trainable<SasRec<cpu::Context>>();
  require_trainable<Whole>();
  SUCCEED("it compiles");
}
