// SPDX-License-Identifier: Apache-2.0
#include "common/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <exception>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace examples {

namespace {

using seqrec::concatenate, seqrec::Option, seqrec::OptionKind;

/// "sampled softmax" -> "sampled-softmax", "SGD" -> "sgd": names as they stand on a command line.
std::string dashed(std::string name) {
  for (char& c : name) c = c == ' ' || c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : "|") + dashed(name);
  return text;
}

/// What an option takes, in words.
std::string expectation(const Option& option) {
  const auto& [lowest, highest, above, below, longest, words] = option.range;
  const bool limited = highest < std::numeric_limits<double>::max();
  const auto whole = [](double value) { return static_cast<long long>(value); };
  switch (option.kind) {
    case OptionKind::whole_number:
      if (words.empty()) return "a whole number from 0 to 2^64 - 1";
      if (!limited) return concatenate("a whole number of at least ", whole(lowest));
      return concatenate("a whole number from ", whole(lowest), " to ", whole(highest));
    case OptionKind::number:
      if (!limited) return above ? "a positive number" : concatenate("a number of at least ", lowest);
      if (!above && !below) return concatenate("a number from ", lowest, " to ", highest);
      return concatenate("a number in ", above ? "(" : "[", lowest, ", ", highest, below ? ")" : "]");
    case OptionKind::one_of:
    case OptionKind::alternative:
      return "one of " + joined(option.names);
    default:
      return words.empty() ? "a text" : words;
  }
}

/// What stands for the value in --help.
std::string placeholder(const Option& option) {
  switch (option.kind) {
    case OptionKind::one_of:
    case OptionKind::alternative:
      return joined(option.names);
    case OptionKind::list:
      return "A-B-...";
    case OptionKind::text:
      return "TEXT";
    case OptionKind::file_in:
      return "DIR";
    case OptionKind::file_out:
      return "FILE";
    default:
      return "N";
  }
}

[[noreturn]] void refuse(const std::string& name, const std::string& given, const std::string& expected) {
  throw seqrec::ArgumentError(concatenate(name, " is '", given, "', expected ", expected));
}

/// That files are there, or can be written, is checked at once, and not after an hour of training.
void check_file(OptionKind kind, const std::string& name, const std::string& given) {
  const std::filesystem::path path(given), folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code error;
  if (kind == OptionKind::file_in && !std::filesystem::exists(path, error))
    refuse(name, given, "an existing folder or file");
  if (kind == OptionKind::file_out && (!path.has_filename() || std::filesystem::is_directory(path, error) ||
                                       !std::filesystem::is_directory(folder, error)))
    refuse(name, given, "a file in a folder that exists");
}

void take(const Option& option, const std::string& name, const std::string& given) {
  check_file(option.kind, name, given);
  std::string text = given;
  for (const std::string& known : option.names)
    if (dashed(known) == given) text = known;
  try {
    option.read(text);
  } catch (const seqrec::DataError&) {
    refuse(name, given, expectation(option));
  }
  if (!option.in_range()) refuse(name, given, expectation(option));
}

}  // namespace

/// The options of one struct.
struct CommandLine::Group {
  struct Entry {
    std::string name{};                                    ///< on the command line
    std::optional<std::string> given{};                    ///< there
    std::map<std::string, std::set<std::string>> where{};  ///< alternatives that have it, of options that choose
  };
  List list;
  std::map<std::string, Entry> entries{};  ///< by the names of the options

  /// Gives the struct what was on the command line: choices first, since they decide which options there are.
  void apply() {
    std::set<std::string> taken;
    for (bool changed = true; changed;) {
      changed = false;
      for (const Option& option : list()) {
        const auto entry = entries.find(option.name);
        if (entry == entries.end() || !entry->second.given || !taken.insert(option.name).second) continue;
        take(option, entry->second.name, *entry->second.given);
        changed = option.kind == OptionKind::alternative;
        if (changed) break;  // the list may be another one now
      }
    }
    for (const auto& [name, entry] : entries)
      if (entry.given && !taken.contains(name)) complain(entry);
  }

