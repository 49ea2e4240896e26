// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// The base of everything that seqrec throws for a wrong value.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Extents of arguments disagree; the message names the op, the argument and both values.
struct ShapeError : Error {
  using Error::Error;
};

/// An option or argument lies outside its range; the message names it, its value and the range.
struct ArgumentError : Error {
  using Error::Error;
};

/// A file or data set is not what it must be; the message names the file and the line or field.
struct DataError : Error {
  using Error::Error;
};

/// A loss or gradient stopped being a finite number; the message names the step and the parameter.
struct NonFiniteError : Error {
  using Error::Error;
};

/// The parts written one after another, as `std::ostream` prints them in the classic locale: an application's global
/// locale must not put separators into numbers, also because file and option names are made here.
template <class... Parts>
std::string concatenate(const Parts&... parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  (text << ... << parts);
  return text.str();
}

/// Throws ShapeError unless two extents agree.
/// @param op what is being computed   @param what the extent in words, e.g. "columns of y"
inline void check_extent(const char* op, const char* what, index_t actual, index_t expected) {
  if (actual != expected) throw ShapeError(concatenate(op, ": ", what, " is ", actual, ", expected ", expected));
}

/// Throws ArgumentError unless `holds`; the message is "name is value, expected ...".
template <class Value>
void check_argument(bool holds, const char* name, const Value& value, const char* expected) {
  if (!holds) throw ArgumentError(concatenate(name, " is ", value, ", expected ", expected));
}

}  // namespace seqrec
