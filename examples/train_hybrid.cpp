// SPDX-License-Identifier: Apache-2.0
// Train trees over DIN's score and explicit features, beside DIN alone and the features alone: a ranker that explains
// itself.
//
// You learn   how a hybrid is trained out of fold, and what each part of it is worth; whether the differences are more
//             than the choice of users explains; what a request costs; and why one user is offered what he is.
// Run         ./examples/run train_hybrid --data DIR [--user ID] [--report page.html] [--save FOLDER]
//             [--json result.json]; --help lists all options.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set. The
//             more it says of users, items, times and ratings, the more features have a value.
// Needs       LightGBM, which the build brings along where it finds network and python3-pip.
// Expect      three minutes on MovieLens-100K: among 1 + 99 candidates DIN reaches a per-user AUC of .914 and NDCG@10
// of .47,
//             explicit features alone .923 and .49, both together .929 and .52.

#ifndef SEQREC_WITH_LIGHTGBM

#include <iostream>

int main() {
  std::cerr << "there is no LightGBM in this build, and so no trees: configure again where there are network and "
               "python3-pip, with -DSEQREC_BRING_LIGHTGBM=ON, or with CMAKE_PREFIX_PATH where it is installed\n";
  return 1;
}

#else

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "common/backend.hpp"
#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/din_settings.hpp"
#include "common/hybrid_report.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/hybrid/hybrid_folder.hpp"
#include "seqrec/hybrid/train_hybrid.hpp"
#include "seqrec/metrics/significance.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/serve/recommender.hpp"

namespace {

using Context = examples::Context;
using Din = seqrec::Din<Context>;
using seqrec::index_t;

struct Settings {
  std::filesystem::path save{}, report{};
  std::string user{};
  bool ablation = false;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("save", save, seqrec::any(), "folder into which the hybrid is written; one that holds a hybrid is replaced");
    visit("report", report, seqrec::file_to_write(),
          "a page of HTML about one user's recommendations and their reasons");
    visit("user", user, seqrec::any(), "whose reasons are told: a user's id in the data; empty is the first");
    visit("ablation", ablation, seqrec::any(),
          "trains trees again without each group of columns, and the naive way: what each is worth; some minutes more");
  }
};

/// All that the three rankers are told.
struct Run {
  const seqrec::Split& split;
  const examples::Candidates& candidates;
  const seqrec::DinOptions& din;
  const seqrec::Click& click;
  const seqrec::TrainerOptions& trainer;
  seqrec::HybridOptions hybrid;

  /// A DIN of the fold: chosen by events of the fold, on lists of its own, and written nowhere.
  std::shared_ptr<const Din> fit_fold(const seqrec::Split& fold) const {
    auto model = std::make_shared<Din>(din);
    seqrec::TrainerOptions options = trainer;
    const auto lists = seqrec::draw_candidates(fold.validation, {.negatives = negatives(), .seen = candidates.seen});
    options.validation = candidates.options_of_validation();
    options.validation.candidates = &lists;
    options.checkpoint.clear();
    options.state.clear();
    options.log_file.clear();
    options.save_every_steps = 0;
    options.resume = false;
    seqrec::Trainer(options).fit(*model, fold, click);
    return model;
  }

  /// Trains trees over what `fit` gives, says so, and judges them.
  template <class Fit>
  auto train(const char* title, const Fit& fit, std::vector<examples::RunDescription>& runs) const {
    seqrec::TreeListeners listeners;
    listeners.round = [&](const seqrec::TreeRound& at) {
      if (at.round % 50 == 0)
        std::clog << title << ": tree " << at.round << ", validation " << at.validation << ", best " << at.best
                  << " at tree " << at.best_round << std::endl;
    };
    auto trained = seqrec::train_hybrid(split, hybrid, fit, candidates.validation(), listeners);
    std::cout << title << ": " << trained.trees << " trees from " << trained.rows << " rows of " << trained.events
              << " events, " << trained.ranker.columns().schema().size() << " columns; models and features "
              << std::lround(trained.model_seconds) << " s, rows " << std::lround(trained.row_seconds) << " s, trees "
              << std::lround(trained.tree_seconds) << " s\n";
    const double seconds = trained.model_seconds + trained.row_seconds + trained.tree_seconds;
    using Model = std::remove_cvref_t<decltype(trained.ranker.model())>;
    runs.push_back({title, seqrec::concatenate("Hybrid of ", Model::name), seqrec::option_values(hybrid), split,
                    candidates, examples::judge(trained.ranker, split, candidates, trainer.team), seconds});
    return std::move(trained.ranker);
  }

