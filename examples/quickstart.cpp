// SPDX-License-Identifier: Apache-2.0
// From a data set to recommendations: train SASRec, measure it, and see what it would offer one person.
//
// You learn   what this library is for, in one run: load data, hold out each user's last item, train, rank, recommend.
// Run         ./examples/quickstart, which finds or downloads MovieLens-100K, builds and starts this program.
// Data        MovieLens 100K (GroupLens; free for research, see its README), or any folder that --data names.
//             Without one a synthetic set, and it says so.
// Expect      on MovieLens-100K, under two minutes on two cores and, among 1 + 99 candidates, HR@10 of .74 and AUC of
//             .91 (popularity: .41 and .80); among the whole catalogue, HR@10 of .20. The standard error
//             of HR@10 is .016. Then ten titles for one user.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "common/model_run.hpp"
#include "common/options.hpp"
#include "common/popularity.hpp"
#include "common/report.hpp"
#include "common/table.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/objectives.hpp"
#include "seqrec/train/recommend.hpp"

namespace {

using Model = seqrec::SasRec<seqrec::cpu::Context>;

std::string title_of(const seqrec::Dataset& data, seqrec::item_t item) {
  const auto i = static_cast<std::size_t>(item);
  return i < data.titles.size() && !data.titles[i].empty() ? data.titles[i]
                                                           : seqrec::concatenate("item ", data.item_ids[i]);
}

/// The place in the test set of a user, given by its number in the source; without one the first.
seqrec::index_t find_user(const seqrec::HeldOut& test, const std::optional<seqrec::index_t>& number) {
  if (!number) return 0;
  for (seqrec::index_t i = 0; i < test.size(); ++i)
    if (test.data->user_ids[static_cast<std::size_t>(test.users[static_cast<std::size_t>(i)])] == *number) return i;
  throw seqrec::ArgumentError(seqrec::concatenate(
      "--user is '", *number, "', expected the number of a user with three events in ", test.data->name));
}

/// What a person wants to see: what somebody watched last, what the model would offer next, and what it really was.
void show_user(const Model& model, const seqrec::HeldOut& test, seqrec::index_t i) {
  const seqrec::Dataset& data = *test.data;
  const std::span<const seqrec::item_t> history = test.history(i);
  const seqrec::item_t next = test.targets[static_cast<std::size_t>(i)];
  std::cout << "\nUser " << data.user_ids[static_cast<std::size_t>(test.users[static_cast<std::size_t>(i)])]
            << " watched " << history.size() << " titles, these last:\n";
  for (const seqrec::item_t item : history.last(std::min<std::size_t>(history.size(), 5)))
    std::cout << "      " << title_of(data, item) << '\n';
  std::cout << "and SASRec recommends:\n";
  seqrec::cpu::Context context;
  int place = 0;
  for (const auto& offer :
       seqrec::recommend(model, context, history, std::min<seqrec::index_t>(10, data.num_items()), history))
    std::cout << std::setw(4) << ++place << "  " << title_of(data, offer.item)
              << (offer.item == next ? "   <- what the user watched next" : "") << '\n';
  std::cout << "What the user really watched next, which the model was not shown: " << title_of(data, next) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  examples::CommandLine line("Trains SASRec (Kang & McAuley 2018) on MovieLens-100K and recommends films.");
  examples::Options options;
  // Strong dropout and small batches suit a data set of a thousand users; chosen on validation.
  options.trainer = {
      .epochs = 30, .batch_size = 16, .optimizer = {.beta2 = 0.98}, .seed = 1, .evaluate_every = 2, .patience = 5};
  examples::add_shared_options(line, options);
  bool synthetic = false;
  std::optional<seqrec::index_t> user;
  line.flag("--synthetic", synthetic, "the synthetic data set");
  line.number("--user", user, examples::at_least(0), "whose recommendations are shown: a user's number in the data");
  return line.run(argc, argv, [&] {
    examples::apply_quick(line, options, 3);
    const examples::Experiment experiment(
        options, synthetic ? examples::announce_synthetic("--synthetic") : examples::find_data(options, "ml-100k"));
    const seqrec::HeldOut& test = experiment.split().test;
    const seqrec::index_t shown = find_user(test, user);

    Model model({.items = experiment.data().num_items(),
                 .width = 64,
                 .max_length = 100,
                 .dropout = 0.4,
                 .seed = options.trainer.seed});
    const seqrec::NextItem objective{.loss = seqrec::FullSoftmax{}};
    const examples::ModelRun run = examples::train_and_test(model, experiment, options.trainer, objective);

    std::vector<examples::TableRow> rows = {
        {"popularity", run.test.protocol,
         examples::evaluate_popularity(experiment.split(), test, experiment.test_candidates())},
        {"SASRec", run.test.protocol, run.test.ranking}};
    if (experiment.test_candidates() != nullptr) {
      rows.push_back(
          {"popularity", run.test_full.protocol, examples::evaluate_popularity(experiment.split(), test, nullptr)});
      rows.push_back({"SASRec", run.test_full.protocol, run.test_full.ranking});
    }
    std::cout << '\n';
    examples::print_table(std::cout, rows);
    show_user(model, test, shown);
    examples::write_report(options.json, {{.model = Model::name,
                                           .model_options = examples::named_values(model.options()),
                                           .objective = objective.name(),
                                           .experiment = experiment,
                                           .trainer = options.trainer,
                                           .run = run}});
  });
}
