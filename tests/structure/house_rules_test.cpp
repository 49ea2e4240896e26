// SPDX-License-Identifier: Apache-2.0
#include "structure/house_rules.hpp"

#include <regex>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace seqrec_structure;

namespace {

const std::string root = SEQREC_SOURCE_DIR;

std::size_t confined_in(const std::string& path, const std::string& text) {
  return confinement_violations({{path, text}}).size();
}

}  // namespace

TEST_CASE("products and launches happen where they belong") {
  for (const auto& violation : confinement_violations(read_tree(root + "/include/seqrec"))) FAIL_CHECK(violation);
}

TEST_CASE("every header has its test at the mirrored path") {
  const std::map<std::string, std::string> elsewhere = {
      {"cpu/catalogue_products.hpp", "ops/catalogue_loss_test.cpp"},
      {"cpu/gru_backward.hpp", "ops/gru_test.cpp"},
      {"cpu/folded_first_layer.hpp", "ops/candidate_attention_test.cpp"},
      {"cpu/split_first_layer.hpp", "ops/candidate_attention_test.cpp"},
      {"cuda/activation.cuh", "ops/linear_test.cpp"},
      {"cuda/additive_tile.cuh", "ops/additive_attention_test.cpp"},
      {"cuda/attention_unit.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/attention_unit_backward.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/best_items.cuh", "ops/top_k_test.cpp"},
      {"cuda/candidate_attention_backward.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/catalogue_head_gradient.cuh", "ops/catalogue_loss_test.cpp"},
      {"cuda/catalogue_softmax.cuh", "ops/catalogue_loss_test.cpp"},
      {"cuda/gradient.cuh", "ops/dropout_residual_layer_norm_test.cpp"},
      {"cuda/gru_backward.cuh", "ops/gru_test.cpp"},
      {"cuda/gru_registers.cuh", "ops/gru_test.cpp"},
      {"cuda/gru_registers_backward.cuh", "ops/gru_test.cpp"},
      {"cuda/item_scores.cuh", "ops/rank_of_target_test.cpp"},
      {"cuda/gradient_block.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/gradient_rows.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/moe_product.cuh", "ops/moe_ffn_test.cpp"},
      {"cuda/moe_sort.cuh", "ops/moe_route_test.cpp"},
      {"cuda/moved_elements.cuh", "ops/optimizer_step_test.cpp"},
      {"cuda/multiply_add.cuh", "ops/self_attention_test.cpp"},
      {"cuda/network_gradients.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/pair_bias.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/pair_network.cuh", "ops/candidate_attention_test.cpp"},
      {"cuda/wide_layer_norm.cuh", "ops/dropout_residual_layer_norm_test.cpp"},
      {"core/temporary.hpp", "core/atomic_file_test.cpp"},
      {"trees/tree_error.hpp", "trees/c_api_test.cpp"}};
  const auto untested = untested_headers(read_tree(root + "/include/seqrec"), read_tree(root + "/tests"), elsewhere);
  for (const auto& violation : untested) FAIL_CHECK(violation);
}

TEST_CASE("every source file names its licence first, every header is guarded") {
  Sources files;
  for (const std::string& folder : std::vector<std::string>{"include", "tests", "examples", "benchmarks", "cmake"}) {
    for (auto& [path, text] : read_tree(root + "/" + folder)) {
      static const std::regex source(
          R"([^]*\.(hpp|cuh|cpp|cu|cmake|sh|py|in)|[^]*CMakeLists.txt|tests/run|examples/(run|quickstart))");
      if (std::regex_match(folder + "/" + path, source)) files[folder + "/" + path] = text;
    }
  }
  REQUIRE(files.size() > 20);
  for (const auto& violation : opening_violations(files)) FAIL_CHECK(violation);
}

TEST_CASE("tests know Catch2 through support/catch.hpp alone") {
  for (const auto& violation : catch_violations(read_tree(root + "/tests"))) FAIL_CHECK(violation);
}

TEST_CASE("house rules: a test that names Catch2's own is found") {
  const std::string name = "Catch", folder = "catch2";  // apart: this file is a test, too
  const std::string use = "using " + name + "::Contains;\n", include = "#include <" + folder + "/catch.hpp>\n";
  CHECK(catch_violations({{"core/a_test.cpp", use}}).size() == 1);
  CHECK(catch_violations({{"core/a_test.cpp", include}}).size() == 1);
  CHECK(catch_violations({{"support/catch.hpp", include + use}, {"core/b_test.cpp", "// " + use}}).empty());
}