 private:
  index_t negatives() const {
    return candidates.validation() != nullptr ? candidates.validation()->options.negatives : 99;
  }
};

/// Per-user metrics of an evaluation, for comparing two user by user.
struct PerUser {
  std::vector<double> auc, ndcg;

  explicit PerUser(const seqrec::Evaluation& evaluation) {
    for (const auto& [rank, count] : evaluation.ranks) {
      auc.push_back(seqrec::user_auc(rank, count));
      ndcg.push_back(seqrec::ndcg(rank, 10));
    }
  }
};

/// Whether a is better than b on the test by more than the choice of users explains.
void compare(const examples::RunDescription& a, const examples::RunDescription& b) {
  const PerUser x(a.figures.test->candidates), y(b.figures.test->candidates);
  const auto say = [&](const char* metric, const std::vector<double>& of_a, const std::vector<double>& of_b) {
    const seqrec::BootstrapResult found = seqrec::paired_bootstrap(of_a, of_b);
    std::cout << a.title << " - " << b.title << ", " << metric << ": " << std::showpos << found.mean_difference
              << std::noshowpos << ", 95 % within " << found.lower << " .. " << found.upper << ", p " << found.p_value
              << '\n';
  };
  say("per-user AUC", x.auc, y.auc);
  say("NDCG@10", x.ndcg, y.ndcg);
}

/// Asks for 500 candidates after the histories of test users, one request at a time on one thread.
template <class Ask>
examples::RequestTimes time_requests(const seqrec::HeldOut& test, index_t num_items, Ask&& ask) {
  constexpr index_t candidates = 500;
  std::vector<double> milliseconds;
  for (index_t i = 0; i < std::min<index_t>(200, test.size()); ++i) {
    seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, static_cast<std::uint64_t>(i));
    std::vector<seqrec::item_t> items(candidates);
    for (auto& item : items) item = static_cast<seqrec::item_t>(random.below(static_cast<std::uint32_t>(num_items)));
    const auto begin = std::chrono::steady_clock::now();
    ask(i, std::span<const seqrec::item_t>(items));
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  return {candidates, milliseconds[milliseconds.size() / 2], milliseconds[milliseconds.size() * 99 / 100]};
}

template <class Model>
examples::RequestTimes time_hybrid(const seqrec::HybridRanker<Model>& ranker, const seqrec::HeldOut& test) {
  Context context;
  typename seqrec::HybridRanker<Model>::Scorer scorer(ranker, seqrec::known_features(*test.data));
  return time_requests(test, ranker.num_items(), [&](index_t i, std::span<const seqrec::item_t> items) {
    scorer(context, seqrec::moment_of(test, i), items, static_cast<seqrec::user_t>(test.users.data()[i]));
  });
}

/// Why the hybrid offers one user what it offers.
template <class Model>
void explain(const seqrec::HybridRanker<Model>& hybrid, const seqrec::HeldOut& test, index_t user,
             const Settings& settings) {
  const examples::HybridPage page = examples::HybridReport<Model>(hybrid, test).page(user);
  print_reasons(std::cout, page);
  if (settings.report.empty()) return;
  write_page(settings.report, page);
  std::cout << "page written to " << settings.report.string() << '\n';
}

/// The hybrid again without some of what it knows, and trained on scores of events that the model was trained on.
template <class Fit>
void ablate(Run run, const Fit& fit, std::vector<examples::RunDescription>& runs) {
  constexpr std::array<std::array<const char*, 2>, 9> parts = {
      {{"without the group deep", "deep"},
       {"without DIN's score", "deep_score"},
       {"without DIN's product", "deep_product"},
       {"without the group user", "user"},
       {"without the group item", "item"},
       {"without the group sequence", "sequence"},
       {"without the group time", "time"},
       {"without the group cross", "cross"},
       {"without neighbours' scores",
        "cross_transition_score,cross_transition_rank,cross_item_knn_score,cross_item_knn_rank"}}};
  for (const auto& [title, columns] : parts) {
    run.hybrid.without = columns;
    run.train(title, fit, runs);
  }
  run.hybrid.without.clear();
  run.hybrid.interest = true;
  run.train("with DIN's interest", fit, runs);
  run.hybrid.refit = false;
  run.train("with DIN's interest, not refitted", fit, runs);
  run.hybrid.interest = false;
  run.train("not refitted", fit, runs);
  run.hybrid.refit = true;
  run.hybrid.out_of_fold = false;
  run.train("naive: not out of fold", fit, runs);
}

