// SPDX-License-Identifier: Apache-2.0
#include "compare/plan.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "seqrec/core/errors.hpp"

namespace examples::compare {

namespace {

using Json = nlohmann::ordered_json;

/// A part of the file, with where it is for messages. Every member must be asked for, or it is unknown.
class Node {
 public:
  Node(const Json& json, std::string place) : json_(&json), place_(std::move(place)) {
    if (!json.is_object()) fail("expected an object");
  }

  [[noreturn]] void fail(const std::string& complaint) const {
    throw seqrec::DataError(seqrec::concatenate(place_, ": ", complaint));
  }

  bool has(const char* member) {
    known_.insert(member);
    return json_->contains(member);
  }
  std::string text(const char* member) { return text_of(need(member), member); }
  std::string text(const char* member, const std::string& otherwise) { return has(member) ? text(member) : otherwise; }
  bool flag(const char* member, bool otherwise) {
    if (!has(member)) return otherwise;
    const Json& value = (*json_)[member];
    if (!value.is_boolean()) fail(seqrec::concatenate(member, " is ", value.dump(), ", expected true or false"));
    return value.get<bool>();
  }
  std::vector<std::string> texts(const char* member) {
    std::vector<std::string> all;
    for (const Json& value : list(member)) all.push_back(text_of(value, member));
    return all;
  }
  template <class Number>
  std::vector<Number> numbers(const char* member) {
    std::vector<Number> all;
    for (const Json& value : list(member)) {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0)
        fail(seqrec::concatenate(member, " holds ", value.dump(), ", expected whole numbers of at least 1"));
      all.push_back(static_cast<Number>(value.get<std::uint64_t>()));
    }
    return all;
  }
  /// {"loss": "softmax", "dropout": 0.2, "features": true} as --loss softmax --dropout 0.2 --features.
  std::vector<std::string> options(const char* member) {
    std::vector<std::string> all;
    if (!has(member)) return all;
    const Json& given = (*json_)[member];
    if (!given.is_object()) fail(seqrec::concatenate(member, " is ", given.dump(), ", expected an object"));
    for (const auto& [name, value] : given.items()) {
      if (value.is_boolean()) {
        all.push_back("--" + name + (value.get<bool>() ? "" : "=false"));
      } else if (value.is_number() || value.is_string()) {
        all.push_back("--" + name);
        all.push_back(value.is_string() ? value.get<std::string>() : value.dump());
      } else {
        fail(seqrec::concatenate("option ", name, " is ", value.dump(), ", expected a text, a number, true or false"));
      }
    }
    return all;
  }
  /// {"ndcg@10": 0.59}
  std::map<std::string, double> figures(const char* member) {
    std::map<std::string, double> all;
    if (!has(member)) return all;
    const Json& given = (*json_)[member];
    if (!given.is_object()) fail(seqrec::concatenate(member, " is ", given.dump(), ", expected an object"));
    for (const auto& [name, value] : given.items()) {
      if (!value.is_number())
        fail(seqrec::concatenate(member, " has ", name, " ", value.dump(), ", expected a number"));
      all[name] = value.get<double>();
    }
    return all;
  }
  Node node(const char* member) { return {need(member), seqrec::concatenate(place_, ", ", member)}; }
  std::vector<Node> nodes(const char* member) {
    std::vector<Node> all;
    for (const Json& value : list(member))
      all.emplace_back(value, seqrec::concatenate(place_, ", ", member, " ", all.size() + 1));
    return all;
  }
  /// @throws seqrec::DataError for a member that nobody asked for
  void finish() const {
    for (const auto& member : json_->items())
      if (!known_.contains(member.key())) {
        std::string expected;
        for (const std::string& name : known_) expected += (expected.empty() ? "" : ", ") + name;
        fail(seqrec::concatenate("has ", member.key(), ", expected some of ", expected));
      }
  }

 private:
  const Json& need(const char* member) {
    if (!has(member)) fail(seqrec::concatenate("has no ", member));
    return (*json_)[member];
  }
  const Json& list(const char* member) {
    static const Json none = Json::array();
    if (!has(member)) return none;
    const Json& value = (*json_)[member];
    if (!value.is_array()) fail(seqrec::concatenate(member, " is ", value.dump(), ", expected a list"));
    return value;
  }
  std::string text_of(const Json& value, const char* member) const {
    if (!value.is_string() || value.get<std::string>().empty())
      fail(seqrec::concatenate(member, " is ", value.dump(), ", expected a text"));
    return value.get<std::string>();
  }