 private:
  /// An option was given that the alternative does not have.
  void complain(const Entry& entry) const {
    for (const Option& chooser : list()) {
      const auto alternatives = entry.where.find(chooser.name);
      if (alternatives == entry.where.end() || alternatives->second.contains(chooser.text())) continue;
      const std::string& name = entries.at(chooser.name).name;
      throw seqrec::ArgumentError(concatenate(entry.name, " is given with ", name, " ", dashed(chooser.text()),
                                              ", which has none, expected ", name, " ",
                                              joined({alternatives->second.begin(), alternatives->second.end()})));
    }
  }
};

struct CommandLine::Parser {
  CLI::App app;
  std::vector<std::unique_ptr<Group>> groups;

  /// Declares what there is with every choice of alternatives, and notes with which.
  /// @param chosen  so far: (option, alternative)
  void explore(Group& group, const std::map<std::string, std::string>& names,
               const std::vector<std::pair<std::string, std::string>>& chosen = {}) {
    const auto is_open = [&](const Option& option) {
      return option.kind == OptionKind::alternative &&
             std::none_of(chosen.begin(), chosen.end(),
                          [&](const auto& choice) { return choice.first == option.name; });
    };
    const seqrec::OptionList list = group.list();
    for (const Option& option : list) declare(group, option, names);
    const auto open = std::find_if(list.begin(), list.end(), is_open);
    if (open == list.end()) {
      for (const Option& option : list)
        if (const auto entry = group.entries.find(option.name); entry != group.entries.end())
          for (const auto& [chooser, alternative] : chosen) entry->second.where[chooser].insert(alternative);
      return;
    }
    for (const std::string& alternative : open->names) {
      open->read(alternative);
      auto path = chosen;
      path.emplace_back(open->name, alternative);
      explore(group, names, path);
    }
  }

 private:
  void declare(Group& group, const Option& option, const std::map<std::string, std::string>& names) {
    const auto renamed = names.find(option.name);
    const std::string declared = renamed != names.end() ? renamed->second : "--" + dashed(option.name);
    if (declared.empty()) return;
    const auto [at, is_new] = group.entries.try_emplace(option.name);
    if (!is_new) return;
    at->second.name = declared.substr(declared.front() == '!');
    add(option, at->second, declared);
  }

  void add(const Option& option, Group::Entry& entry, const std::string& declared) {
    std::string about = option.help + (option.range.words.empty() ? "" : "; " + option.range.words);
    if (option.kind == OptionKind::flag) {
      if (declared.front() == '!')
        about = "not: " + about;
      else if (option.text() == "true")
        about += "; so unless " + declared + "=false";
      app.add_flag_function(
          declared, [&entry](std::int64_t count) { entry.given = count > 0 ? "true" : "false"; }, about);
      return;
    }
    const std::string standard = !option.names.empty() ? dashed(option.text()) : option.text();
    CLI::Option* const added = app.add_option_function<std::string>(
        declared, [&entry](const std::string& given) { entry.given = given; }, about);
    added->type_name(placeholder(option));
    if (!standard.empty()) added->default_str(standard);
  }
};

CommandLine::CommandLine(const std::string& about) : parser_(std::make_unique<Parser>()) {
  parser_->app.description(about);
}
CommandLine::~CommandLine() = default;

void CommandLine::declare(const List& list, const std::function<void()>& restore,
                          const std::map<std::string, std::string>& names) {
  parser_->groups.push_back(std::make_unique<Group>(Group{list}));
  parser_->explore(*parser_->groups.back(), names);
  restore();
}

void CommandLine::text(const std::string& name, const std::string& kind, const std::string& default_text,
                       const std::string& about, const std::function<void(const std::string&)>& take) {
  parser_->app.add_option_function<std::string>(name, take, about)->type_name(kind)->default_str(default_text);
}

bool CommandLine::given(const std::string& name) const { return parser_->app.count(name) != 0; }

int CommandLine::run(int argc, char** argv, const std::function<void()>& work) {
  try {
    parser_->app.parse(argc, argv);
    for (const std::unique_ptr<Group>& group : parser_->groups) group->apply();
    work();
    return 0;
  } catch (const CLI::ParseError& stop) {  // --help too
    return parser_->app.exit(stop);
  } catch (const Interrupted& stop) {
    std::cout << std::flush;
    std::cerr << stop.what() << '\n';
    return 130;  // as shells report an end by Ctrl-C
  } catch (const std::exception& error) {
    std::cout << std::flush;
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace examples
