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

#include <chrono>
#include <iostream>
#include <vector>

#include "common/baseline_run.hpp"
#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "common/options.hpp"
#include "common/report.hpp"
#include "common/table.hpp"
#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"

namespace {

struct Settings {
  examples::Options shared;
  seqrec::ItemKnnOptions item_knn;
  seqrec::TransitionKnnOptions transition_knn;
};

void declare(examples::CommandLine& line, Settings& settings) {
  using examples::at_least, examples::not_negative;
  examples::add_data_options(line, settings.shared);
  seqrec::ItemKnnOptions& items = settings.item_knn;
  line.number("--neighbours", items.neighbours, at_least(0), "of an item that item-kNN keeps; 0 keeps all");
  line.number("--item-history", items.max_history, at_least(1), "how many last events item-kNN reads");
  line.number("--cosine-shrinkage", items.shrinkage, not_negative(), "added to the divisor of item-kNN's cosines");
  seqrec::TransitionKnnOptions& transitions = settings.transition_knn;
  line.number("--max-gap", transitions.max_gap, at_least(1), "how far apart transition-kNN looks for pairs of events");
  line.number("--transition-history", transitions.max_history, at_least(1),
              "how many last events transition-kNN reads");
  line.number("--decay", transitions.decay, examples::positive(), "of an event's influence, to the power of its age");
  line.number("--count-shrinkage", transitions.shrinkage, not_negative(), "added to transition-kNN's item counts");
}

/// Builds a baseline and judges it.
template <class Scorer, class... Options>
examples::BaselineDescription judge(const examples::Experiment& experiment, const Options&... options) {
  const auto begin = std::chrono::steady_clock::now();
  const Scorer scorer(experiment.split(), options...);
  const std::chrono::duration<double> building = std::chrono::steady_clock::now() - begin;
  examples::NamedValues values;
  if constexpr (sizeof...(Options) > 0) values = examples::named_values(scorer.options());
  return {Scorer::name, values, experiment, examples::test_baseline(scorer, experiment, building.count())};
}

}  // namespace

int main(int argc, char** argv) {
  examples::CommandLine line("Evaluates recommenders that are not trained: popularity, item-kNN and transition-kNN.");
  Settings settings;
  declare(line, settings);
  return line.run(argc, argv, [&] {
    const examples::Experiment experiment(settings.shared, examples::find_data(settings.shared, "ml-100k"));
    const std::vector<examples::BaselineDescription> baselines = {
        judge<seqrec::Popularity>(experiment), judge<seqrec::ItemKnn>(experiment, settings.item_knn),
        judge<seqrec::TransitionKnn>(experiment, settings.transition_knn)};
    std::vector<examples::TableRow> rows;
    for (const examples::BaselineDescription& baseline : baselines) {
      const seqrec::Evaluation& test = baseline.run.test;
      rows.push_back({baseline.model, test.protocol, test.ranking, test.clicks});
    }
    for (const examples::BaselineDescription& baseline : baselines) {
      const seqrec::Evaluation& test = baseline.run.test_full;
      if (experiment.test_candidates() != nullptr) rows.push_back({baseline.model, test.protocol, test.ranking});
    }
    examples::print_table(std::cout, rows);
    examples::write_baseline_report(settings.shared.json, baselines);
  });
}
