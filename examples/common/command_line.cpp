// SPDX-License-Identifier: Apache-2.0
#include "common/command_line.hpp"

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <limits>

namespace examples {

namespace {

bool finite(double value) { return value <= std::numeric_limits<double>::max(); }

}  // namespace

Expected<seqrec::index_t> at_least(seqrec::index_t lowest) {
  return {[lowest](seqrec::index_t value) { return value >= lowest; },
          seqrec::concatenate("a whole number of at least ", lowest)};
}
Expected<std::uint64_t> any_seed() {
  return {[](std::uint64_t) { return true; }, "a whole number from 0 to 2^64 - 1"};
}
Expected<double> positive() {
  return {[](double value) { return value > 0 && finite(value); }, "a positive number"};
}
Expected<double> not_negative() {
  return {[](double value) { return value >= 0 && finite(value); }, "a number of at least 0"};
}
Expected<double> probability() {
  return {[](double value) { return value >= 0 && value < 1; }, "a number in [0, 1)"};
}

struct CommandLine::Parser {
  CLI::App app;
};

CommandLine::CommandLine(const std::string& about) : parser_(std::make_unique<Parser>()) {
  parser_->app.description(about);
}
CommandLine::~CommandLine() = default;

void CommandLine::input(const std::string& name, std::filesystem::path& variable, const std::string& about) {
  text(name, "DIR", variable.string(), about, [&variable, name](const std::string& given) {
    std::error_code error;
    if (!std::filesystem::exists(given, error))
      throw seqrec::ArgumentError(seqrec::concatenate(name, " is '", given, "', expected an existing folder or file"));
    variable = given;
  });
}

void CommandLine::output(const std::string& name, std::filesystem::path& variable, const std::string& about) {
  text(name, "FILE", variable.string(), about, [&variable, name](const std::string& given) {
    const std::filesystem::path path(given);
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    std::error_code error;
    if (!path.has_filename() || std::filesystem::is_directory(path, error) ||
        !std::filesystem::is_directory(folder, error))
      throw seqrec::ArgumentError(
          seqrec::concatenate(name, " is '", given, "', expected a file in a folder that exists"));
    variable = path;
  });
}

void CommandLine::flag(const std::string& name, bool& variable, const std::string& about) {
  parser_->app.add_flag(name, variable, about);
}

void CommandLine::text(const std::string& name, const std::string& kind, const std::string& default_text,
                       const std::string& about, const std::function<void(const std::string&)>& take) {
  CLI::Option* const option = parser_->app.add_option_function<std::string>(name, take, about)->type_name(kind);
  if (!default_text.empty()) option->default_str(default_text);
}

bool CommandLine::given(const std::string& name) const { return parser_->app.count(name) != 0; }

int CommandLine::run(int argc, char** argv, const std::function<void()>& work) {
  try {
    parser_->app.parse(argc, argv);
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
