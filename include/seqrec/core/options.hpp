// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_list.hpp"

namespace seqrec {

// A struct of options says once, in its member visit_options, what each option is called, what it may be and what it
// means:
//
//     template <class Visitor>
//     void visit_options(Visitor&& visit) {
//       visit("width", width, in_range(1, 65536), "columns of the model's activations");
//       visit("plateau_", plateau);                           // those of a struct within, with a prefix
//       visit("optimizer", optimizer, "what moves weights");  // a std::variant: its name, then those of the chosen one
//     }
//
// Checking, checkpoints, result files, the identity of runs and command lines come from there. The visitor is an
// OptionList, which forgets the types, so that those who read options are ordinary functions.

/// An option and its value, for files and people.
struct OptionValue {
  std::string name, text;
  OptionKind kind;
};

namespace detail {

SEQREC_FUNCTION std::vector<OptionValue> deciding_values(const OptionList& list);
SEQREC_FUNCTION void check_each_option(const char* owner, const OptionList& list);

}  // namespace detail

/// What decides the results of a run among a struct's options; empty for one that has no visit_options.
template <class Options>
std::vector<OptionValue> option_values(Options options) {
  OptionList list;
  list("", options);
  return detail::deciding_values(list);
}

/// @param owner  of the options, for the message: "SasRec width is 0, expected 1 .. 65536"
/// @throws ArgumentError naming the first option that is out of range
template <class Options>
void check_options(const char* owner, Options options) {
  detail::check_each_option(owner, list_options(options));
}

#if SEQREC_BODIES

SEQREC_FUNCTION void detail::check_each_option(const char* owner, const OptionList& list) {
  for (const Option& option : list) {
    if (option.in_range()) continue;
    std::string text = option.text();
    if (text.size() > 100) text.replace(100, text.npos, "...");  // a list may come from a file, and be of any length
    throw ArgumentError(concatenate(owner, " ", option.name, " is ", text, ", expected ", option.range.words));
  }
}

SEQREC_FUNCTION std::vector<OptionValue> detail::deciding_values(const OptionList& list) {
  std::vector<OptionValue> values;
  for (const Option& option : list)
    if (option.effect == OptionEffect::decides) values.push_back({option.name, option.text(), option.kind});
  return values;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
