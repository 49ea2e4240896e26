// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"

namespace examples {

/// Somebody wants the program to end; the message says how to go on. Not a mistake, so not a complaint.
struct Interrupted : seqrec::Error {
  using seqrec::Error::Error;
};

/// The options of an example. Complaints name the option, the value and what was expected. Variables hold the defaults
/// when an option is declared, and what was given when `run` calls the example's work.
class CommandLine {
 public:
  /// @param about what the program does, for --help
  explicit CommandLine(const std::string& about);
  ~CommandLine();

  /// Declares what a struct's visit_options shows (see seqrec/core/options.hpp): batch_size as --batch-size. Where it
  /// has alternatives, such as optimisers, the options of all are declared, and refused unless theirs is chosen.
  /// @param options  holds the defaults; must outlive `run`
  /// @param names    of options that are called something else, e.g. {"ema_decay", "--ema"}; "" leaves one out, and "!"
  ///                 before the name makes a flag that says the opposite
  template <class Options>
  void options(Options& options, const std::map<std::string, std::string>& names = {}) {
    declare([&options] { return seqrec::list_options(options); },
            [&options, defaults = options] { options = defaults; }, names);
  }

  /// Any other option: `take` gets what was given, and throws where that is wrong.
  /// @param kind shown in --help, as is the default
  void text(const std::string& name, const std::string& kind, const std::string& default_text, const std::string& about,
            const std::function<void(const std::string&)>& take);

  /// Whether an option was on the command line.
  bool given(const std::string& name) const;

  /// Reads the command line, then does the example's work. What goes wrong becomes a line on standard error.
  /// @return the status for the system
  int run(int argc, char** argv, const std::function<void()>& work);

 private:
  using List = std::function<seqrec::OptionList()>;
  void declare(const List& list, const std::function<void()>& restore, const std::map<std::string, std::string>& names);

  struct Group;
  struct Parser;  // CLI11, which takes longer to compile than most examples
  std::unique_ptr<Parser> parser_;
};

}  // namespace examples
