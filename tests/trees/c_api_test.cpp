// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/c_api.hpp"

#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("LightGBM's last error is thrown") {
  detail::quiet_tree_log();
  void* handle = nullptr;
  int rounds = 0;
  const std::string message = message_of<TreeError>(
      [&] { detail::check_lightgbm(LGBM_BoosterLoadModelFromString("tree\n", &rounds, &handle), "reading a model"); });
  CHECK_THAT(message, ContainsSubstring("reading a model: LightGBM says: "));
  CHECK_THAT(message, ContainsSubstring("number of classes"));
  CHECK_NOTHROW(detail::check_lightgbm(0, "nothing"));
}

TEST_CASE("LightGBM's log goes to whoever listens, by lines, on each thread to its own") {
  const auto lines_of_training = [] {
    std::vector<std::string> lines;
    const TreeToy toy(30);
    const auto options = toy_trees();
    const TreeData data(TreeToy::columns(), toy.rows(), toy.targets(), options);
    TreeListeners listeners;
    listeners.log = [&](std::string_view line) { lines.emplace_back(line); };
    train_booster(data, nullptr, options, listeners);
    const std::size_t heard = lines.size();
    train_booster(data, nullptr, options);  // nobody listens any more
    CHECK(lines.size() == heard);
    return lines;
  };
  const auto lines = lines_of_training();
  REQUIRE(!lines.empty());
  for (const std::string& line : lines) {
    CHECK_THAT(line, ContainsSubstring("[LightGBM] ["));
    CHECK(line.find('\n') == line.npos);
  }
  std::vector<std::string> elsewhere;
  std::thread([&] { elsewhere = lines_of_training(); }).join();
  CHECK(elsewhere == lines);
}
