// SPDX-License-Identifier: Apache-2.0
// Evaluate what needs no training: popularity, item-kNN and transition-kNN, the baselines that a model has to beat.
//
// You learn   what a figure is worth: a sequential model that is not ahead of transition-kNN has learned nothing new.
//             And how anything that scores a catalogue is judged under the same protocol as a trained model.
// Run         ./examples/run evaluate_baselines --data DIR [--candidates 100] [--json result.json]; --help lists all
//             options.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      a second; on MovieLens-100K among 1 + 99 candidates per-user AUC of .80, .85 and .90. --decay 0.6 suits
//             MovieLens-1M, which takes ten seconds.

#include <iostream>
#include <vector>

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/report.hpp"
#include "common/table.hpp"
#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"

int main(int argc, char** argv) {
  examples::DataOptions shared;
  seqrec::ItemKnnOptions items;
  seqrec::TransitionKnnOptions transitions;
  examples::CommandLine line("Evaluates recommenders that are not trained: popularity, item-kNN and transition-kNN.");
  shared.declare(line);
  line.options(items, {{"max_history", "--item-history"}, {"shrinkage", "--cosine-shrinkage"}});
  line.options(transitions, {{"max_history", "--transition-history"}, {"shrinkage", "--count-shrinkage"}});
  return line.run(argc, argv, [&] {
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-100k"));
    const examples::Candidates candidates(split, shared);
    const std::vector<examples::RunDescription> runs = {
        examples::describe_baseline(seqrec::Popularity(split), split, candidates),
        examples::describe_baseline(seqrec::ItemKnn(split, items), split, candidates),
        examples::describe_baseline(seqrec::TransitionKnn(split, transitions), split, candidates)};
    examples::print_table(std::cout, examples::test_rows(runs));
    examples::write_report(shared.json, runs);
  });
}
