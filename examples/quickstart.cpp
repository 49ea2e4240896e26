// SPDX-License-Identifier: Apache-2.0
// From a data set to recommendations: train SASRec and DIN, measure them, see what they would offer one person and why.
//
// You learn   what this library is for, in one run: load data, hold out each user's last item, train, rank, recommend.
//             SASRec learns to predict the next item, DIN to tell the items that were taken from others; both are
//             judged by one protocol, beside baselines that need no training.
// Run         ./examples/quickstart, which finds or downloads MovieLens-100K, builds and starts this program.
// Data        MovieLens 100K (GroupLens; free for research, see its README), or any folder that --data names.
//             Without one a synthetic set, and it says so.
// Expect      on MovieLens-100K, under three minutes on two cores and, among 1 + 99 candidates, HR@10 of .74 and AUC
//             of .91 for SASRec, .71 and .90 for DIN (popularity: .41 and .80); among the whole catalogue, SASRec's
//             HR@10 is .20. The standard error of HR@10 is .016. Then ten titles for one user, and which of the
//             titles that user had watched spoke for DIN's first.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/bars.hpp"
#include "common/baseline_run.hpp"
#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "common/model_run.hpp"
#include "common/options.hpp"
#include "common/report.hpp"
#include "common/table.hpp"
#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/popularity.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/serve/attention_weights.hpp"
#include "seqrec/serve/recommend.hpp"

namespace {

using SasRec = seqrec::SasRec<seqrec::cpu::Context>;
using Din = seqrec::Din<seqrec::cpu::Context>;

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

/// Prints what a model would offer, best first, and returns the best.
template <class Model>
seqrec::item_t show_offers(const std::string& title, const Model& model, const seqrec::HeldOut& test,
                           seqrec::index_t i) {
  const seqrec::Dataset& data = *test.data;
  std::cout << title << " recommends:\n";
  seqrec::cpu::Context context;
  const auto offers = seqrec::recommend(model, context, test.history(i),
                                        std::min<seqrec::index_t>(10, data.num_items()), test.history(i));
  int place = 0;
  for (const auto& offer : offers)
    std::cout << std::setw(4) << ++place << "  " << title_of(data, offer.item)
              << (offer.item == test.targets[static_cast<std::size_t>(i)] ? "   <- what the user watched next" : "")
              << '\n';
  return offers.front().item;
}

/// Prints which titles of a history weighed most in DIN's score for an item.
void show_reasons(const Din& model, const seqrec::HeldOut& test, seqrec::index_t i, seqrec::item_t item) {
  const seqrec::Dataset& data = *test.data;
  seqrec::cpu::Context context;
  const std::vector<float> weights = seqrec::attention_weights(model, context, test.history(i), item);
  const std::span<const seqrec::item_t> seen = test.history(i).last(weights.size());
  std::vector<examples::Bar> bars;
  for (std::size_t j = 0; j < seen.size(); ++j)
    bars.push_back({title_of(data, seen[j]), static_cast<double>(weights[j])});
  std::stable_sort(bars.begin(), bars.end(),
                   [](const examples::Bar& a, const examples::Bar& b) { return a.weight > b.weight; });
  bars.resize(std::min<std::size_t>(bars.size(), 8));
  std::cout << "Why DIN offers " << title_of(data, item) << ": how much each of the last " << seen.size()
            << " titles weighed\n";
  examples::print_bars(std::cout, bars);
}

/// What a person wants to see: what somebody watched last, what the models would offer next, and what it really was.
void show_user(const SasRec& sasrec, const Din& din, const seqrec::HeldOut& test, seqrec::index_t i) {
  const seqrec::Dataset& data = *test.data;
  const std::span<const seqrec::item_t> history = test.history(i);
  std::cout << "\nUser " << data.user_ids[static_cast<std::size_t>(test.users[static_cast<std::size_t>(i)])]
            << " watched " << history.size() << " titles, these last:\n";
  for (const seqrec::item_t item : history.last(std::min<std::size_t>(history.size(), 5)))
    std::cout << "      " << title_of(data, item) << '\n';
  show_offers("SASRec", sasrec, test, i);
  const seqrec::item_t first = show_offers("DIN", din, test, i);
  show_reasons(din, test, i, first);
  std::cout << "What the user really watched next, which the models were not shown: "
            << title_of(data, test.targets[static_cast<std::size_t>(i)]) << '\n';
}

/// The results of everything, first among the frozen candidates, then among the whole catalogue.
std::vector<examples::TableRow> table_of(const examples::Experiment& experiment, const examples::ModelRun& sasrec,
                                         const examples::ModelRun& din) {
  std::vector<examples::TableRow> rows, full_rows;
  const auto add = [&](const std::string& name, const seqrec::Evaluation& test, const seqrec::Evaluation& full) {
    rows.push_back({name, test.protocol, test.ranking, test.clicks});
    full_rows.push_back({name, full.protocol, full.ranking});
  };
  const auto add_baseline = [&](const std::string& name, const auto& scorer) {
    const examples::BaselineRun run = examples::test_baseline(scorer, experiment);
    add(name, run.test, run.test_full);
  };
  add_baseline("popularity", seqrec::Popularity(experiment.split()));
  add_baseline("item-kNN", seqrec::ItemKnn(experiment.split()));
  add_baseline("transition-kNN", seqrec::TransitionKnn(experiment.split()));
  add("SASRec", sasrec.test, sasrec.test_full);
  add("DIN", din.test, din.test_full);
  if (experiment.test_candidates() != nullptr) rows.insert(rows.end(), full_rows.begin(), full_rows.end());
  return rows;
}

/// "model.safetensors" -> "model-din.safetensors".
std::filesystem::path beside(const std::filesystem::path& path, const std::string& suffix) {
  if (path.empty()) return path;
  return path.parent_path() / (path.stem().string() + suffix + path.extension().string());
}

}  // namespace

