// SPDX-License-Identifier: Apache-2.0
// The K best of V items for B users, and the rank of one, beside all scores first and the standard library after.

#include <Eigen/Core>
#include <numeric>

#include "harness.hpp"
#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/rank_of_target.hpp"
#include "seqrec/cpu/top_k.hpp"

namespace {

using namespace benchmarks;

using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Queries, the item table, and all scores by Eigen.
class Scores {
 public:
  index_t pieces() const { return 1; }

 protected:
  Scores(index_t users, index_t items, index_t width)
      : queries_(random_matrix(users, width, 1)), table_(random_matrix(items, width, 2)) {}

  void score_all() {
    const auto map = [](Matrix& m) { return Eigen::Map<EigenMatrix>(m.view().data, m.rows(), m.columns()); };
    scores_.noalias() = map(queries_) * map(table_).transpose();
  }
  Cost cost_of_scores() const {
    return {static_cast<double>(queries_.rows()), 2.0 * static_cast<double>(table_.size() * queries_.rows())};
  }

  Context context_;
  Matrix queries_, table_;
  EigenMatrix scores_;
};

/// How the table lies: as it is, or packed in one of two forms.
enum class Table { plain, packed, packed_bf16 };

template <Table form>
struct TopK : Scores {
  explicit TopK(const benchmark::State& state)
      : Scores(state.range(0), state.range(1), state.range(2)),
        items_(state.range(0), state.range(3)),
        best_(state.range(0), state.range(3)),
        expected_(state.range(0), state.range(3)),
        order_(static_cast<std::size_t>(state.range(1))) {
    if (form == Table::packed_bf16) context_.set_products(seqrec::ProductPrecision::bf16);
    if (form == Table::plain) return;
    packed_ = Vector(seqrec::ops::packed_items_size(context_, table_.rows(), table_.columns()));
    seqrec::ops::pack_items(context_, seqrec::PackItems<Context>{table_.view(), packed_.view()});
  }
  void run(index_t) {
    context_.begin_shard();
    seqrec::ops::top_k(
        context_,
        seqrec::TopK<Context>{queries_.view(), {table_.view(), {}, packed_.view()}, {}, items_.view(), best_.view()});
  }
  void baseline(index_t) {
    score_all();
    const index_t wanted = expected_.columns();
    for (index_t user = 0; user < queries_.rows(); ++user) {
      const float* const scores = scores_.data() + user * table_.rows();
      std::iota(order_.begin(), order_.end(), item_t{0});
      std::partial_sort(order_.begin(), order_.begin() + wanted, order_.end(),
                        [scores](item_t a, item_t b) { return scores[a] > scores[b]; });
      for (index_t k = 0; k < wanted; ++k) expected_.view()(user, k) = scores[order_[static_cast<std::size_t>(k)]];
    }
  }
  std::vector<Result> results() const {
    return {{elements(best_), elements(expected_), form == Table::packed_bf16 ? 8e-3 : 2e-4}};
  }
  Cost cost() const { return cost_of_scores(); }

 private:
  seqrec::Tensor<item_t, 2, HostSpace> items_;
  Matrix best_, expected_;
  Vector packed_;
  std::vector<item_t> order_;
};

struct RankOfTarget : Scores {
  explicit RankOfTarget(const benchmark::State& state)
      : Scores(state.range(0), state.range(1), state.range(2)),
        targets_(state.range(0)),
        above_(state.range(0)),
        ties_(state.range(0)),
        found_(state.range(0)),
        expected_(state.range(0)) {
    for (index_t user = 0; user < targets_.size(); ++user)
      targets_.view()(user) = static_cast<item_t>((user * 7919) % table_.rows());
  }
  void run(index_t) {
    context_.begin_shard();
    seqrec::ops::rank_of_target(
        context_, seqrec::RankOfTarget<Context>{
                      queries_.view(), {table_.view()}, targets_.view(), {}, above_.view(), ties_.view()});
    for (index_t user = 0; user < targets_.size(); ++user)
      found_.view()(user) = static_cast<float>(above_.view()(user));
  }
  void baseline(index_t) {
    score_all();
    for (index_t user = 0; user < targets_.size(); ++user) {
      const float* const scores = scores_.data() + user * table_.rows();
      const float target = scores[targets_.view()(user)];
      expected_.view()(user) = static_cast<float>(
          std::count_if(scores, scores + table_.rows(), [target](float score) { return score > target; }));
    }
  }
  std::vector<Result> results() const { return {{elements(found_), elements(expected_)}}; }
  Cost cost() const { return cost_of_scores(); }

 private:
  seqrec::Tensor<item_t, 1, HostSpace> targets_, above_, ties_;
  Vector found_, expected_;
};

const std::vector<std::string> names_of_top_k = {"B", "V", "D", "K"};
const std::vector<std::vector<std::int64_t>> sizes_of_top_k = {
    {1, movielens_1m::items, 64, 10}, {128, movielens_1m::items, 64, 10}, {1, 100000, 64, 10}};

const bool registered =
    compare<TopK<Table::plain>>("top_k", "partial_sort", names_of_top_k, sizes_of_top_k) &&
    compare<TopK<Table::packed>>("top_k/packed", "partial_sort", names_of_top_k, sizes_of_top_k) &&
    compare<TopK<Table::packed_bf16>>("top_k/packed/bfloat16", "partial_sort", names_of_top_k, sizes_of_top_k) &&
    compare<RankOfTarget>("rank_of_target", "count_if", {"B", "V", "D"}, {{128, movielens_1m::items, 64}});

}  // namespace
