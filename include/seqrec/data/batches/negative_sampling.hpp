// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"

namespace seqrec {

/// What training negatives are drawn from.
struct NegativeSampling {
  /// 0: uniform; else item i is drawn with probability ~ (training events of i)^popularity_exponent. Items without
  /// training events are never drawn then.
  double popularity_exponent = 0;
  bool reject_seen = true;  ///< never draw a training item of the user
  bool distinct = false;    ///< no item twice in one list (of a position, or of those who share it); uniform draws only

  /// What is not as usual, for the names of objectives: " by popularity^0.75, seen items among them".
  std::string text() const {
    return (popularity_exponent != 0 ? concatenate(" by popularity^", popularity_exponent) : std::string()) +
           (distinct ? ", no item twice" : "") + (reject_seen ? "" : ", seen items among them");
  }
  /// @throws ArgumentError if the exponent is negative or not finite, or not 0 where items are distinct
  void check() const {
    check_options("NegativeSampling", *this);
    check_argument(!distinct || popularity_exponent == 0, "popularity_exponent", popularity_exponent,
                   "0 with distinct: without replacement, how often an item is drawn is no power of its popularity");
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("popularity_exponent", popularity_exponent, not_negative(),
          "negatives are drawn with probability ~ (training events)^this; 0 is uniform");
    visit("reject_seen", reject_seen, any(), "a user's own training items are no negatives");
    visit("distinct", distinct, any(), "negatives are drawn without replacement: no item twice in a list");
  }
};

}  // namespace seqrec