int main(int argc, char** argv) {
  examples::CommandLine line("Trains SASRec (Kang & McAuley 2018) and DIN (Zhou et al. 2018) and recommends films.");
  examples::Options options;
  // Strong dropout and small batches suit a data set of a thousand users; chosen on validation.
  options.trainer = {.epochs = 24,
                     .batch_size = 16,
                     .optimizer = seqrec::Adam{.beta2 = 0.98},
                     .seed = 1,
                     .evaluate_every = 2,
                     .patience = 5};
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

    SasRec sasrec({.items = experiment.data().num_items(),
                   .width = 64,
                   .max_length = 100,
                   .dropout = 0.4,
                   .seed = options.trainer.seed});
    const seqrec::NextItem next_item{.loss = seqrec::FullSoftmax{}};
    std::cout << "\nSASRec, " << next_item.name() << '\n';
    const examples::ModelRun sasrec_run = examples::train_and_test(sasrec, experiment, options.trainer, next_item);

    seqrec::TrainerOptions din_training = options.trainer;
    din_training.batch_size = 8;
    din_training.learning_rate = 3e-3;
    din_training.checkpoint = beside(options.trainer.checkpoint, "-din");
    Din din({.items = experiment.data().num_items(),
             .width = 64,
             .max_length = 20,
             .attention_hidden = {32},
             .hidden = {64},
             .dropout = 0.4,
             .seed = options.trainer.seed});
    const seqrec::Click click{.negatives = 2};
    std::cout << "\nDIN, " << click.name() << '\n';
    const examples::ModelRun din_run = examples::train_and_test(din, experiment, din_training, click);

    std::cout << '\n';
    examples::print_table(std::cout, table_of(experiment, sasrec_run, din_run));
    show_user(sasrec, din, test, shown);
    examples::write_report(options.json, {{.model = SasRec::name,
                                           .model_options = examples::named_values(sasrec.options()),
                                           .objective = next_item.name(),
                                           .experiment = experiment,
                                           .trainer = options.trainer,
                                           .run = sasrec_run},
                                          {.model = Din::name,
                                           .model_options = examples::named_values(din.options()),
                                           .objective = click.name(),
                                           .experiment = experiment,
                                           .trainer = din_training,
                                           .run = din_run}});
  });
}
