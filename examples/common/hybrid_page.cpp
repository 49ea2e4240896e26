// SPDX-License-Identifier: Apache-2.0
#include "common/hybrid_page.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <string_view>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"

namespace examples {

namespace {

/// Colours by group, which people tell apart who do not see red and green as others do; dark enough for white paper.
constexpr std::string_view style = R"(
:root { --ink: #1c2430; --dim: #5a6675; --line: #d9dfe7; --for: #0b6e99; --against: #b4520a; --paper: #ffffff; --back: #f3f5f8;
  --deep: #6b4fa0; --user: #a8518a; --item: #0b6e99; --sequence: #2f7d4f; --time: #b4520a; --cross: #8a6d00; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1.05rem; margin: 0; }
h4 { font-size: .8rem; letter-spacing: .04em; text-transform: uppercase; color: var(--dim); margin: 1rem 0 .3rem; }
p { margin: .3rem 0; }
.dim { color: var(--dim); }
section.panel, article { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.1rem;
  margin: 0 0 1rem; }
article header { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap; }
article header .rank { font-weight: 700; font-size: 1.3rem; color: var(--for); min-width: 1.6rem; }
article header .score { margin-left: auto; color: var(--dim); font-variant-numeric: tabular-nums; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2rem; }
ul { margin: .2rem 0; padding-left: 1.1rem; }
.bars { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr max-content; gap: .2rem .6rem; align-items: center;
  font-size: .9rem; }
.row { display: contents; }
.bars .label { overflow-wrap: anywhere; max-width: 16rem; }
.bars .number { font-variant-numeric: tabular-nums; text-align: right; color: var(--dim); }
.track { position: relative; height: .85rem; background: var(--back); border-radius: .2rem; min-width: 4rem; }
.track i { position: absolute; top: 0; bottom: 0; border-radius: .2rem; background: var(--for); }
.track.both::after { content: ""; position: absolute; left: 50%; top: -.1rem; bottom: -.1rem; width: 1px; background: var(--dim); }
i.against { background: var(--against); }
i.deep { background: var(--deep); } i.user { background: var(--user); } i.item { background: var(--item); }
i.sequence { background: var(--sequence); } i.time { background: var(--time); } i.cross { background: var(--cross); }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .85rem; color: var(--dim); margin: .2rem 0 .8rem; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .35rem; vertical-align: -.05rem; }
.change { border-left: .25rem solid var(--against); padding: .2rem .7rem; margin: .8rem 0 0; background: var(--back); }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--dim); }
ol.path { margin: .3rem 0 .6rem; padding-left: 1.4rem; font-size: .9rem; }
footer { color: var(--dim); font-size: .85rem; }
@media (max-width: 34rem) { .bars { display: block; } .bars .label { max-width: none; } main { padding: 1rem .6rem 3rem; }
  .row { display: grid; grid-template-columns: 1fr max-content; gap: 0 .6rem; margin-bottom: .35rem; }
  .row .track { grid-column: 1 / -1; grid-row: 2; height: .6rem; } }
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '&')
      result += "&amp;";
    else if (letter == '<')
      result += "&lt;";
    else if (letter == '>')
      result += "&gt;";
    else if (letter == '"')
      result += "&quot;";
    else
      result += letter;
  }
  return result;
}

std::string number(double value, int digits = 3) {
  return seqrec::concatenate(std::fixed, std::setprecision(digits), value);
}
std::string signed_number(double value) { return (value < 0 ? "−" : "+") + number(std::abs(value)); }

/// A bar from the left, `share` of its track long.
std::string bar(double share, const std::string& kind) {
  return seqrec::concatenate("<span class=\"track\"><i class=\"", kind,
                             "\" style=\"left:0;width:", number(100 * std::clamp(share, 0.0, 1.0), 1),
                             "%\"></i></span>");
}

/// One that goes to the right of the middle, or to its left.
std::string bar_both(double share, const std::string& kind) {
  const double width = 50 * std::clamp(std::abs(share), 0.0, 1.0);
  return seqrec::concatenate("<span class=\"track both\"><i class=\"", kind,
                             "\" style=\"left:", number(share < 0 ? 50 - width : 50, 1), "%;width:", number(width, 1),
                             "%\"></i></span>");
}

template <class Of>
double largest(const auto& list, Of of) {
  double most = 1e-12;
  for (const auto& one : list) most = std::max(most, std::abs(of(one)));
  return most;
}

std::string contributions(const std::vector<PageContribution>& list, double most, bool by_group) {
  std::string html = "<div class=\"bars\">\n";
  for (const PageContribution& one : list) {
    const std::string label =
        escaped(one.label) + (one.value.empty() ? "" : " <span class=\"dim\">= " + escaped(one.value) + "</span>");
    html += "<div class=\"row\"><span class=\"label\">" + label + "</span>" +
            bar_both(one.contribution / most, by_group               ? one.group
                                              : one.contribution < 0 ? "against"
                                                                     : "for") +
            "<span class=\"number\">" + signed_number(one.contribution) + "</span></div>\n";
  }
  return html + "</div>\n";
}

std::string sentences(const char* heading, const std::vector<std::string>& list) {
  if (list.empty()) return "";
  std::string html = seqrec::concatenate("<h4>", heading, "</h4><ul>");
  for (const std::string& sentence : list) html += "<li>" + escaped(sentence) + "</li>";
  return html + "</ul>\n";
}

