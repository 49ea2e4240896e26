// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/instantiations.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "support/catch.hpp"

namespace {

std::set<std::string> matches(const std::filesystem::path& file, const std::string& pattern) {
  std::ifstream stream(file);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  REQUIRE(!text.empty());
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

}  // namespace

TEST_CASE("the compiled library holds every op of the CPU backend", "[cpu]") {
  const std::filesystem::path folder = std::filesystem::path(SEQREC_SOURCE_DIR) / "include/seqrec/cpu";
  std::set<std::string> written;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    written.merge(matches(entry.path(), R"(\nvoid (\w+)\(BasicContext<S, W>&)"));
  written.erase("optimizer_step");  // over updates, which belong to optim/
  const auto listed = matches(folder / "instantiations.hpp", R"(SEQREC_CPU_OP\(how, S, (\w+),)");
  CHECK(written.size() > 20);
  CHECK(listed == written);
}

TEST_CASE("the compiled library holds each sampled loss that runs", "[cpu]") {
  const std::filesystem::path include = std::filesystem::path(SEQREC_SOURCE_DIR) / "include/seqrec";
  // A row loss is a struct with a name; those with a row_loss() ask another one to run.
  const auto run =
      matches(include / "ops/row_losses.hpp",
              R"(\nstruct (\w+) \{\n  static constexpr const char\* name(?:(?!\n\};| row_loss\()[^])*\n\};)");
  const auto listed =
      matches(include / "cpu/instantiations.hpp", R"(SEQREC_CPU_OP\(how, S, sampled_loss, SampledLoss, (\w+)\))");
  CHECK(run.size() >= 3);
  CHECK(listed == run);
}