  const Json* json_;
  std::string place_;
  std::set<std::string> known_;
};

Contender read_contender(Node& node, const std::vector<std::string>& programs) {
  Contender contender;
  contender.name = node.text("name");
  contender.program = node.text("program");
  if (std::find(programs.begin(), programs.end(), contender.program) == programs.end()) {
    std::string there;
    for (const std::string& program : programs) there += (there.empty() ? "" : ", ") + program;
    node.fail(seqrec::concatenate("program is ", contender.program, ", expected one of ", there));
  }
  contender.options = node.options("options");
  contender.models = node.texts("models");
  contender.pick = node.text("pick", "");
  contender.has_length = node.flag("has_length", true);
  contender.has_seed = node.flag("has_seed", true);
  contender.published.source = node.text("source", "");
  if (node.has("published")) {
    Node published = node.node("published");
    for (const char* ranking : {"test", "test_full"}) contender.published.metrics[ranking] = published.figures(ranking);
    published.finish();
  }
  node.finish();
  return contender;
}

/// @throws seqrec::DataError where the name is another's
template <class Named>
void check_new(const Node& node, const std::vector<Named>& others, const std::string& name) {
  for (const Named& other : others)
    if (other.name == name) node.fail(seqrec::concatenate("the name ", name, " is another's, expected a new one"));
}

/// @throws seqrec::DataError where it judges a model that no contender before it trains
void check_models(const Node& node, const std::vector<Contender>& before, const Contender& contender) {
  for (const std::string& model : contender.models)
    if (std::none_of(before.begin(), before.end(), [&](const Contender& other) {
          return other.name == model && other.program.starts_with("train_");
        }))
      node.fail(
          seqrec::concatenate("models holds ", model, ", expected the name of a contender before it that is trained"));
}

Experiment read_experiment(Node& node, const std::vector<std::string>& programs) {
  Experiment experiment;
  experiment.name = node.text("name");
  if (experiment.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    node.fail(seqrec::concatenate("name is ", experiment.name, ", expected small letters, digits and dashes"));
  experiment.title = node.text("title");
  experiment.text = node.text("text", "");
  experiment.data = node.text("data");
  experiment.rankings = node.texts("rankings");
  if (experiment.rankings.empty()) experiment.rankings = {"test"};
  for (const std::string& ranking : experiment.rankings)
    if (ranking != "test" && ranking != "test_full")
      node.fail(seqrec::concatenate("rankings holds ", ranking, ", expected test or test_full"));
  experiment.metrics = node.texts("metrics");
  if (experiment.metrics.empty()) experiment.metrics = {"auc", "hr@10", "ndcg@10"};
  experiment.lengths = node.numbers<std::int64_t>("lengths");
  experiment.seeds = node.numbers<std::uint64_t>("seeds");
  if (experiment.seeds.empty()) experiment.seeds = {1};
  experiment.options = node.options("options");
  for (Node& contender : node.nodes("contenders")) {
    Contender read = read_contender(contender, programs);
    check_new(contender, experiment.contenders, read.name);
    check_models(contender, experiment.contenders, read);
    experiment.contenders.push_back(std::move(read));
  }
  if (experiment.contenders.empty()) node.fail("has no contenders");
  experiment.baseline = node.text("baseline", "");
  if (!experiment.baseline.empty() &&
      std::none_of(experiment.contenders.begin(), experiment.contenders.end(),
                   [&](const Contender& contender) { return contender.name == experiment.baseline; }))
    node.fail(seqrec::concatenate("baseline is ", experiment.baseline, ", expected the name of a contender"));
  node.finish();
  return experiment;
}

}  // namespace

std::string Run::name() const {
  std::string text = experiment->name + "/" + contender->name;
  if (length > 0) text += "/L" + std::to_string(length);
  if (seed > 0) text += "/seed " + std::to_string(seed);
  return text;
}

std::string Run::file_name() const {
  std::string file = name();
  std::replace_if(
      file.begin(), file.end(),
      [](unsigned char letter) { return std::isalnum(letter) == 0 && letter != '-' && letter != '.'; }, '-');
  return file;
}

std::vector<Run> Run::models() const {
  std::vector<Run> all;
  for (const Contender& other : experiment->contenders)
    if (std::find(contender->models.begin(), contender->models.end(), other.name) != contender->models.end())
      all.push_back({experiment, &other, other.has_length ? length : 0, other.has_seed ? seed : 0});
  return all;
}

std::vector<std::string> Run::arguments(const std::filesystem::path& folder) const {
  std::vector<std::string> all = experiment->options;
  all.insert(all.end(), contender->options.begin(), contender->options.end());
  std::string others;
  const std::vector<Run> judged = models();
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const std::string file = (folder / (judged[i].file_name() + ".safetensors")).string();
    if (i == 0)
      all.insert(all.end(), {"--model", file});
    else
      others += (others.empty() ? "" : ",") + file;
  }
  if (!others.empty()) all.insert(all.end(), {"--others", others});
  if (!judged.empty()) return all;  // lengths and seeds are those of the models
  if (length > 0) all.insert(all.end(), {"--max-length", std::to_string(length)});
  if (seed > 0) all.insert(all.end(), {"--seed", std::to_string(seed)});
  return all;
}

std::vector<Run> Plan::runs() const {
  std::vector<Run> all;
  std::size_t most_seeds = 0;
  for (const Experiment& experiment : experiments) most_seeds = std::max(most_seeds, experiment.seeds.size());
  for (std::size_t i = 0; i < most_seeds; ++i)
    for (const Experiment& experiment : experiments) {
      if (i >= experiment.seeds.size()) continue;
      const std::vector<std::int64_t> lengths = experiment.lengths_or_own();
      for (std::size_t l = 0; l < lengths.size(); ++l)
        for (const Contender& contender : experiment.contenders) {
          if ((!contender.has_length && l > 0) || (!contender.has_seed && i > 0)) continue;
          all.push_back({&experiment, &contender, contender.has_length ? lengths[l] : 0,
                         contender.has_seed ? experiment.seeds[i] : 0});
        }
    }
  return all;
}

Plan read_plan(const std::filesystem::path& path, const std::vector<std::string>& programs) {
  std::ifstream file(path);
  if (!file) throw seqrec::DataError(path.string() + ": cannot be read, expected a list of experiments");
  Json json;
  try {
    json = Json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  } catch (const nlohmann::json::parse_error& error) {
    throw seqrec::DataError(seqrec::concatenate(path.string(), ": byte ", error.byte, ": no JSON: ", error.what()));
  }
  Node root(json, path.string());
  Plan plan;
  for (Node& node : root.nodes("experiments")) {
    Experiment experiment = read_experiment(node, programs);
    check_new(node, plan.experiments, experiment.name);
    plan.experiments.push_back(std::move(experiment));
  }
  root.finish();
  if (plan.experiments.empty()) root.fail("has no experiments");
  return plan;
}

}  // namespace examples::compare
