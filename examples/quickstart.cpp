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
//             of .91 for SASRec and for DIN (popularity: .41 and .80); among the whole catalogue, HR@10 of .20 for
//             both. The standard error of HR@10 is .016. Then ten titles for one user, and which of the titles that
//             user had watched spoke for DIN's first.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/bars.hpp"
#include "common/command_line.hpp"
#include "common/data.hpp"
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
#include "seqrec/train/interrupt.hpp"
#include "seqrec/train/trainer.hpp"

namespace {

using seqrec::index_t, seqrec::item_t;
using Context = seqrec::cpu::Context;

/// What this program can be told; `--help` shows it.
struct Settings {
  bool synthetic = false;
  std::string user{};
  index_t epochs = 24;
  std::uint64_t seed = 1;
  int threads = 0;
  std::filesystem::path checkpoint{};

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("synthetic", synthetic, seqrec::any(), "the synthetic data set");
    visit("user", user, seqrec::any(), "whose recommendations are shown: a user's id in the data; empty is the first");
    visit("epochs", epochs, seqrec::at_least(1), "epochs at most");
    visit("seed", seed, seqrec::any(), "of weights, order, negatives and dropout");
    visit("threads", threads, seqrec::in_range(0, 4096), "0 is one for each core; results do not depend on it");
    visit("checkpoint", checkpoint, seqrec::file_to_write(), "where SASRec is written, and beside it DIN");
  }
};

/// Prints what a model would offer, best first, and returns the best.
template <class Model>
item_t show_offers(const char* title, const Model& model, const seqrec::HeldOut& test, index_t i) {
  const seqrec::Dataset& data = *test.data;
  std::cout << title << " recommends:\n";
  Context context;
  const auto offers = seqrec::recommend(model, context, test.history(i), std::min<index_t>(10, data.num_items()),
                                        /*exclusions=*/test.history(i));
  int place = 0;
  for (const auto& [item, score] : offers)
    std::cout << std::setw(4) << ++place << "  " << examples::title_of(data, item)
              << (item == test.targets.data()[i] ? "   <- what the user watched next" : "") << '\n';
  return offers.front().item;
}

/// Prints which titles of a history weighed most in DIN's score for an item.
void show_reasons(const seqrec::Din<Context>& din, const seqrec::HeldOut& test, index_t i, item_t item) {
  Context context;
  const std::vector<float> weights = seqrec::attention_weights(din, context, test.history(i), item);
  const std::span<const item_t> seen = test.history(i).last(weights.size());
  std::vector<examples::Bar> bars;
  for (std::size_t j = 0; j < seen.size(); ++j)
    bars.push_back({examples::title_of(*test.data, seen[j]), static_cast<double>(weights[j])});
  std::stable_sort(bars.begin(), bars.end(), [](const auto& a, const auto& b) { return a.weight > b.weight; });
  bars.resize(std::min<std::size_t>(bars.size(), 8));
  std::cout << "Why DIN offers " << examples::title_of(*test.data, item) << ": how much each of the last "
            << seen.size() << " titles weighed\n";
  examples::print_bars(std::cout, bars);
}

void show_history(const seqrec::HeldOut& test, index_t i) {
  const std::span<const item_t> history = test.history(i);
  std::cout << "\nUser " << test.data->user_ids[test.users.data()[i]] << " watched " << history.size()
            << " titles, these last:\n";
  for (const item_t item : history.last(std::min<std::size_t>(history.size(), 5)))
    std::cout << "      " << examples::title_of(*test.data, item) << '\n';
}

/// "model.safetensors" -> "model-din.safetensors".
std::filesystem::path beside(const std::filesystem::path& path) {
  return path.empty() ? path : path.parent_path() / (path.stem().string() + "-din" + path.extension().string());
}

}  // namespace

