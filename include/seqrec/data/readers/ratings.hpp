// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/readers/digits.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

/// What a column of ratings may hold.
struct RatingScale {
  double least = -static_cast<double>(std::numeric_limits<float>::max());
  double greatest = static_cast<double>(std::numeric_limits<float>::max());
  double step = 0;  ///< from the least on; 0 for any number between

  /// @param text  as ReadOptions::rating_scale   @throws ArgumentError for a text that is no scale
  static RatingScale parse(std::string_view text) {
    RatingScale scale;
    if (text == "any") return scale;
    const auto number = [](std::string_view digits, double& value) {
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return error == std::errc{} && stop == digits.data() + digits.size() && std::isfinite(value);
    };
    const std::size_t dots = text.find(".."), colon = text.find(':');
    const bool read =
        dots != std::string_view::npos && number(text.substr(0, dots), scale.least) &&
        number(text.substr(dots + 2, colon == std::string_view::npos ? colon : colon - dots - 2), scale.greatest) &&
        (colon == std::string_view::npos || (number(text.substr(colon + 1), scale.step) && scale.step > 0));
    check_argument(read && scale.least < scale.greatest, "rating_scale", TextFile::quote(text),
                   "two numbers as 1..10, with a step as 0.5..5:0.5, or any");
    return scale;
  }

  bool holds(double rating) const {
    if (!(rating >= least && rating <= greatest)) return false;
    if (step == 0) return true;
    const double steps = (rating - least) / step;
    return std::abs(steps - std::round(steps)) < 1e-6;
  }

  /// "a finite number", "a number from 0.5 to 5 in steps of 0.5".
  std::string words() const {
    if (least == RatingScale().least) return "a finite number that a float holds";
    return concatenate("a number from ", least, " to ", greatest) +
           (step == 0 ? std::string() : concatenate(" in steps of ", step));
  }
};

namespace detail {

/// Checks ratings and says which events stay.
class RatingFilter {
 public:
  /// @param usual_scale  of the format, where options name none
  RatingFilter(const ReadOptions& options, const char* usual_scale)
      : scale_(RatingScale::parse(options.rating_scale.empty() ? usual_scale : options.rating_scale)),
        threshold_(options.least_rating) {
    check_argument(!std::isnan(threshold_), "least_rating", threshold_, "a number");
    for (std::size_t tenths = 0; tenths < of_tenths_.size(); ++tenths) of_tenths_[tenths] = judge(tenths_of(tenths));
  }

  /// Whether ratings decide anything.
  bool has_threshold() const { return threshold_ > -std::numeric_limits<double>::infinity(); }

  /// Whether the event of the file's current line stays.   @throws DataError for a rating that is none
  bool keeps(const TextFile& file, std::string_view field) {
    const bool tenths = field.size() == 3 && field[1] == '.';
    if (const std::int64_t digit = few_digits(field.substr(0, 1)); digit >= 0 && (tenths || field.size() == 1))
      if (const std::int64_t tenth = tenths ? few_digits(field.substr(2)) : 0; tenth >= 0) {  // nearly all are
        const auto tenths_together = static_cast<std::size_t>(10 * digit + tenth);
        const Verdict verdict = of_tenths_[tenths_together];
        if (verdict == Verdict::wrong) fail(file, field);
        last_ = tenths_of(tenths_together);
        return count(verdict == Verdict::keep);
      }
    const char* const end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, last_);
    if (error != std::errc{} || stop != end || judge(last_) == Verdict::wrong) fail(file, field);
    return count(judge(last_) == Verdict::keep);
  }

  /// The rating that was judged last.
  float last() const { return static_cast<float>(last_); }

  /// "12 events rated below 4 left out"; empty without a threshold.
  std::string note() const {
    return has_threshold() ? concatenate(left_out_, " events rated below ", threshold_, " left out") : std::string();
  }

 private:
  enum class Verdict : unsigned char { wrong, keep, leave_out };

  Verdict judge(double rating) const {
    if (!scale_.holds(rating)) return Verdict::wrong;
    return rating >= threshold_ ? Verdict::keep : Verdict::leave_out;
  }
  static double tenths_of(std::size_t tenths) { return static_cast<double>(tenths) / 10; }
  bool count(bool kept) {
    left_out_ += kept ? 0 : 1;
    return kept;
  }

  [[noreturn]] void fail(const TextFile& file, std::string_view field) const {
    file.fail(concatenate("rating is ", TextFile::quote(field), ", expected ", scale_.words(),
                          "; another scale is given by the option rating_scale"));
  }

  RatingScale scale_;
  double threshold_;
  std::array<Verdict, 100> of_tenths_{};  ///< of 0.0 to 9.9
  std::int64_t left_out_ = 0;
  double last_ = 0;
};

}  // namespace detail

}  // namespace seqrec
