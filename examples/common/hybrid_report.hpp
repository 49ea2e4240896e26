// SPDX-License-Identifier: Apache-2.0
// What a hybrid recommends to one user of a test, and why: for the terminal and for a page.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "common/hybrid_page.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/hybrid/counterfactual.hpp"
#include "seqrec/hybrid/explanation.hpp"

namespace examples {

/// The value of a column as people write it.
inline std::string value_text(const seqrec::FeatureColumn& column, double value) {
  if (std::isnan(value)) return "not known";
  const auto place = static_cast<std::size_t>(std::max(value, 0.0));
  if (column.is_category() && place < column.values.size()) return column.values[place];
  return seqrec::number_text(value);
}

/// Milliseconds since a moment.
inline double milliseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Makes the page of one held-out event: the best of all items that its user had not had, each explained.
template <class Model>
class HybridReport {
 public:
  using Context = typename Model::Context;

  /// @param ranker, held_out  must stay as long as this
  HybridReport(const seqrec::HybridRanker<Model>& ranker, const seqrec::HeldOut& held_out)
      : ranker_(ranker), held_out_(held_out), schema_(ranker.columns().schema()) {}

  /// @param event  a place in the held-out ones   @param count  recommendations
  HybridPage page(seqrec::index_t event, seqrec::index_t count = 10) {
    const seqrec::Dataset& data = *held_out_.data;
    const seqrec::FeatureMoment moment = seqrec::moment_of(held_out_, event);
    const auto user = static_cast<seqrec::user_t>(held_out_.users.data()[event]);
    const seqrec::KnownUser known{.features = seqrec::known_features(data), .profile = user};
    const std::vector<seqrec::item_t> best = ranked(moment, known);
    const auto shown = std::span(best).first(std::min(static_cast<std::size_t>(count), best.size()));

    auto begin = std::chrono::steady_clock::now();
    const auto explanations = seqrec::explain(ranker_, context_, moment, shown, {.watched = newest}, known);
    const double explaining = milliseconds_since(begin);
    begin = std::chrono::steady_clock::now();
    const auto changes = seqrec::counterfactuals(ranker_, context_, moment, best, {.top = count}, known);
    const double changing = milliseconds_since(begin);

    HybridPage page;
    page.user = std::string(data.user_ids[user]);
    page.data =
        seqrec::concatenate(data.name, ", ", held_out_.name, ", a history of ", moment.history.size(), " events");
    page.model = seqrec::concatenate("trees over ", Model::name, " and explicit features, ", schema_.size(),
                                     " columns, ", ranker_.booster().trees().size(), " trees");
    page.next = ranker_.features().title(held_out_.targets.data()[event]);
    for (std::size_t i = 0; i < explanations.size(); ++i)
      page.items.push_back(item(explanations[i], i < changes.size() ? changes[i] : std::nullopt));
    page.history = history(moment, explanations);
    page.importance = importance();
    page.notes = {
        "Contributions are Shapley values of the trees (TreeSHAP): they add up to the score, less what the trees say "
        "on "
        "average. They say what the ranker goes by, not what causes what.",
        "\"Without ...\" was checked by scoring all items again after the change; the smallest change that was found "
        "is "
        "shown, and none where none of those that were tried was enough.",
        seqrec::concatenate(std::fixed, std::setprecision(0), "Explaining took ", explaining,
                            " ms, looking for changes ", changing, " ms.")};
    return page;
  }

 private:
  static constexpr seqrec::index_t newest = 20;  ///< events that are shown with their weights