int main(int argc, char** argv) {
  examples::DataOptions shared;
  Settings settings;
  examples::CommandLine line("Trains SASRec (Kang & McAuley 2018) and DIN (Zhou et al. 2018) and recommends films.");
  shared.declare(line);
  line.options(settings);
  return line.run(argc, argv, [&] {
    if (shared.quick && !line.given("--epochs")) settings.epochs = 3;

    // The data: each user's last item is the test, the one before it validation. Both are ranked among candidates that
    // are drawn once and kept, so that every model meets the same.
    const seqrec::Split split = seqrec::leave_one_out(settings.synthetic ? examples::announce_synthetic("--synthetic")
                                                                         : examples::find_data(shared, "ml-100k"));
    const seqrec::Dataset& data = *split.data;
    const examples::Candidates candidates(split, shared);
    const index_t user = examples::find_user(split.test, settings.user);

    // SASRec reads a history and predicts the next item. Strong dropout and small batches suit a data set of a thousand
    // users; they were chosen on validation.
    seqrec::SasRec<Context> sasrec(
        {.items = data.num_items(), .width = 64, .max_length = 100, .dropout = 0.4, .seed = settings.seed});
    std::optional<seqrec::InterruptGuard> interrupt(std::in_place);  // Ctrl-C ends training after the present step
    seqrec::TrainerOptions training{.epochs = settings.epochs,
                                    .batch_size = 16,
                                    .optimizer = seqrec::Adam{.beta2 = 0.98},
                                    .seed = settings.seed,
                                    .evaluate_every = shared.quick ? 1 : 2,
                                    .patience = 5,
                                    .validation = candidates.options_of_validation(),
                                    .checkpoint = settings.checkpoint,
                                    .stop = &interrupt->requested(),
                                    .team = {.threads = settings.threads}};
    const seqrec::NextItem next_item{.loss = seqrec::FullSoftmax{}};
    std::cout << "\nSASRec, " << next_item.name() << std::endl;
    const seqrec::TrainingResult sasrec_result = seqrec::Trainer(training).fit(sasrec, split, next_item);
    if (sasrec_result.interrupted) throw examples::Interrupted("interrupted");

    // DIN looks at a history through the item in question, and learns to tell what was taken from what was not. Its
    // recency bias lets it see what came last.
    seqrec::Din<Context> din({.items = data.num_items(),
                              .width = 64,
                              .max_length = 20,
                              .attention_hidden = {32},
                              .recency_bias = true,
                              .hidden = {64},
                              .dropout = 0.4,
                              .seed = settings.seed});
    seqrec::TrainerOptions din_training = training;
    din_training.batch_size = 8;
    din_training.learning_rate = 3e-3;
    din_training.checkpoint = beside(settings.checkpoint);
    const seqrec::Click click{.negatives = 2};
    std::cout << "\nDIN, " << click.name() << std::endl;
    const seqrec::TrainingResult din_result = seqrec::Trainer(din_training).fit(din, split, click);
    if (din_result.interrupted) throw examples::Interrupted("interrupted");
    interrupt.reset();  // from here on it ends the program, as usual

    // The test, once, beside what needs no training: seqrec::evaluate, among the candidates and the whole catalogue.
    const std::vector<examples::RunDescription> runs = {
        examples::describe_baseline(seqrec::Popularity(split), split, candidates),
        examples::describe_baseline(seqrec::ItemKnn(split), split, candidates),
        examples::describe_baseline(seqrec::TransitionKnn(split), split, candidates),
        examples::describe_model("SASRec", sasrec, split, candidates, next_item, training, sasrec_result),
        examples::describe_model("DIN", din, split, candidates, click, din_training, din_result)};
    std::cout << '\n';
    examples::print_table(std::cout, examples::test_rows(runs));
    examples::write_report(shared.json, {runs.end() - 2, runs.end()});

    // What a person wants to see: what somebody watched last, what the models would offer next, and what it really was.
    show_history(split.test, user);
    show_offers("SASRec", sasrec, split.test, user);
    const item_t first = show_offers("DIN", din, split.test, user);
    show_reasons(din, split.test, user, first);
    std::cout << "What the user really watched next, which the models were not shown: "
              << examples::title_of(data, split.test.targets.data()[user]) << '\n';
  });
}
