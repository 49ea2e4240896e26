// SPDX-License-Identifier: Apache-2.0
// Train GRU4Rec as its authors do, on sessions in parallel lanes, and compare it with baselines on the same sessions.
//
// You learn   what a session is, how sessions are cut out of a log and held out, and what a recurrent state knows that
//             the last item does not.
// Run         ./examples/run train_gru4rec_sessions --data clicks.csv --user-column session_id
//             ./examples/run train_gru4rec_sessions --data ml-1m --gap 1800 --test-days 7 --validation-days 7
//             --help lists all options; --batch-size is the number of lanes.
// Data        as --data, a log with a column of sessions, read for the users, or one of users that is cut where they
//             pause for more than --gap seconds. Without it, made-up walks of which it is known how well they can be
//             predicted.
// Expect      with --quick some ten seconds. On the walks Recall@20 and MRR@20 above item-kNN and transition-kNN, and
//             close to the best possible (docs/results.md).

#include <iomanip>
#include <iostream>
#include <vector>

#include "common/backend.hpp"
#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "common/walks.hpp"
#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/data/readers/load.hpp"
#include "seqrec/data/sessions.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/objectives/session_next_item.hpp"
#include "seqrec/train/session_trainer.hpp"

namespace {

/// Users are the sessions of a file, unless a gap is given; those of the walks end with a pause.
seqrec::Dataset read_events(const examples::DataOptions& shared, const examples::WalkOptions& made_up,
                            seqrec::SessionOptions& sessions) {
  if (!shared.data.empty()) return seqrec::load_dataset(shared.data, shared.read);
  std::cout << "*** SYNTHETIC DATA: made-up walks along a ring of items\n";
  if (sessions.gap == 0) sessions.gap = 1800;
  return examples::walks(made_up);
}

/// One line for each of those who were judged: what the literature on sessions reports.
void print_sessions(const std::vector<examples::RunDescription>& runs) {
  const auto evaluation = [](const examples::RunDescription& run) -> const seqrec::Evaluation& {
    return run.figures.test ? run.figures.test->full : run.figures.validation;
  };
  std::cout << evaluation(runs.front()).protocol << ", every event but the first of "
            << evaluation(runs.front()).ranking.users << " in sessions\n"
            << "  " << std::left << std::setw(18) << "model" << std::right << "  Recall@20   MRR@20\n";
  for (const examples::RunDescription& run : runs)
    std::cout << "  " << std::left << std::setw(18) << run.title << std::right << "  "
              << seqrec::concatenate(std::fixed, std::setprecision(4), "   ", evaluation(run)["recall@20"], "   ",
                                     evaluation(run)["mrr@20"])
              << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  using Model = seqrec::Gru4Rec<examples::Context>;
  examples::DataOptions shared{.candidates = 0, .seen = seqrec::SeenItems::ranked};
  examples::TrainingOptions training{.trainer = seqrec::session_trainer_options()};
  training.trainer.seed = 1;
  seqrec::SessionNextItem objective{.negatives = 128};
  seqrec::Gru4RecOptions options{.reset = seqrec::GruReset::before_product, .item_bias = true, .initial_deviation = 0};
  seqrec::SessionOptions cut;
  seqrec::SessionSplitOptions held_out;
  examples::WalkOptions made_up;

  examples::CommandLine line("Trains GRU4Rec (Hidasi et al. 2016; Hidasi & Karatzoglou 2018) on sessions in lanes.");
  line.options(shared, {{"candidate_dir", ""}, {"seen", ""}});
  line.options(cut);
  line.options(held_out);
  training.declare(line);
  line.options(objective);
  line.options(options, {{"items", ""}, {"user_categories", ""}, {"item_categories", ""}, {"seed", "--model-seed"}});
  return line.run(argc, argv, [&] {
    training.finish(line, shared, /*epochs=*/3);
    if (shared.quick) made_up.users = 1000;
    const seqrec::Sessions sessions = seqrec::make_sessions(read_events(shared, made_up, cut), cut);
    const seqrec::Split split = seqrec::session_split(sessions.data, held_out);
    const examples::Candidates candidates(split, shared);
    examples::fit_to_data(training, *split.data, options);
    if (!line.given("--model-seed")) options.seed = training.trainer.seed;
    Model model(options);
    std::vector<examples::RunDescription> runs;
    runs.push_back(
        examples::train<seqrec::SessionTrainer>("GRU4Rec", model, training.trainer, split, candidates, objective));
    runs.push_back(examples::describe_baseline(seqrec::TransitionKnn(split), split, candidates));
    runs.push_back(examples::describe_baseline(seqrec::ItemKnn(split), split, candidates));
    runs.push_back(examples::describe_baseline(seqrec::Popularity(split), split, candidates));
    if (shared.data.empty())
      runs.push_back(examples::describe_baseline(examples::WalkOracle(*split.data, made_up), split, candidates));
    print_sessions(runs);
    examples::write_report(shared.json, runs);
  });
}
