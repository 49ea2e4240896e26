// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/din.hpp"

#include <array>
#include <optional>
#include <vector>

#include "model_contender.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/row_index.hpp"
#include "seqrec/objectives/click.hpp"

namespace {

using peer::index_t;
using peer::item_t;
using peer::offset_t;
using peer::Space;

/// One candidate for each history, which sees all of it, and whether it was clicked. (The library's trainer makes
/// clicks of every position instead.)
class ClickBatch {
 public:
  /// @param labels (users, 2): candidate, and 1 or 0
  template <class Model>
  ClickBatch(const Model& model, const seqrec::Click&, const peer::Histories& histories, const std::int32_t* labels,
             index_t columns)
      : packed_(
            {.num_items = model.num_items(), .max_length = model.max_length(), .token_budget = peer::token_budget}) {
    seqrec::check_extent("ClickBatch", "labels of a user", columns, 2);
    std::vector<seqrec::RankingRequest> requests;
    for (index_t user = 0; user < histories.users(); ++user)
      requests.push_back({.history = histories.of_user(user),
                          .exclusions = {},
                          .candidates = std::span<const item_t>(labels + 2 * user, 1)});
    packed_.pack(requests);
    placed_.emplace(packed_);
    std::vector<float> packed_labels;
    for (const index_t user : packed_.order()) packed_labels.push_back(static_cast<float>(labels[2 * user + 1]));
    labels_ = placed(packed_labels);
    for (index_t i = 0; i < packed_.num_shards(); ++i) {
      const auto shard = packed_.shard(i);
      history_index_.add(shard.histories.items.values);
      candidate_index_.add(shard.candidates.items.values);
    }
    history_index_.build(model.num_items());
    candidate_index_.build(model.num_items());
  }

  index_t num_shards() const { return packed_.num_shards(); }
  seqrec::TrainingBatch<Space> shard(index_t i) const {
    const auto packed = placed_->shard(i);
    seqrec::TrainingBatch<Space> batch;
    batch.histories = packed.histories;
    batch.histories.item_index = history_index_.shard(i);
    batch.clicks.candidates = packed.candidates;
    batch.histories.batch_item_index = history_index_.whole();
    batch.clicks.candidates.index = candidate_index_.shard(i);
    batch.clicks.candidates.batch_index = candidate_index_.whole();
    batch.clicks.labels = labels_.view().row_range(packed.candidates.first_candidate, packed.candidates.size());
    batch.loss_scale = batch.clicks.loss_scale = 1 / static_cast<double>(packed_.users());
    return batch;
  }
#ifdef SEQREC_PEER_CUDA
  /// What the team reads of a batch without waiting for the device: rows of an index.
  seqrec::VectorView<const item_t, seqrec::HostSpace> on_host(
      const seqrec::VectorView<const item_t, Space>& rows) const {
    const item_t* const of_history = history_index_.original(rows);
    return {of_history != nullptr ? of_history : candidate_index_.original(rows), rows.size()};
  }
#endif

 private:
  /// A copy where the backend reads it.
  template <class T>
  static seqrec::Tensor<T, 1, Space> placed(const std::vector<T>& values) {
    seqrec::Tensor<T, 1, Space> tensor(std::ssize(values));
    if (!values.empty()) tensor.copy_from_host(values.data());
    return tensor;
  }

  /// The inverse of a list of items that is cut into shards, where the backend reads it.
  class Index {
   public:
    void add(seqrec::VectorView<const item_t, seqrec::HostSpace> of_shard) {
      items_.insert(items_.end(), of_shard.data, of_shard.data + of_shard.size());
      begins_.push_back(static_cast<offset_t>(items_.size()));
    }
    void build(index_t table_rows) {
      order_.resize(items_.size());
      rows_.resize(items_.size());
      row_offsets_.resize(items_.size() + begins_.size() - 1);
      whole_order_.resize(items_.size());
      whole_rows_.resize(items_.size());
      whole_row_offsets_.resize(items_.size() + 1);
      index_.build(items_, begins_, table_rows,
                   {order_, rows_, row_offsets_, whole_order_, whole_rows_, whole_row_offsets_});
      placed_numbers_ = {placed(order_), placed(row_offsets_), placed(whole_order_), placed(whole_row_offsets_)};
      placed_rows_ = {placed(rows_), placed(whole_rows_)};
    }
    seqrec::RowIndex<Space> whole() const {
      const seqrec::RowIndex<seqrec::HostSpace> host = index_.whole();
      return {moved(host.order, whole_order_, placed_numbers_[2]), moved(host.rows, whole_rows_, placed_rows_[1]),
              moved(host.row_offsets, whole_row_offsets_, placed_numbers_[3])};
    }
    seqrec::RowIndex<Space> shard(index_t i) const {
      const seqrec::RowIndex<seqrec::HostSpace> host = index_.shard(i);
      return {moved(host.order, order_, placed_numbers_[0]), moved(host.rows, rows_, placed_rows_[0]),
              moved(host.row_offsets, row_offsets_, placed_numbers_[1])};
    }

    /// Where the rows lie on the host; null where they are of another index.
    const item_t* original(const seqrec::VectorView<const item_t, Space>& rows) const {
      const auto in = [&](const std::vector<item_t>& host, const seqrec::Tensor<item_t, 1, Space>& copy) {
        const auto begin = copy.view().data;
        return rows.data >= begin && rows.data < begin + copy.size() ? host.data() + (rows.data - begin) : nullptr;
      };
      const item_t* const of_shards = in(rows_, placed_rows_[0]);
      return of_shards != nullptr ? of_shards : in(whole_rows_, placed_rows_[1]);
    }

   private:
    /// The same part of a copy as `part` is of the original.
    template <class T>
    static seqrec::VectorView<const T, Space> moved(seqrec::VectorView<const T, seqrec::HostSpace> part,
                                                    const std::vector<T>& original,
                                                    const seqrec::Tensor<T, 1, Space>& copy) {
      return copy.view().row_range(part.data - original.data(), part.size());
    }

    std::vector<item_t> items_, rows_, whole_rows_;
    std::vector<offset_t> begins_{0}, order_, row_offsets_, whole_order_, whole_row_offsets_;
    seqrec::ShardedRowIndex index_;
    std::array<seqrec::Tensor<offset_t, 1, Space>, 4> placed_numbers_;  ///< order, row offsets; those of the whole
    std::array<seqrec::Tensor<item_t, 1, Space>, 2> placed_rows_;       ///< of the shards, of the whole
  };

  seqrec::HostRankingBatch packed_;
  std::optional<peer::Placed<seqrec::HostRankingBatch>> placed_;
  seqrec::Tensor<float, 1, Space> labels_;  ///< of the packed users
  Index history_index_, candidate_index_;
};

}  // namespace

std::unique_ptr<peer::Contender> peer::make_din(const Settings& settings) {
  if (settings.objective != "click")
    throw seqrec::ArgumentError("objective is " + settings.objective + ", expected click");
  return std::make_unique<ModelContender<seqrec::Din<Context>, seqrec::DinOptions, seqrec::Click, ClickBatch>>(
      settings, seqrec::Click{});
}
