// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/types.hpp"

namespace seqrec::detail {

/// A context of the caller's as a team of one, for a request at a time.
template <class Context>
class SoleContext {
 public:
  explicit SoleContext(Context& context) : context_(&context) {}
  Context& context() { return *context_; }
  template <class Shards, class Work>
  void run(const Shards& batch, Work&& work) {
    for (index_t shard = 0; shard < batch.num_shards(); ++shard) {
      context_->begin_shard();
      work(*context_, batch.shard(shard));
    }
  }

 private:
  Context* context_;
};

}  // namespace seqrec::detail
