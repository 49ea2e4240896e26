// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/training_result.hpp"

#include <algorithm>
#include <cstddef>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a result says what was done and what the best weights reached", "[train]") {
  const Dataset data = synthetic_dataset({.users = 40, .items = 30, .genres = 4, .max_events = 12});
  const Split split = leave_one_out(data);
  const CandidateLists candidates = draw_candidates(split.validation, {.negatives = 9});
  AvgPool<cpu::Context> model({.items = 30, .width = 4});
  const TrainingResult result = Trainer({.epochs = 6,
                                         .batch_size = 20,
                                         .evaluate_every = 2,
                                         .validation = {.candidates = &candidates},
                                         .log = nullptr})
                                    .fit(model, split, NextItem{});
  REQUIRE(result.history.size() == 3);
  CHECK(result.epochs == 6);
  CHECK(result.steps == 12);
  CHECK_FALSE(result.interrupted);
  double best = 0;
  for (const EpochRecord& record : result.history) {
    CHECK(record.steps == 2 * record.epoch);
    CHECK(record.loss > 0);
    CHECK(record.targets_per_second > 0);
    CHECK(record.learning_rate == 1e-3);
    CHECK_FALSE(record.clicks.empty());
    best = std::max(best, record.validation["ndcg@10"]);
  }
  CHECK(result.validation["ndcg@10"] == best);
  CHECK(result.best_steps == 2 * result.best_epoch);
  CHECK(result.history[static_cast<std::size_t>(result.best_epoch / 2 - 1)].validation["ndcg@10"] == best);
}