  std::vector<seqrec::item_t> ranked(const seqrec::FeatureMoment& moment, const seqrec::KnownUser& known) {
    seqrec::ItemSet seen(ranker_.num_items());
    seen.insert(moment.history);
    std::vector<seqrec::item_t> items;
    for (seqrec::item_t i = 0; i < static_cast<seqrec::item_t>(ranker_.num_items()); ++i)
      if (!seen.contains(i)) items.push_back(i);
    const std::vector<double> scores = seqrec::score(ranker_, context_, moment, items, known);
    std::vector<std::size_t> order(items.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    std::vector<seqrec::item_t> best;
    for (const std::size_t i : order) best.push_back(items[i]);
    return best;
  }

  PageItem item(const seqrec::Explanation& of, const std::optional<seqrec::Counterfactual>& change) const {
    PageItem item;
    item.title = ranker_.features().title(of.item);
    item.score = of.score;
    item.expected = of.expected;
    for (std::size_t g = 0; g < of.groups.size(); ++g)
      if (of.groups[g] != 0) {
        const std::string group = seqrec::names_of(seqrec::FeatureGroup{})[g];
        item.groups.push_back({group, "", group, of.groups[g]});
      }
    for (const auto* reasons : {&of.reasons_for, &of.reasons_against})
      for (const seqrec::Reason& reason : *reasons) {
        if (std::abs(reason.contribution) < 0.0005) continue;  // which would be shown as 0.000
        const seqrec::FeatureColumn& column = schema_[reason.column];
        item.contributions.push_back(
            {column.label, value_text(column, reason.value), seqrec::name_of(column.group), reason.contribution});
        auto& sentences = reason.contribution > 0 ? item.reasons_for : item.reasons_against;
        if (sentences.size() < 4) sentences.push_back(reason.sentence);
      }
    std::stable_sort(item.contributions.begin(), item.contributions.end(),
                     [](const PageContribution& a, const PageContribution& b) {
                       return std::abs(a.contribution) > std::abs(b.contribution);
                     });
    for (const seqrec::DecisionPath& path : of.paths) item.paths.push_back(steps(path));
    for (const seqrec::Watched& event : std::span(of.watched).first(std::min<std::size_t>(5, of.watched.size())))
      item.watched.push_back({ranker_.features().title(event.item), event.weight});
    if (change) item.counterfactual = change->sentence;
    return item;
  }

  PagePath steps(const seqrec::DecisionPath& path) const {
    PagePath page{path.tree, path.output, {}};
    for (const seqrec::TreeStep& step : path.steps) {
      const seqrec::FeatureColumn& column = schema_[step.column];
      const std::string question = step.is_categorical ? column.label + " is one of a set?"
                                                       : seqrec::concatenate(column.label, " at most ",
                                                                             seqrec::number_text(step.threshold), "?");
      page.steps.push_back(
          {question, value_text(column, step.value) + (step.went_left ? ": yes" : ": no"), step.before, step.after});
    }
    return page;
  }

  /// The newest events with their mean weight in what the network says of the recommendations.
  std::vector<PageEvent> history(const seqrec::FeatureMoment& moment,
                                 const std::vector<seqrec::Explanation>& explanations) const {
    std::vector<double> weights(moment.history.size());
    for (const seqrec::Explanation& of : explanations)
      for (const seqrec::Watched& event : of.watched)
        weights[static_cast<std::size_t>(event.position)] += event.weight / static_cast<double>(explanations.size());
    std::vector<PageEvent> events;
    for (std::size_t i = moment.history.size(); i-- > 0 && std::ssize(events) < newest;)
      events.push_back({ranker_.features().title(moment.history[i]), weights[i]});
    return events;
  }

  /// Of the columns that matter most, over some users' lists of items drawn at random.
  std::vector<PageImportance> importance() {
    constexpr seqrec::index_t users = 20, items = 50;
    constexpr std::size_t most = 20;
    std::vector<float> rows;
    const seqrec::Features<seqrec::HostSpace> known = seqrec::known_features(*held_out_.data);
    typename seqrec::HybridRanker<Model>::Scorer scorer(ranker_, known);
    for (seqrec::index_t i = 0; i < std::min(users, held_out_.size()); ++i) {
      const seqrec::index_t event = i * held_out_.size() / std::min(users, held_out_.size());
      seqrec::RandomStream random(1, seqrec::Purpose::candidates, static_cast<std::uint64_t>(event));
      std::vector<seqrec::item_t> drawn(static_cast<std::size_t>(items));
      for (auto& one : drawn)
        one = static_cast<seqrec::item_t>(random.below(static_cast<std::uint32_t>(ranker_.num_items())));
      const auto found = scorer.rows(context_, seqrec::moment_of(held_out_, event), drawn,
                                     static_cast<seqrec::user_t>(held_out_.users.data()[event]));
      rows.insert(rows.end(), found.begin(), found.end());
    }
    std::vector<PageImportance> list;
    for (const seqrec::Importance& one :
         seqrec::importance(ranker_.booster(), seqrec::TreeRows<float>{rows, schema_.size()})) {
      if (list.size() == most) break;
      const seqrec::FeatureColumn& column = schema_[one.column];
      list.push_back({column.label, seqrec::name_of(column.group), one.mean_contribution, one.gain});
    }
    return list;
  }

  const seqrec::HybridRanker<Model>& ranker_;
  const seqrec::HeldOut& held_out_;
  const seqrec::FeatureSchema& schema_;
  Context context_;
};

/// The recommendations of a page with their first reasons, for the terminal.
inline void print_reasons(std::ostream& out, const HybridPage& page) {
  out << "user " << page.user << ": what the hybrid recommends, and why\n";
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    const PageItem& item = page.items[i];
    out << std::setw(4) << i + 1 << "  " << item.title << '\n';
    for (std::size_t r = 0; r < std::min<std::size_t>(2, item.reasons_for.size()); ++r)
      out << "        + " << item.reasons_for[r] << '\n';
    if (!item.reasons_against.empty()) out << "        - " << item.reasons_against.front() << '\n';
    if (!item.counterfactual.empty()) out << "        " << item.counterfactual << '\n';
  }
  if (!page.next.empty()) out << "what the user really chose next: " << page.next << '\n';
}

}  // namespace examples
