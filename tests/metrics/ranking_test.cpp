// SPDX-License-Identifier: Apache-2.0
#include "seqrec/metrics/ranking.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "seqrec/metrics/classification.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

double rank_of_first(const std::vector<float>& scores) {
  return average_rank_among(scores[0], std::span<const float>(scores).subspan(1));
}

}  // namespace

TEST_CASE("average rank: greater scores count whole, ties half", "[metrics]") {
  CHECK(rank_of_first({5, 1, 2, 3}) == 1.0);
  CHECK(rank_of_first({0, 1, 2, 3}) == 4.0);
  CHECK(rank_of_first({2, 1, 2, 3}) == 2.5);
  CHECK(rank_of_first({2, 2, 2, 3}) == 3.0);
  CHECK(rank_of_first({7}) == 1.0);
  CHECK(average_rank(3, 4) == 6.0);
}

TEST_CASE("average rank is the mean over all orders of the tied", "[metrics]") {
  // Breaking a tie with m others at random gives ranks greater+1 .. greater+m+1, each equally often.
  for (index_t greater = 0; greater < 4; ++greater)
    for (index_t equal = 0; equal < 5; ++equal) {
      double sum = 0;
      for (index_t place = 0; place <= equal; ++place) sum += static_cast<double>(greater + 1 + place);
      CHECK(average_rank(greater, equal) == Approx(sum / static_cast<double>(equal + 1)).epsilon(1e-15));
    }
}

TEST_CASE("a NaN score is an error, not a first rank", "[metrics]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(rank_of_first({nan, 1, 2}), NonFiniteError);
  CHECK_THROWS_AS(rank_of_first({1, nan, 2}), NonFiniteError);
  const float infinity = std::numeric_limits<float>::infinity();  // the score of an excluded item is a number
  CHECK(rank_of_first({1, -infinity, 2}) == 2.0);
}

TEST_CASE("ranking metrics of single users, by hand", "[metrics]") {
  CHECK(hit_rate(10.0, 10) == 1.0);
  CHECK(hit_rate(10.5, 10) == 0.0);
  CHECK(hit_rate(11.0, 10) == 0.0);
  CHECK(recall(3.0, 5) == 1.0);
  CHECK(recall(6.0, 5) == 0.0);
  CHECK(ndcg(1.0, 5) == 1.0);
  CHECK(ndcg(3.0, 5) == Approx(0.5).epsilon(1e-15));
  CHECK(ndcg(1.5, 5) == Approx(0.7564707973660301).epsilon(1e-14));  // 1 / log2(2.5)
  CHECK(ndcg(5.5, 5) == 0.0);
  CHECK(reciprocal_rank(4.0, 5) == 0.25);
  CHECK(reciprocal_rank(2.5, 5) == 0.4);
  CHECK(reciprocal_rank(6.0, 5) == 0.0);
  CHECK(precision(3.0, 5) == 0.2);
  CHECK(precision(5.5, 5) == 0.0);
  CHECK(average_precision(4.0, 5) == 0.25);
  CHECK(average_precision(2.5, 5) == 0.4);
  CHECK(average_precision(5.5, 5) == 0.0);
  CHECK(user_auc(1.0, 101) == 1.0);
  CHECK(user_auc(101.0, 101) == 0.0);
  CHECK(user_auc(51.0, 101) == 0.5);
}

TEST_CASE("means over users, by hand", "[metrics]") {
  RankingMetrics metrics({.cutoffs = {1, 3}});
  metrics.add(1.0, 11);
  metrics.add(3.0, 11);
  metrics.add(3.5, 6);
  metrics.add(11.0, 11);
  const RankingResult result = metrics.result();

  CHECK(result.users == 4);
  CHECK(result["hr@1"] == 0.25);
  CHECK(result["hr@3"] == 0.5);
  CHECK(result["ndcg@1"] == 0.25);
  CHECK(result["ndcg@3"] == 0.375);
  CHECK(result["mrr@1"] == 0.25);
  CHECK(result["mrr@3"] == Approx((1.0 + 1.0 / 3) / 4).epsilon(1e-15));
  CHECK(result["recall@3"] == 0.5);
  CHECK(result["map@3"] == result["mrr@3"]);
  CHECK(result["precision@3"] == Approx(0.5 / 3).epsilon(1e-15));
  CHECK(result["auc"] == Approx((1.0 + 0.8 + 0.5 + 0.0) / 4).epsilon(1e-15));
  // sample deviation of {1, 1, 0, 0} is sqrt(1/3), of the mean half of that
  CHECK(result.metric("hr@3").standard_error == Approx(std::sqrt(1.0 / 3) / 2).epsilon(1e-15));
}

TEST_CASE("results are listed by metric, then cut-off as given", "[metrics]") {
  RankingMetrics metrics({.cutoffs = {20, 5}});
  metrics.add(2, 3);
  std::vector<std::string> names;
  for (const RankingMetric& metric : metrics.result().metrics) names.push_back(metric.name);
  CHECK(names == std::vector<std::string>{"hr@20", "hr@5", "ndcg@20", "ndcg@5", "mrr@20", "mrr@5", "recall@20",
                                          "recall@5", "map@20", "map@5", "precision@20", "precision@5", "auc"});

  std::vector<std::string> default_names;
  RankingMetrics defaults;
  defaults.add(2, 3);
  for (const RankingMetric& metric : defaults.result().metrics) default_names.push_back(metric.name);
  CHECK(default_names.size() == 19);
  CHECK(default_names.front() == "hr@5");
}