std::string events(const std::vector<PageEvent>& list) {
  const double most = largest(list, [](const PageEvent& event) { return event.weight; });
  std::string html = "<div class=\"bars\">\n";
  for (const PageEvent& event : list)
    html += "<div class=\"row\"><span class=\"label\">" + escaped(event.title) + "</span>" +
            bar(event.weight / most, "deep") + "<span class=\"number\">" + number(event.weight) + "</span></div>\n";
  return html + "</div>\n";
}

std::string paths(const std::vector<PagePath>& list) {
  if (list.empty()) return "";
  std::string html = "<details><summary>The trees that say most about it</summary>\n";
  for (const PagePath& path : list) {
    html += seqrec::concatenate("<p>Tree ", path.tree + 1, " adds ", signed_number(path.output),
                                ":</p><ol class=\"path\">");
    for (const PageStep& step : path.steps)
      html += "<li>" + escaped(step.question) + " <b>" + escaped(step.answer) + "</b> <span class=\"dim\">" +
              signed_number(step.before) + " → " + signed_number(step.after) + "</span></li>";
    html += "</ol>\n";
  }
  return html + "</details>\n";
}

std::string article(const PageItem& item, std::size_t rank, double most_of_groups) {
  std::string html = seqrec::concatenate("<article id=\"item-", rank, "\">\n<header><span class=\"rank\">", rank,
                                         "</span><h3>", escaped(item.title), "</h3><span class=\"score\">score ",
                                         number(item.score), "</span></header>\n<div class=\"two\">\n<div>\n");
  html += "<h4>What it is made of</h4>" + contributions(item.groups, most_of_groups, true);
  html += sentences("For it", item.reasons_for) + sentences("Against it", item.reasons_against);
  html += "</div>\n<div>\n";
  const double most = largest(item.contributions, [](const PageContribution& one) { return one.contribution; });
  html += "<h4>Features that moved the score</h4>" + contributions(item.contributions, most, false);
  if (!item.watched.empty()) html += "<h4>What of your history weighed most</h4>" + events(item.watched);
  html += "</div>\n</div>\n";
  if (!item.counterfactual.empty()) html += "<p class=\"change\">" + escaped(item.counterfactual) + "</p>\n";
  return html + paths(item.paths) + "</article>\n";
}

std::string importance(const std::vector<PageImportance>& list) {
  const double most = largest(list, [](const PageImportance& one) { return one.mean_contribution; });
  const double most_gain = largest(list, [](const PageImportance& one) { return one.gain; });
  std::string html = "<section class=\"panel\" id=\"importance\">\n<div class=\"two\">\n";
  for (const bool of_gain : {false, true}) {
    html += seqrec::concatenate("<div><h4>", of_gain ? "Gain of its splits in training" : "Mean size of contributions",
                                "</h4><div class=\"bars\">\n");
    for (const PageImportance& one : list)
      html += "<div class=\"row\"><span class=\"label\">" + escaped(one.label) + "</span>" +
              bar(of_gain ? one.gain / most_gain : one.mean_contribution / most, one.group) +
              "<span class=\"number\">" + number(of_gain ? one.gain / most_gain : one.mean_contribution) +
              "</span></div>\n";
    html += "</div></div>\n";
  }
  return html + "</div>\n</section>\n";
}

std::string key() {
  std::string html = "<p class=\"key\">";
  for (const char* group : {"deep", "user", "item", "sequence", "time", "cross"})
    html += seqrec::concatenate("<span><i class=\"", group, "\"></i>", group, "</span>");
  return html + "</p>\n";
}

}  // namespace

void write_page(const std::filesystem::path& path, const HybridPage& page) {
  const std::string title =
      seqrec::concatenate(page.items.size(), " recommendations for user ", page.user, ", and why");
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>" +
      escaped(title) + "</title>\n<style>" + std::string(style) + "</style>\n</head>\n<body>\n<main>\n<h1>" +
      escaped(title) + "</h1>\n<p class=\"dim\">" + escaped(page.data) + "; " + escaped(page.model) + "</p>\n";
  if (!page.next.empty())
    html +=
        "<p class=\"dim\">What the user really chose next, which nobody was shown: " + escaped(page.next) + "</p>\n";
  html += "<h2>The recommendations</h2>\n" + key();
  double most = 1e-12;
  for (const PageItem& item : page.items)
    most = std::max(most, largest(item.groups, [](const PageContribution& one) { return one.contribution; }));
  for (std::size_t i = 0; i < page.items.size(); ++i) html += article(page.items[i], i + 1, most);
  html +=
      "<h2>The history they come from</h2>\n<section class=\"panel\" id=\"history\">\n<p class=\"dim\">Newest first, "
      "with "
      "how much each weighed in the network's attention, on average over the recommendations.</p>\n" +
      events(page.history) + "</section>\n";
  html += "<h2>What the trees go by, for everybody</h2>\n" + key() + importance(page.importance);
  html += "<footer>\n";
  for (const std::string& note : page.notes) html += "<p>" + escaped(note) + "</p>\n";
  html += "</footer>\n</main>\n</body>\n</html>\n";
  seqrec::write_file_atomically(path, html);
}

}  // namespace examples
