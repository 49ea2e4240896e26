// SPDX-License-Identifier: Apache-2.0
#include "seqrec/objectives/objective.hpp"

#include <string>

#include "seqrec/core/context_base.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Model {
  using Context = ContextBase<float, float, HostSpace>;
};

/// The least that an objective can be.
struct Least {
  BatchPlan plan() const { return {.next_items = false, .negatives = 0, .next_index = false}; }
  std::string name() const { return "least"; }
  void check() const {}
  template <class AModel, class Context>
  void operator()(const AModel&, Tape<Context>&, const TrainingBatch<typename Context::Space>&) const {}
};
struct WithoutPlan : Least {
  void plan() const {}
};
struct WithoutName : Least {
  int name() const { return 0; }
};
struct WithoutCall : Least {
  void operator()() const {}
};

static_assert(Objective<Least> && ObjectiveOf<Least, Model>);
static_assert(Objective<NextItem> && ObjectiveOf<NextItem, Model>);
static_assert(Objective<Click> && ObjectiveOf<Click, Model>);
static_assert(!Objective<WithoutPlan> && !ObjectiveOf<WithoutPlan, Model>);
static_assert(!Objective<WithoutName>);
static_assert(Objective<WithoutCall> && !ObjectiveOf<WithoutCall, Model>);
static_assert(!Objective<int>);

}  // namespace

TEST_CASE("objectives say what their batches must hold", "[train]") {
  const BatchPlan bce = NextItem{.loss = BinaryCrossEntropy{}, .negatives = 3}.plan();
  CHECK(bce.negatives == 3);
  CHECK(bce.next_index);
  CHECK_FALSE(bce.clicks);
  CHECK_FALSE(bce.log_probability);
  const BatchPlan full = NextItem{.loss = FullSoftmax{}}.plan();
  CHECK(full.negatives == 0);
  CHECK(full.next_items);
  CHECK_FALSE(full.next_index);  // the catalogue's gradient is a product, not a sum of rows
  const BatchPlan softmax = NextItem{.loss = SampledSoftmax{},
                                     .negatives = 8,
                                     .sampling = {.popularity_exponent = 0.5, .reject_seen = false},
                                     .sharing = NegativeSharing::per_batch}
                                .plan();
  CHECK(softmax.log_probability);
  CHECK(softmax.sharing == NegativeSharing::per_batch);
  CHECK(softmax.sampling.popularity_exponent == 0.5);
  const BatchPlan click = Click{.negatives = 2, .sampling = {.reject_seen = false}}.plan();
  CHECK(click.clicks);
  CHECK(click.negatives == 2);
  CHECK_FALSE(click.sampling.reject_seen);
  for (const BatchPlan& plan : {bce, full, softmax, click}) CHECK_NOTHROW(plan.check());
}

TEST_CASE("who shares negatives is part of an objective's name and of its checks", "[train]") {
  const NextItem by_user{.loss = BinaryCrossEntropy{}, .negatives = 8, .sharing = NegativeSharing::per_user};
  CHECK(by_user.name() == "next item, binary cross-entropy, 8 negatives a user");
  CHECK_NOTHROW(by_user.check());
  NextItem by_batch{.loss = BinaryCrossEntropy{}, .negatives = 8, .sharing = NegativeSharing::per_batch};
  CHECK_THROWS_WITH(by_batch.check(), ContainsSubstring("reject_seen is true, expected false where a batch shares"));
  by_batch.sampling.reject_seen = false;
  CHECK_NOTHROW(by_batch.check());
  CHECK(by_batch.name() == "next item, binary cross-entropy, 8 negatives a batch, seen items among them");
  NextItem in_batch{.loss = InfoNce{}, .negatives = 8, .sharing = NegativeSharing::in_batch};
  CHECK_NOTHROW(in_batch.check());
  CHECK(in_batch.name() == "next item, InfoNCE, temperature 1, 8 negatives of the batch's own");
  const BatchPlan own = Click{.negatives = 8, .sharing = NegativeSharing::in_batch}.plan();
  CHECK((own.clicks && own.in_batch() && own.columns() == 9 && own.sampling.reject_seen));
  CHECK((own.sampling.popularity_exponent == 1 && !own.log_probability));
  in_batch.sampling.distinct = true;
  CHECK_THROWS_WITH(in_batch.check(), ContainsSubstring("distinct is true, expected false in_batch"));
  in_batch.sampling = {.popularity_exponent = 0.5};
  CHECK_THROWS_WITH(in_batch.check(), ContainsSubstring("popularity_exponent is 0.5, expected nothing but 1 in_batch"));
}
