// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_text.hpp"

namespace examples {

/// What values a numeric option takes: a condition and the same in words.
template <class Number>
struct Expected {
  std::function<bool(Number)> holds;
  std::string words;
};

inline Expected<seqrec::index_t> at_least(seqrec::index_t lowest) {
  return {[lowest](seqrec::index_t value) { return value >= lowest; },
          seqrec::concatenate("a whole number of at least ", lowest)};
}
inline Expected<std::uint64_t> any_seed() {
  return {[](std::uint64_t) { return true; }, "a whole number from 0 to 2^64 - 1"};
}
inline Expected<double> positive() {
  return {[](double value) { return value > 0 && value <= std::numeric_limits<double>::max(); }, "a positive number"};
}
inline Expected<double> not_negative() {
  return {[](double value) { return value >= 0 && value <= std::numeric_limits<double>::max(); },
          "a number of at least 0"};
}
inline Expected<double> probability() {
  return {[](double value) { return value >= 0 && value < 1; }, "a number in [0, 1)"};
}

/// The options of an example: CLI11 underneath, with complaints that name the option, the value and what was expected.
/// Variables hold the defaults when an option is declared and what was given once `run_example` has parsed.
class CommandLine {
 public:
  /// @param about what the program does, for --help
  explicit CommandLine(const std::string& about) : app_(about) {}

  /// A number, held by any arithmetic type, or an optional one where there is no default.
  template <class Variable, class Number>
  void number(const std::string& name, Variable& variable, const Expected<Number>& expected, const std::string& about) {
    text(name, "N", default_text(variable), about, [&variable, name, expected](const std::string& given) {
      variable = static_cast<Variable>(parse_number<Number>(name, given, expected));
    });
  }

  /// One of the names of an enumeration.
  template <class Enumeration>
  void choice(const std::string& name, Enumeration& variable, const std::string& about) {
    std::string names;
    for (const char* value : names_of(Enumeration{})) names += (names.empty() ? "" : "|") + std::string(value);
    text(name, names, seqrec::option_text(variable), about, [&variable, name, names](const std::string& given) {
      const auto known = names_of(Enumeration{});
      const auto found = std::find(known.begin(), known.end(), std::string_view(given));
      if (found == known.end())
        throw seqrec::ArgumentError(seqrec::concatenate(name, " is '", given, "', expected one of ", names));
      variable = static_cast<Enumeration>(found - known.begin());
    });
  }

  /// An existing folder (or a file, where a program reads either).
  void input(const std::string& name, std::filesystem::path& variable, const std::string& about) {
    text(name, "DIR", variable.string(), about, [&variable, name](const std::string& given) {
      std::error_code error;
      if (!std::filesystem::exists(given, error))
        throw seqrec::ArgumentError(
            seqrec::concatenate(name, " is '", given, "', expected an existing folder or file"));
      variable = given;
    });
  }

  /// A file to be written. That its folder exists is checked now, and not after an hour of training.
  void output(const std::string& name, std::filesystem::path& variable, const std::string& about) {
    text(name, "FILE", variable.string(), about, [&variable, name](const std::string& given) {
      const std::filesystem::path path(given);
      const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
      std::error_code error;
      if (!path.has_filename() || !std::filesystem::is_directory(folder, error))
        throw seqrec::ArgumentError(
            seqrec::concatenate(name, " is '", given, "', expected a file in a folder that exists"));
      variable = path;
    });
  }

  /// Any other option: `take` gets what was given and throws where that is wrong.
  /// @param kind shown in --help, as is the default
  void text(const std::string& name, const std::string& kind, const std::string& default_text, const std::string& about,
            const std::function<void(const std::string&)>& take) {
    CLI::Option* option = app_.add_option_function<std::string>(name, take, about)->type_name(kind);
    if (!default_text.empty()) option->default_str(default_text);
  }

  void flag(const std::string& name, bool& variable, const std::string& about) { app_.add_flag(name, variable, about); }

  /// Whether an option was on the command line.
  bool given(const std::string& name) const { return app_.count(name) != 0; }

  /// The number that `given` is.
  /// @throws seqrec::ArgumentError naming option, value and expectation
  template <class Number>
  static Number parse_number(const std::string& name, std::string_view given, const Expected<Number>& expected) {
    Number value{};
    const char* const end = given.data() + given.size();
    const auto [stop, error] = std::from_chars(given.data(), end, value);
    if (error != std::errc{} || stop != end || !expected.holds(value))
      throw seqrec::ArgumentError(seqrec::concatenate(name, " is '", given, "', expected ", expected.words));
    return value;
  }

 private:
  template <class Value>
  static std::string default_text(const Value& value) {
    return seqrec::option_text(value);
  }
  template <class Value>
  static std::string default_text(const std::optional<Value>& value) {
    return value ? seqrec::option_text(*value) : std::string();
  }

  template <class Work>
  friend int run_example(CommandLine& line, int argc, char** argv, Work&& work);

  CLI::App app_;
};

/// Reads the command line, then does the example's work. What goes wrong becomes one line on standard error.
/// @return the status for the system
template <class Work>
int run_example(CommandLine& line, int argc, char** argv, Work&& work) {
  try {
    line.app_.parse(argc, argv);
    work();
    return 0;
  } catch (const CLI::ParseError& stop) {  // --help too
    return line.app_.exit(stop);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace examples
