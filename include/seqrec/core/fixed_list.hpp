// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// A list of at most Most elements in memory of its own, so that it can go along with a launch.
template <class T, int Most>
class FixedList {
 public:
  constexpr FixedList() = default;
  constexpr FixedList(std::initializer_list<T> elements) {
    for (const T& element : elements) push_back(element);
  }

  /// Must not be full.
  constexpr void push_back(const T& element) { elements_[size_++] = element; }
  constexpr void clear() { size_ = 0; }
  constexpr bool full() const { return size_ == Most; }

  SEQREC_HOST_DEVICE constexpr index_t size() const { return size_; }
  SEQREC_HOST_DEVICE constexpr T& operator[](index_t i) { return elements_[i]; }
  SEQREC_HOST_DEVICE constexpr const T& operator[](index_t i) const { return elements_[i]; }
  SEQREC_HOST_DEVICE constexpr T* begin() { return elements_; }
  SEQREC_HOST_DEVICE constexpr T* end() { return elements_ + size_; }
  SEQREC_HOST_DEVICE constexpr const T* begin() const { return elements_; }
  SEQREC_HOST_DEVICE constexpr const T* end() const { return elements_ + size_; }

 private:
  T elements_[static_cast<unsigned>(Most)] = {};
  int size_ = 0;
};

}  // namespace seqrec
