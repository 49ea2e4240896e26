// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace seqrec::detail {

/// Objects that threads borrow and bring back, as many as were in use at once.
template <class T>
class Lending {
 public:
  /// Calls use(object) with one that nobody else has; it comes back where that throws, too.   @param make  make() is
  /// another, where none is left
  template <class Make, class Use>
  void with(Make make, Use use) {
    std::unique_ptr<T> object = take();
    if (!object) object = make();
    const Return back{*this, object};
    use(*object);
  }
  /// Makes as many as will be in use at once, so that nobody waits for one to be made.
  template <class Make>
  void prepare(int count, Make make) {
    for (int i = 0; i < count; ++i) idle_.push_back(make());
  }

 private:
  /// Brings an object back, also where its use throws.
  struct Return {
    Lending& home;
    std::unique_ptr<T>& object;
    ~Return() {
      const std::lock_guard lock(home.mutex_);
      home.idle_.push_back(std::move(object));
    }
  };

  std::unique_ptr<T> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<T> object = std::move(idle_.back());
    idle_.pop_back();
    return object;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace seqrec::detail
