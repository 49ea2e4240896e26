// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_text.hpp"

namespace examples {

/// Somebody wants the program to end; the message says how to go on. Not a mistake, so not a complaint.
struct Interrupted : seqrec::Error {
  using seqrec::Error::Error;
};

/// What values a numeric option takes: a condition and the same in words.
template <class Number>
struct Expected {
  std::function<bool(Number)> holds;
  std::string words;
};

Expected<seqrec::index_t> at_least(seqrec::index_t lowest);
Expected<std::uint64_t> any_seed();
Expected<double> positive();
Expected<double> not_negative();
Expected<double> probability();

/// The options of an example. Complaints name the option, the value and what was expected. Variables hold the defaults
/// when an option is declared, and what was given when `run` calls the example's work.
class CommandLine {
 public:
  /// @param about what the program does, for --help
  explicit CommandLine(const std::string& about);
  ~CommandLine();

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
    choice<Enumeration>(name, variable, about, [&variable](Enumeration given) { variable = given; });
  }
  /// The same where more than a variable depends on it: `take` gets what was given.
  template <class Enumeration, class Take>
  void choice(const std::string& name, Enumeration standard, const std::string& about, Take&& take) {
    std::string names;
    for (const char* value : names_of(Enumeration{})) names.append(names.empty() ? "" : "|").append(value);
    text(name, names, seqrec::option_text(standard), about, [take, name, names](const std::string& given) {
      const auto known = names_of(Enumeration{});
      const auto found = std::find(known.begin(), known.end(), std::string_view(given));
      if (found == known.end())
        throw seqrec::ArgumentError(seqrec::concatenate(name, " is '", given, "', expected one of ", names));
      take(static_cast<Enumeration>(found - known.begin()));
    });
  }

  /// An existing folder (or a file, where a program reads either).
  void input(const std::string& name, std::filesystem::path& variable, const std::string& about);
  /// A file to be written. That its folder exists is checked at once, and not after an hour of training.
  void output(const std::string& name, std::filesystem::path& variable, const std::string& about);
  void flag(const std::string& name, bool& variable, const std::string& about);
  /// Any other option: `take` gets what was given, and throws where that is wrong.
  /// @param kind shown in --help, as is the default
  void text(const std::string& name, const std::string& kind, const std::string& default_text, const std::string& about,
            const std::function<void(const std::string&)>& take);

  /// Whether an option was on the command line.
  bool given(const std::string& name) const;

  /// The number that a text is.
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

  /// Reads the command line, then does the example's work. What goes wrong becomes a line on standard error.
  /// @return the status for the system
  int run(int argc, char** argv, const std::function<void()>& work);

 private:
  template <class Value>
  static std::string default_text(const Value& value) {
    return seqrec::option_text(value);
  }
  template <class Value>
  static std::string default_text(const std::optional<Value>& value) {
    return value ? seqrec::option_text(*value) : std::string();
  }

  struct Parser;  // CLI11, which takes longer to compile than most examples
  std::unique_ptr<Parser> parser_;
};

}  // namespace examples
