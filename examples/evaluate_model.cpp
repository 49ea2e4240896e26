// SPDX-License-Identifier: Apache-2.0
// Evaluate a trained model on a data set, this month's or the next: a checkpoint and data in, table and JSON out.
//
// You learn   that a checkpoint is all that is left of a training: it says which model it is, with which options, and
//             which items its rows stand for. So data numbered otherwise, like a new export with one item gone and one
//             new, are given the model's numbers first, and what the model does not know is counted and named.
// Run         ./examples/run evaluate_model --model sasrec.safetensors --data DIR [--json result.json]
//             with what quickstart or any of the train_... programs wrote as --checkpoint; --help lists all options.
//             Nothing is trained. --others FILE,FILE adds the scores of more checkpoints, --transition-knn those of the
//             baseline, weighed as validation likes best.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-1m; else a synthetic set.
// Expect      on the data of the training the figures that the training printed, to the last digit. With --quick and
//             without --model an untrained model on synthetic data, so an AUC of .5.

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/ensemble.hpp"
#include "common/options.hpp"
#include "common/table.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/names.hpp"
#include "seqrec/data/renumber.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/hstu.hpp"
#include "seqrec/models/narm.hpp"
#include "seqrec/models/sasrec.hpp"

namespace {

using Context = seqrec::cpu::Context;

/// What this program can be told; `--help` shows it.
struct Settings {
  std::filesystem::path model{};
  std::string others{};
  bool transition_knn = false;
  double floor = 0.01;
  seqrec::TransitionKnnOptions knn{};
  seqrec::TeamOptions team{};

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("model", model, seqrec::file_to_read(), "checkpoint that one of the training programs wrote");
    visit("others", others, seqrec::any(), "more checkpoints, with commas: the mean of all their scores is judged");
    visit("transition_knn", transition_knn, seqrec::any(),
          "adds the logarithm of transition-kNN's scores, by the weight that is best on validation");
    visit("transition_floor", floor, seqrec::positive(), "added to these scores before");
    visit("transition_", knn);
    visit("", team);
  }

  bool is_ensemble() const { return !others.empty() || transition_knn; }
};

using seqrec::SasRec, seqrec::AvgPool, seqrec::Din, seqrec::Gru4Rec, seqrec::Narm, seqrec::Hstu;

/// Reads the model that a file says it holds, one of `Models`, and calls work(model), which may keep it.
template <class... Models, class Work>
void with_one_of(const std::filesystem::path& file, Work work) {
  const std::map<std::string, std::string> metadata = seqrec::SafetensorsFile(file).metadata();
  const auto kind = metadata.find("seqrec.model");
  const std::string name = kind == metadata.end() ? std::string("none") : kind->second;
  const bool known =
      ((name == Models::name && (work(std::make_shared<const Models>(seqrec::load<Models>(file))), true)) || ...);
  if (known) return;
  std::string expected;
  for (const char* one : {Models::name...}) expected += seqrec::concatenate(expected.empty() ? "" : ", ", one);
  throw seqrec::DataError(seqrec::concatenate(file.string(), ": the model in it is ", seqrec::quote_bytes(name),
                                              ", expected one of ", expected));
}

template <class Work>
void with_model(const std::filesystem::path& file, Work work) {
  with_one_of<SasRec<Context>, AvgPool<Context>, Din<Context>, Gru4Rec<Context>, Narm<Context>, Hstu<Context>>(
      file, std::move(work));
}

/// At most ten of them, and how many there are.
std::string some_of(const std::vector<std::string>& names) {
  std::string text = std::to_string(names.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 10); ++i) text += (i == 0 ? ": " : ", ") + names[i];
  return names.size() > 10 ? text + ", ..." : text;
}

/// Gives data the numbers that the model's items and categories have, and says what it does not know.
seqrec::Dataset numbered_as(const seqrec::Names& names, seqrec::Dataset data, examples::CheckpointDescription& found) {
  if (names.items.empty()) {
    std::cout << "the checkpoint does not say which items its rows stand for: they are taken as the data number them\n";
    return data;
  }
  const seqrec::Names own = seqrec::names_of(data);
  const auto agree = [](const seqrec::Vocabulary& of_model, const seqrec::Vocabulary& of_data) {
    return of_model.empty() || of_model == of_data;
  };
  if (agree(names.items, own.items) && agree(names.user_categories, own.user_categories) &&
      agree(names.item_categories, own.item_categories))
    return data;
  seqrec::Renumbered renumbered = seqrec::renumber(data, names);
  std::cout << "the data set numbers its items otherwise than the model: renumbered\n";
  found.unknown_items = std::move(renumbered.unknown_items);
  found.unknown_categories = std::move(renumbered.unknown_categories);
  found.dropped_events = renumbered.dropped_events;
  if (!found.unknown_items.empty())
    std::cout << "items that the model does not know, dropped with their " << found.dropped_events
              << " events: " << some_of(found.unknown_items) << '\n';
  if (!found.unknown_categories.empty())
    std::cout << "categories that the model does not know, dropped: " << some_of(found.unknown_categories) << '\n';
  return std::move(renumbered.data);
}