examples::RequestTimes time_din(const Din& din, const seqrec::HeldOut& test) {
  const seqrec::Recommender<Din> server(din, {.team = {.threads = 1}}, seqrec::known_features(*test.data));
  return time_requests(test, din.num_items(), [&](index_t i, std::span<const seqrec::item_t> items) {
    server.score({test.history(i), items, static_cast<seqrec::user_t>(test.users.data()[i]), test.times(i)});
  });
}

void train_all(const Run& run, const Settings& settings, const std::filesystem::path& json) {
  const seqrec::Split& split = run.split;
  const index_t user = examples::find_user(split.test, settings.user);
  if (!settings.save.empty() && !std::filesystem::exists(std::filesystem::absolute(settings.save).parent_path()))
    throw seqrec::DataError("--save is '" + settings.save.string() + "', expected a folder in one that exists");
  std::vector<examples::RunDescription> runs;
  auto din = std::make_shared<Din>(run.din);
  runs.push_back(examples::train<seqrec::Trainer>("DIN", *din, run.trainer, split, run.candidates, run.click));
  const auto no_model = [](const seqrec::Split&) { return std::make_shared<const seqrec::NoModel<Context>>(); };
  const auto alone = run.train("explicit features alone", no_model, runs);
  std::shared_ptr<const Din> of_fold;  // every hybrid's
  const auto fit = [&](const seqrec::Split& part) -> std::shared_ptr<const Din> {
    if (&part == &split) return din;  // it is the same run
    if (!of_fold) of_fold = run.fit_fold(part);
    return of_fold;
  };
  const auto hybrid = run.train("DIN + explicit features", fit, runs);
  if (settings.ablation) ablate(run, fit, runs);
  std::cout << hybrid.features().describe() << '\n';
  runs[0].requests = time_din(*din, split.test);
  runs[1].requests = time_hybrid(alone, split.test);
  runs[2].requests = time_hybrid(hybrid, split.test);

  examples::print_table(std::cout, examples::test_rows(runs));
  if (runs[2].figures.test) {
    compare(runs[2], runs[0]);
    compare(runs[2], runs[1]);
  }
  for (const examples::RunDescription& of : std::span(runs).first(3))
    std::cout << of.title << ": a request of " << of.requests->candidates << " candidates on one thread takes "
              << of.requests->p50 << " ms (p50), " << of.requests->p99 << " ms (p99)\n";
  examples::write_report(json, runs);
  explain(hybrid, split.test, user, settings);
  if (settings.save.empty()) return;
  seqrec::save(settings.save, hybrid);
  std::cout << "hybrid written into " << settings.save.string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  examples::DataOptions shared;
  examples::DinSettings din;
  seqrec::HybridOptions hybrid;
  hybrid.features.item = "film";
  hybrid.features.items = "films";
  Settings settings;

  examples::CommandLine line("Trains trees over DIN and explicit features, and evaluates them beside either alone.");
  shared.declare(line);
  din.declare(line);
  line.options(hybrid, {{"negatives", "--tree-negatives"},
                        {"seed", ""},
                        {"threads", ""},
                        {"booster_threads", ""},
                        {"booster_seed", ""}});
  line.options(settings);
  return line.run(argc, argv, [&] {
    din.training.finish(line, shared, /*epochs=*/3);
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-100k"));
    const examples::Candidates candidates(split, shared);
    din.fit_model(line, *split.data);
    const seqrec::TrainerOptions& trainer = din.training.trainer;
    hybrid.seed = trainer.seed;
    hybrid.booster.seed = static_cast<index_t>(trainer.seed % 2147483648u);
    hybrid.threads = trainer.team.threads;
    hybrid.booster.threads =
        hybrid.threads > 0 ? hybrid.threads : static_cast<int>(std::thread::hardware_concurrency());
    if (shared.quick) {  // for a set of some hundred users
      hybrid.booster.rounds = 15;
      hybrid.booster.threads = 1;  // small trees keep no two busy
      if (!line.given("--booster-leaves")) hybrid.booster.leaves = 8;
      if (!line.given("--held-out")) hybrid.held_out = 4;
      if (!line.given("--booster-min-rows")) hybrid.booster.min_rows = 20;
    }
    train_all({split, candidates, din.model, din.objective, trainer, hybrid}, settings, shared.json);
  });
}

#endif
