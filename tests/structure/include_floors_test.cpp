// SPDX-License-Identifier: Apache-2.0
#include "structure/include_floors.hpp"

#include "support/catch.hpp"

using namespace seqrec_structure;

namespace {

/// The only violation of a small house with `text` at `path`, or all of them in one string.
std::string planted(const std::string& path, const std::string& text) {
  Sources headers = {
      {"version.hpp", ""},       {"seqrec.hpp", ""},      {"cpu.hpp", ""},           {"core/types.hpp", ""},
      {"ops/linear.hpp", ""},    {"cpu/linear.hpp", ""},  {"cuda/linear.cuh", ""},   {"autograd/tape.hpp", ""},
      {"layers/linear.hpp", ""}, {"data/reader.hpp", ""}, {"metrics/auc.hpp", ""},   {"io/safetensors.hpp", ""},
      {"models/sasrec.hpp", ""}, {"optim/adam.hpp", ""},  {"train/trainer.hpp", ""}, {"data/batches/packing.hpp", ""},
  };
  headers[path] = text;
  std::string all;
  for (const auto& violation : floor_violations(headers)) all += violation + "\n";
  return all;
}

}  // namespace

TEST_CASE("no header of seqrec includes upwards or sideways") {
  const Sources headers = read_tree(SEQREC_SOURCE_DIR "/include/seqrec");
  REQUIRE(headers.size() > 10);
  for (const auto& violation : floor_violations(headers)) FAIL_CHECK(violation);
  CHECK(circle_violations(headers).empty());
}

TEST_CASE("a server needs neither data sets nor training") {
  const Sources headers = read_tree(SEQREC_SOURCE_DIR "/include/seqrec");
  int servers = 0;
  for (const auto& [path, text] : headers) {
    if (path.rfind("serve/", 0) != 0) continue;
    ++servers;
    for (const std::string& needed : reached_from(headers, path)) {
      INFO(path << " needs " << needed);
      const std::string room = room_of(needed);
      CHECK((room != "data" && room != "data/splits" && room != "data/readers"));
      CHECK((room != "train" && room != "objectives" && room != "optim" && room != "evaluate" && room != "metrics"));
    }
  }
  CHECK(servers > 3);
}

TEST_CASE("include floors: what is allowed passes") {
  CHECK(planted("train/trainer.hpp",
                "#include <vector>\n#include <sys/stat.h>\n#include \"seqrec/models/sasrec.hpp\"\n"
                "#include \"seqrec/data/reader.hpp\"\n#include \"seqrec/version.hpp\"\n")
            .empty());
  CHECK(planted("cpu/linear.hpp", "#include <Eigen/Core>\n#include \"seqrec/ops/linear.hpp\"\n").empty());
  CHECK(planted("cuda/linear.cuh", "#include <cuda_bf16.h>\n#include <cublas_v2.h>\n").empty());
  CHECK(planted("data/readers/gzip.hpp", "#include <zlib.h>\n").empty());
  CHECK(planted("trees/c_api.hpp", "#include <LightGBM/c_api.h>\n#include \"seqrec/core/types.hpp\"\n").empty());
  CHECK(planted("seqrec.hpp", "#include \"seqrec/train/trainer.hpp\"\n").empty());
  CHECK(planted("core/types.hpp", "// #include \"seqrec/train/trainer.hpp\"\n/*\n#include <Eigen/Core>\n*/").empty());
}

TEST_CASE("include floors: every planted violation is found") {
  const auto row = GENERATE(table<std::string, std::string, std::string>({
      {"core/types.hpp", "#include \"seqrec/ops/linear.hpp\"", "core/ may not include ops/"},
      {"ops/linear.hpp", "#include <seqrec/cpu/linear.hpp>", "ops/ may not include cpu/"},
      {"cpu/linear.hpp", "#include \"seqrec/cuda/linear.cuh\"", "cpu/ may not include cuda/"},
      {"cuda/linear.cuh", "#include \"seqrec/cpu/linear.hpp\"", "cuda/ may not include cpu/"},
      {"data/reader.hpp", "#include \"seqrec/metrics/auc.hpp\"", "data/ may not include metrics/"},
      {"autograd/tape.hpp", "#include \"seqrec/layers/linear.hpp\"", "autograd/ may not include layers/"},
      {"layers/linear.hpp", "  #  include \"seqrec/optim/adam.hpp\"", "layers/ may not include optim/"},
      {"models/sasrec.hpp", "#include \"seqrec/data/reader.hpp\"", "models/ may not include data/"},
      {"io/safetensors.hpp", "#include \"seqrec/models/sasrec.hpp\"", "io/ may not include models/"},
      {"train/trainer.hpp", "#include \"seqrec/cpu/linear.hpp\"", "train/ may not include cpu/"},
      {"data/batches/packing.hpp", "#include \"seqrec/metrics/auc.hpp\"", "data/batches/ may not include metrics/"},
      {"data/reader.hpp", "#include \"seqrec/data/batches/packing.hpp\"", "data/ may not include data/batches/"},
      {"seqrec.hpp", "#include \"seqrec/cpu/linear.hpp\"", "seqrec.hpp may not include cpu/"},
      {"core/types.hpp", "#include \"seqrec/seqrec.hpp\"", "umbrella headers are for users"},
      {"core/types.hpp", "#include \"types.hpp\"", "included as \"seqrec/folder/name.hpp\""},
      {"core/types.hpp", "#include \"seqrec/core/gone.hpp\"", "no such header"},
      {"layers/linear.hpp", "#include <Eigen/Core>", "only cpu/ includes Eigen"},
      {"trees/booster.hpp", "#include <LightGBM/c_api.h>", "only trees/c_api.hpp includes LightGBM"},
      {"trees/booster.hpp", "#include \"seqrec/io/safetensors.hpp\"", "trees/ may not include io/"},
      {"data/readers/csv.hpp", "#include <zlib.h>", "only data/readers/gzip.hpp includes zlib"},
      {"ops/linear.hpp", "#include <cuda_runtime.h>", "only cuda/ includes the CUDA toolkit"},
      {"ops/linear.hpp", "#include <immintrin.h>", "only cpu/ includes intrinsics"},
      {"io/safetensors.hpp", "#include <nlohmann/json.hpp>", "neither the standard library nor"},
      {"utils/misc.hpp", "", "not a place of docs/architecture.md"},
      {"everything.hpp", "", "not a place of docs/architecture.md"},
  }));
  CHECK_THAT(planted(std::get<0>(row), std::get<1>(row)), ContainsSubstring(std::get<2>(row)));
}

TEST_CASE("include floors: a circle is named") {
  const Sources headers = {{"core/a.hpp", "#include \"seqrec/core/b.hpp\"\n"},
                           {"core/b.hpp", "#include \"seqrec/core/c.hpp\"\n"},
                           {"core/c.hpp", "#include \"seqrec/core/a.hpp\"\n#include \"seqrec/core/d.hpp\"\n"},
                           {"core/d.hpp", ""}};
  REQUIRE(circle_violations(headers).size() == 1);
  CHECK(circle_violations(headers)[0] == "circle: core/a.hpp -> core/b.hpp -> core/c.hpp -> core/a.hpp");
  CHECK(circle_violations({{"core/a.hpp", "#include \"seqrec/core/a.hpp\""}}).size() == 1);
}