/// For --quick: something to evaluate.
std::filesystem::path untrained_model(const seqrec::Dataset& data) {
  seqrec::SasRec<Context> model({.items = data.num_items(), .width = 8, .blocks = 1, .max_length = 20, .seed = 1});
  model.set_names(seqrec::names_of(data));
  std::filesystem::path file = "untrained.safetensors";
  seqrec::save(file, model);
  std::cout << "--quick without --model: an untrained SasRec, " << file.string() << '\n';
  return file;
}

/// The model, the other checkpoints and the baseline, each as the settings say.
template <class Model>
class EnsembleOf {
 public:
  EnsembleOf(std::shared_ptr<const Model> model, const seqrec::Split& split, const Settings& settings)
      : num_items_(model->num_items()), names_(model->names()), floor_(settings.floor) {
    members_.push_back(examples::member_of(std::move(model)));
    for (std::string_view rest = settings.others; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      add(std::string(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (settings.transition_knn) knn_ = std::make_shared<const seqrec::TransitionKnn>(split, settings.knn);
  }

  /// The one whose weight of the baseline is best on validation, by NDCG@10.
  examples::Ensemble best(const seqrec::Split& split, const examples::Candidates& candidates,
                          const seqrec::TeamOptions& team) {
    if (knn_ == nullptr) return with_weight(0);
    seqrec::EvaluateOptions options = candidates.options_of_validation();
    options.team = team;
    double best = -1, weight_of_best = 0;
    for (const double weight : {0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0}) {
      const double ndcg = seqrec::evaluate(with_weight(weight), split.validation, options)["ndcg@10"];
      std::cout << "transition-kNN by " << weight << ": validation ndcg@10 " << std::fixed << std::setprecision(4)
                << ndcg << std::defaultfloat << std::endl;
      if (ndcg > best) best = ndcg, weight_of_best = weight;
    }
    return with_weight(weight_of_best);
  }

  std::string title() const {
    return seqrec::concatenate(Model::name,
                               members_.size() > 1 ? seqrec::concatenate(" and ", members_.size() - 1, " more") : "",
                               knn_ != nullptr ? " and transition-kNN" : "");
  }

 private:
  void add(const std::filesystem::path& file) {
    with_model(file, [&](auto other) {
      if (other->num_items() != num_items_ || !(other->names().items == names_.items))
        throw seqrec::DataError(file.string() +
                                ": its items are not those of --model, expected a model of the same data");
      members_.push_back(examples::member_of(std::move(other)));
    });
  }

  examples::Ensemble with_weight(double weight) const {
    examples::Ensemble ensemble(num_items_, names_);
    for (const auto& member : members_) ensemble.add(1 / static_cast<double>(members_.size()), member);
    if (knn_ != nullptr && weight > 0) ensemble.add(weight, examples::member_of(knn_, floor_));
    return ensemble;
  }

  seqrec::index_t num_items_;
  seqrec::Names names_;
  double floor_;
  std::vector<examples::Ensemble::Member> members_;
  std::shared_ptr<const seqrec::TransitionKnn> knn_;
};

}  // namespace

int main(int argc, char** argv) {
  examples::DataOptions shared;
  Settings settings;
  examples::CommandLine line("Evaluates a trained model on a data set.");
  shared.declare(line);
  line.options(settings);
  return line.run(argc, argv, [&] {
    if (settings.model.empty() && !shared.quick)
      throw seqrec::ArgumentError("--model is '', expected the checkpoint of a trained model");
    seqrec::Dataset data = examples::find_data(shared, "ml-1m");
    examples::CheckpointDescription checkpoint{.file = settings.model.empty() ? untrained_model(data) : settings.model};
    with_model(checkpoint.file, [&](const auto& model) {
      const seqrec::Split split = seqrec::leave_one_out(numbered_as(model->names(), std::move(data), checkpoint));
      const examples::Candidates candidates(split, shared);
      std::string title = model->name;
      const examples::Figures figures = [&] {
        if (!settings.is_ensemble()) return examples::judge(*model, split, candidates, settings.team);
        EnsembleOf of(model, split, settings);
        title = of.title();
        return examples::judge(of.best(split, candidates, settings.team), split, candidates, settings.team);
      }();
      examples::report(std::cout,
                       {.title = title,
                        .model = model->name,
                        .model_options = seqrec::option_values(model->options()),
                        .split = split,
                        .candidates = candidates,
                        .figures = figures,
                        .seconds = figures.seconds(),
                        .checkpoint = checkpoint},
                       shared.json);
    });
  });
}
