// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/run_identity.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Fixture {
  Dataset data = synthetic_dataset({.users = 12, .items = 20, .genres = 4, .max_events = 9});
  Split split = leave_one_out(data);

  template <class Model, class Objective>
  std::map<std::string, std::string> identity(const Model& model, const Objective& objective,
                                              const TrainerOptions& options = {}) const {
    std::map<std::string, std::string> fields;
    RunIdentity(model, split, objective, options).write(fields);
    return fields;
  }
};

}  // namespace

TEST_CASE("two runs have one identity if and only if they would have the same bits", "[train]") {
  const Fixture f;
  using Pool = AvgPool<cpu::Context>;
  const Pool model({.items = 20, .width = 4});
  const auto same = f.identity(model, NextItem{});
  CHECK(f.identity(Pool({.items = 20, .width = 4}), NextItem{}) == same);
  CHECK(f.identity(model, NextItem{}, {.epochs = 3, .team = {.threads = 3}, .log = nullptr}) == same);
  CHECK(f.identity(Pool({.items = 20, .width = 5}), NextItem{}) != same);
  CHECK(f.identity(model, NextItem{.negatives = 2}) != same);
  CHECK(f.identity(model, NextItem{.sampling = {.popularity_exponent = 0.5}}) != same);
  CHECK(f.identity(model, NextItem{.sharing = NegativeSharing::per_user}) != same);
  CHECK(f.identity(model, NextItem{.loss = Bpr{}}) != same);
  CHECK(f.identity(model, Click{}) != same);
  CHECK(f.identity(model, NextItem{}, {.learning_rate = 2e-3}) != same);
  CHECK(f.identity(model, NextItem{}, {.seed = 1}) != same);
  const auto frozen = f.identity(model, NextItem{}, {.frozen = {"item_embedding"}});
  CHECK(frozen != same);
  CHECK(f.identity(model, NextItem{}, {.frozen = {"output_embedding", "item_embedding"}}) != frozen);
  CHECK(f.identity(model, NextItem{}, {.validation = {.top_k = {5, 10}}}) != same);
  CHECK(f.identity(model, NextItem{}, {.validation = {.seen = SeenItems::ranked}}) != same);
  const CandidateLists candidates = draw_candidates(f.split.validation, {.negatives = 3});
  CHECK(f.identity(model, NextItem{}, {.validation = {.candidates = &candidates}}) != same);
  const Din<cpu::Context> din({.items = 20, .width = 4});
  CHECK(f.identity(din, Click{}) != f.identity(model, Click{}));
}

TEST_CASE("features belong to a run's identity", "[train]") {
  Fixture f;
  const Din<cpu::Context> model({.items = 20, .width = 4});
  const auto with = f.identity(model, Click{});
  f.data.item_features = {};
  f.split = leave_one_out(f.data);
  CHECK(f.identity(model, Click{}) != with);
}

TEST_CASE("the ids of items belong to a run's identity", "[train]") {
  Fixture f;
  const AvgPool<cpu::Context> model({.items = 20, .width = 4});
  const auto before = f.identity(model, NextItem{});
  std::vector<std::string> ids;
  for (index_t item = 0; item < 20; ++item) ids.emplace_back(f.data.item_ids[item]);
  std::swap(ids[3], ids[4]);  // the events are the same numbers, and so is their hash
  f.data.item_ids = Vocabulary(ids);
  f.split = leave_one_out(f.data);
  const auto after = f.identity(model, NextItem{});
  CHECK(after.at("run.data hash") == before.at("run.data hash"));
  CHECK(after.at("run.item ids") != before.at("run.item ids"));
}