TEST_CASE("ranking metrics agree with sorting on random scores with ties", "[metrics]") {
  // The oracle never computes a rank: it averages each metric's definition over positions of a sorted list, and counts
  // pairs for the AUC.
  std::mt19937 random(5);
  std::uniform_int_distribution<int> level(0, 40);
  std::uniform_int_distribution<int> length(2, 120);
  const int cutoff = 10;
  RankingMetrics metrics({.cutoffs = {cutoff}});
  double hits = 0, aucs = 0, gains = 0, reciprocals = 0;
  const int users = 300;
  for (int user = 0; user < users; ++user) {
    std::vector<float> scores(static_cast<std::size_t>(length(random)));
    for (float& score : scores) score = static_cast<float>(level(random)) * 0.25f;
    std::vector<float> sorted = scores;
    std::sort(sorted.rbegin(), sorted.rend());
    double positions = 0, same = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i)
      if (sorted[i] == scores[0]) {
        positions += static_cast<double>(i + 1);
        same += 1;
      }
    const double position = positions / same;
    double wins = 0;
    for (std::size_t i = 1; i < scores.size(); ++i)
      wins += scores[i] < scores[0] ? 1.0 : scores[i] == scores[0] ? 0.5 : 0.0;
    if (position <= cutoff) {
      hits += 1;
      gains += std::log(2.0) / std::log(1.0 + position);
      reciprocals += 1 / position;
    }
    aucs += wins / static_cast<double>(scores.size() - 1);

    metrics.add(rank_of_first(scores), static_cast<index_t>(scores.size()));
    CHECK(metrics.ranks().back().rank == position);

    // one positive among the user's candidates: the AUC of a classifier is that of the ranking
    std::vector<std::uint8_t> labels(scores.size(), 0);
    labels[0] = 1;
    CHECK(auc<float, std::uint8_t>(scores, labels) ==
          Approx(user_auc(position, static_cast<index_t>(scores.size()))).margin(1e-15));
  }
  const RankingResult result = metrics.result();
  CHECK(result["hr@10"] == Approx(hits / users).epsilon(1e-14));
  CHECK(result["recall@10"] == result["hr@10"]);
  CHECK(result["precision@10"] == Approx(hits / 10 / users).epsilon(1e-14));
  CHECK(result["map@10"] == Approx(reciprocals / users).epsilon(1e-14));
  CHECK(result["ndcg@10"] == Approx(gains / users).epsilon(1e-13));
  CHECK(result["mrr@10"] == Approx(reciprocals / users).epsilon(1e-14));
  CHECK(result["auc"] == Approx(aucs / users).epsilon(1e-14));
}

TEST_CASE("a collapsed model gets AUC one half and no hits", "[metrics]") {
  RankingMetrics metrics;
  const std::vector<float> scores(101, 0.125f);
  for (int user = 0; user < 50; ++user) metrics.add(rank_of_first(scores), 101);
  const RankingResult result = metrics.result();
  CHECK(result["auc"] == 0.5);
  CHECK(result["hr@10"] == 0.0);
  CHECK(result["ndcg@20"] == 0.0);
  CHECK(result.metric("auc").standard_error == 0.0);
}

TEST_CASE("the standard error of a single user is not a number", "[metrics]") {
  RankingMetrics metrics;
  metrics.add(1, 2);
  CHECK(std::isnan(metrics.result().metric("hr@5").standard_error));
}

TEST_CASE("ranking metrics refuse what cannot be", "[metrics][errors]") {
  CHECK(message_of<ArgumentError>([] {
          RankingMetrics({.cutoffs = {5, 0}});
        }) == "RankingMetrics: cut-off K is 0, expected at least 1");
  CHECK(message_of<ArgumentError>([] {
          RankingMetrics({.cutoffs = {5, 10, 5}});
        }) == "RankingMetrics: cut-off K is 5, expected to be given once");

  RankingMetrics metrics;
  CHECK_THAT(message_of<DataError>([&] { metrics.result(); }), ContainsSubstring("0 users"));
  CHECK(message_of<ArgumentError>([&] { metrics.add(12, 11); }) ==
        "RankingMetrics: rank is 12, expected 1 .. 11 (candidates)");
  CHECK_THROWS_AS(metrics.add(0.5, 11), ArgumentError);
  CHECK_THROWS_AS(metrics.add(std::numeric_limits<double>::quiet_NaN(), 11), ArgumentError);
  CHECK_THAT(message_of<ArgumentError>([&] { metrics.add(1, 1); }), ContainsSubstring("candidates is 1"));
  CHECK(metrics.users() == 0);

  metrics.add(1, 11);
  CHECK_THAT(message_of<ArgumentError>([&] { (void)metrics.result()["hr@7"]; }),
             ContainsSubstring("metric is hr@7") && ContainsSubstring("hr@5, hr@10, hr@20, ndcg@5"));
}
