// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_range.hpp"
#include "seqrec/core/option_text.hpp"

namespace seqrec {

/// Whether results depend on an option. Those on which they do not (threads, files) are in no result file.
enum class OptionEffect { decides, none };

/// What kind of value an option has.
enum class OptionKind {
  whole_number,
  number,
  flag,         ///< true or false
  one_of,       ///< a name of an enumeration
  alternative,  ///< the name of a std::variant's, on which it depends what options follow
  list,         ///< whole numbers, as "80-40", or names, as "a b"
  text,         ///< a std::string
  file_in,      ///< a path: read, if it is not empty
  file_out,     ///< a path: written, if it is not empty
};

/// One option of a struct of options, which must outlive it.
struct Option {
  std::string name;
  std::string help;
  OptionRange range{};
  OptionEffect effect = OptionEffect::decides;
  OptionKind kind = OptionKind::text;
  std::vector<std::string> names{};  ///< to choose from

  void* value = nullptr;
  std::string (*text_of)(const void*) = nullptr;
  void (*parse)(const std::string&, std::string_view, void*) = nullptr;
  bool (*allowed)(const void*, const OptionRange&) = nullptr;

  /// The value as text (see core/option_text.hpp).
  std::string text() const { return text_of(value); }
  /// Takes a value that text() wrote; whether it is in range is another question.
  /// @throws DataError when the text is no value of the option's type
  void read(std::string_view given) const { parse(name, given, value); }
  bool in_range() const { return allowed == nullptr || allowed(value, range); }
};

namespace detail {

template <class Value>
inline constexpr bool is_list = false;
template <class Element>
inline constexpr bool is_list<std::vector<Element>> = true;

template <class Value>
inline constexpr bool is_number_list = false;
template <std::integral Element>
inline constexpr bool is_number_list<std::vector<Element>> = true;

template <class Value>
constexpr OptionKind kind_of_option() {
  if (std::is_same_v<Value, bool>) return OptionKind::flag;
  if (std::is_floating_point_v<Value>) return OptionKind::number;
  if (std::is_integral_v<Value>) return OptionKind::whole_number;
  if (std::is_enum_v<Value>) return OptionKind::one_of;
  return is_list<Value> ? OptionKind::list : OptionKind::text;
}

template <class Value>
bool option_allowed(const void* value, const OptionRange& range) {
  if constexpr (is_number_list<Value>) {
    const Value& list = *static_cast<const Value*>(value);
    if (list.size() > range.longest) return false;
    for (const auto element : list)
      if (!range.contains(static_cast<double>(element))) return false;
    return true;
  } else {
    return range.contains(static_cast<double>(*static_cast<const Value*>(value)));
  }
}

/// What an alternative of a std::variant is called among options: its `key`, or its name where it has no shorter one.
template <class Alternative>
std::string name_of_alternative() {
  if constexpr (requires { Alternative::key; }) {
    return Alternative::key;
  } else {
    static_assert(
        requires { Alternative::name; }, "seqrec: an alternative among options needs a static name or key");
    return Alternative::name;
  }
}

template <class Variant>
struct Alternatives;
template <class... Kinds>
struct Alternatives<std::variant<Kinds...>> {
  using Variant = std::variant<Kinds...>;
  static std::vector<std::string> names() { return {name_of_alternative<Kinds>()...}; }
  static std::string text_of(const void* value) { return names()[static_cast<const Variant*>(value)->index()]; }
  /// One that is chosen already keeps its options.
  static void parse(const std::string& name, std::string_view text, void* value) {
    if ((take<Kinds>(text, *static_cast<Variant*>(value)) || ...)) return;
    std::string all;
    for (const std::string& one : names()) all += (all.empty() ? "" : ", ") + one;
    refuse_option(name, text, "one of " + all);
  }

 private:
  template <class Kind>
  static bool take(std::string_view text, Variant& variant) {
    if (text != name_of_alternative<Kind>()) return false;
    if (!std::holds_alternative<Kind>(variant)) variant = Kind{};
    return true;
  }
};

}  // namespace detail

/// The options of a struct, collected by its visit_options.
class OptionList {
 public:
  /// A number, a truth value, an enumeration, a text or a list of numbers.
  template <class Value>
  void operator()(const char* name, Value& value, const OptionRange& range, const char* help,
                  OptionEffect effect = OptionEffect::decides) {
    Option& option = add(name, help, effect, detail::kind_of_option<Value>(), value);
    option.range = range;
    if constexpr (std::is_arithmetic_v<Value> || detail::is_number_list<Value>)
      option.allowed = detail::option_allowed<Value>;
    if constexpr (std::is_enum_v<Value>)
      for (const char* const one : names_of(Value{})) option.names.emplace_back(one);
  }
  /// A path. Results do not depend on where a file lies.
  template <class Path>
  void operator()(const char* name, Path& value, ReadFile, const char* help) {
    add(name, help, OptionEffect::none, OptionKind::file_in, value);
  }
  template <class Path>
  void operator()(const char* name, Path& value, WrittenFile, const char* help) {
    add(name, help, OptionEffect::none, OptionKind::file_out, value);
  }
  /// One of several structs of options.
  template <class... Kinds>
  void operator()(const char* name, std::variant<Kinds...>& value, const char* help) {
    using Access = detail::Alternatives<std::variant<Kinds...>>;
    options_.push_back({.name = prefix_ + name,
                        .help = help,
                        .kind = OptionKind::alternative,
                        .names = Access::names(),
                        .value = &value,
                        .text_of = Access::text_of,
                        .parse = Access::parse});
    std::visit([this](auto& chosen) { (*this)("", chosen); }, value);
  }
  /// The options of a struct, if it has any, each with the prefix before its name.
  template <class Options>
  void operator()(const char* prefix, Options& nested);

  auto begin() const { return options_.begin(); }
  auto end() const { return options_.end(); }

 private:
  template <class Value>
  Option& add(const char* name, const char* help, OptionEffect effect, OptionKind kind, Value& value) {
    options_.push_back({.name = prefix_ + name,
                        .help = help,
                        .effect = effect,
                        .kind = kind,
                        .value = &value,
                        .text_of = [](const void* v) { return option_text(*static_cast<const Value*>(v)); },
                        .parse = [](const std::string& n, std::string_view t,
                                    void* v) { parse_option(n, t, *static_cast<Value*>(v)); }});
    return options_.back();
  }

  std::string prefix_;
  std::vector<Option> options_;
};

template <class Options>
void OptionList::operator()(const char* prefix, Options& nested) {
  if constexpr (requires { nested.visit_options(*this); }) {
    const std::string outer = prefix_;
    prefix_ += prefix;
    nested.visit_options(*this);
    prefix_ = outer;
  }
}

/// What a struct shows of itself, in its order.   @param options  must outlive the list
template <class Options>
OptionList list_options(Options& options) {
  OptionList list;
  options.visit_options(list);
  return list;
}

}  // namespace seqrec