TEST_CASE("house rules: planted products and launches are found") {
  CHECK(confined_in("cpu/linear.hpp", "Eigen::Map<Eigen::MatrixXf> y(p, n, d);") == 1);
  CHECK(confined_in("cpu/linear.hpp", "using M = Eigen::Matrix<float, -1, -1>;") == 1);
  CHECK(confined_in("cpu/linear.hpp", "y.noalias() += 1;") == 1);
  CHECK(confined_in("cpu/linear.hpp", "auto z = x.matrix() ;") == 1);
  CHECK(confined_in("autograd/tape.hpp", "auto z = arena.matrix(rows, columns);") == 0);  // ours, not Eigen's
  CHECK(confined_in("layers/linear.hpp", "VectorXd v;") == 1);
  CHECK(confined_in("cuda/linear.cuh", "cublasSgemm(handle);") == 1);
  CHECK(confined_in("cuda/linear.cuh", "cublasGemmEx(handle);") == 1);
  CHECK(confined_in("cuda/linear.cuh", "kernel<<<1, 2>>>();") == 1);
  CHECK(confined_in("cpu/gemm.hpp", "Eigen::MatrixXf a; c.noalias() = a * b;") == 0);
  CHECK(confined_in("cuda/blas.cuh", "cublasSgemm(handle);") == 0);
  CHECK(confined_in("cuda/device.cuh", "kernel<<<1, 2>>>();") == 0);
  CHECK(confined_in("cpu/linear.hpp", "// kernel<<<1, 2>>>(); y.noalias()\nEigen::Array<float, 8, 1> a; a * a;") == 0);
}

TEST_CASE("house rules: a header without its test is found") {
  const Sources headers = {{"seqrec.hpp", ""}, {"core/a.hpp", ""}, {"ops/b.hpp", ""},
                           {"cpu/b.hpp", ""},  {"cuda/b.cuh", ""}, {"cpu/team.hpp", ""}};
  const Sources tests = {{"core/a_test.cpp", ""}, {"ops/b_test.cpp", ""}, {"cpu/team_test.cpp", ""}};
  const auto without = [&](const std::string& test) {
    Sources rest = tests;
    rest.erase(test);
    return untested_headers(headers, rest, {}).size();
  };
  CHECK(untested_headers(headers, tests, {}).empty());
  CHECK(without("core/a_test.cpp") == 1);
  CHECK(without("ops/b_test.cpp") == 3);
  CHECK(without("cpu/team_test.cpp") == 1);
  CHECK(untested_headers({{"ops/f.hpp", ""}}, {{"compile_fail/f.cpp", ""}}, {{"ops/f.hpp", "compile_fail/f.cpp"}})
            .empty());
  CHECK(untested_headers({{"ops/f.hpp", ""}}, {}, {{"ops/f.hpp", "compile_fail/f.cpp"}}).size() == 1);
  CHECK(untested_headers({}, {}, {{"ops/f.hpp", "compile_fail/f.cpp"}}).size() == 1);
}

TEST_CASE("house rules: a file that begins wrongly is found") {
  const std::string spdx = "// SPDX-License-Identifier: Apache-2.0\n";
  CHECK(opening_violations({{"a.hpp", spdx + "#pragma once\n"}, {"a.cpp", spdx + "int a;\n"}}).empty());
  CHECK(opening_violations({{"run", "#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\nset -e\n"}}).empty());
  CHECK(opening_violations({{"a.hpp", spdx + "int a;\n"}}).size() == 1);
  CHECK(opening_violations({{"a.cpp", "\n" + spdx}}).size() == 1);
  CHECK(opening_violations({{"a.cpp", "// SPDX-License-Identifier: MIT\n"}}).size() == 1);
}

TEST_CASE("every op has a body on both backends") {
  const auto bodies = [](const std::string& folder, const std::string& context) {
    const std::regex body("\nvoid (\\w+)\\(" + context + "&");
    std::set<std::string> names;
    for (const auto& [path, text] : read_tree(root + "/include/seqrec/" + folder))
      for (std::sregex_iterator match(text.begin(), text.end(), body), end; match != end; ++match)
        names.insert((*match)[1]);
    return names;
  };
  const auto on_cpu = bodies("cpu", "BasicContext<S, W>"), on_cuda = bodies("cuda", "BasicContext<S>");
  CHECK(on_cpu.size() > 50);
  for (const std::string& op : on_cpu) {
    INFO(op);
    CHECK(on_cuda.contains(op));
  }
}
