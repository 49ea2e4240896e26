// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/hybrid_folder.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/hybrids.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

const HybridRanker<HybridDin>& first_hybrid() {
  static const auto ranker = din_hybrid().ranker;
  return ranker;
}
/// The same columns, another seed.
const HybridRanker<HybridDin>& second_hybrid() {
  static const auto ranker = [] {
    HybridOptions options = small_hybrid();
    options.seed = 9;
    options.features.recent_days = 7;
    return train_hybrid(hybrid_split(), options,
                        [](const Split&) { return std::shared_ptr<const HybridDin>(random_din(true, 99)); })
        .ranker;
  }();
  return ranker;
}

std::vector<double> scores_of(const HybridRanker<HybridDin>& ranker) {
  HybridContext context;
  const std::vector<item_t> items = {1, 7, 30, 44};
  return score(ranker, context, moment_of(hybrid_split().test, 4), items);
}

std::string refused(const std::filesystem::path& path) {
  return message_of<DataError>([&] { load_hybrid<HybridDin>(path); });
}

}  // namespace

TEST_CASE("a hybrid comes back from its folder with the same bits") {
  const TemporaryDirectory directory;
  save(directory / "hybrid", first_hybrid());
  CHECK(scores_of(load_hybrid<HybridDin>(directory / "hybrid")) == scores_of(first_hybrid()));
  CHECK(scores_of(first_hybrid()) != scores_of(second_hybrid()));
  save(directory / "hybrid", second_hybrid());  // replaces it
  const auto loaded = load_hybrid<HybridDin>(directory / "hybrid");
  CHECK(scores_of(loaded) == scores_of(second_hybrid()));
  CHECK(loaded.columns().schema().hash() == second_hybrid().columns().schema().hash());
  CHECK(directory.entries() == 1);

  HybridOptions with_interest = small_hybrid();
  with_interest.interest = true;
  const auto interested = din_hybrid(with_interest).ranker;
  save(directory / "interested", interested);
  CHECK(load_hybrid<HybridDin>(directory / "interested").columns().schema().hash() ==
        interested.columns().schema().hash());
  CHECK(scores_of(load_hybrid<HybridDin>(directory / "interested")) == scores_of(interested));

  const auto alone = explicit_hybrid().ranker;
  save(directory / "alone", alone);
  CHECK_FALSE(std::filesystem::exists(directory / "alone" / "model.safetensors"));
  HybridContext context;
  const std::vector<item_t> items = {1, 7};
  const FeatureMoment moment = moment_of(hybrid_split().test, 4);
  CHECK(score(load_hybrid<NoDeepModel>(directory / "alone"), context, moment, items) ==
        score(alone, context, moment, items));
}

TEST_CASE("a folder whose parts are not of one hybrid is refused, whichever is another's") {
  const TemporaryDirectory directory;
  save(directory / "a", first_hybrid());
  save(directory / "b", second_hybrid());
  for (const char* file : {"model.safetensors", "features.safetensors", "booster.txt", "hybrid.json"}) {
    INFO(file);
    const auto mixed = directory / "mixed";
    std::filesystem::remove_all(mixed);
    std::filesystem::copy(directory / "a", mixed);
    std::filesystem::copy_file(directory / "b" / file, mixed / file, std::filesystem::copy_options::overwrite_existing);
    CHECK_THAT(refused(mixed), ContainsSubstring("the folder's parts are not of one hybrid"));
  }
}

TEST_CASE("a folder with a part missing, changed, or of something else is refused") {
  const TemporaryDirectory directory;
  const auto path = directory / "hybrid";
  CHECK_THAT(refused(path), ContainsSubstring("hybrid.json: cannot be read"));
  for (const char* file : {"model.safetensors", "features.safetensors", "booster.txt", "hybrid.json"}) {
    INFO(file);
    save(path, first_hybrid());
    const std::string bytes = read_file(path / file);
    write_file(path / file, bytes.substr(0, bytes.size() / 2));
    CHECK(!refused(path).empty());
    std::filesystem::remove(path / file);
    CHECK_THAT(refused(path), ContainsSubstring(std::string(file) + ": cannot be read"));
    write_file(path / "hybrid.json", "{}");  // or the next one would not replace it
  }
  save(path, first_hybrid());
  CHECK_THAT(message_of<DataError>([&] { load_hybrid<HybridSasRec>(path); }),
             ContainsSubstring("model is 'Din', expected 'SasRec'"));
  std::string manifest = read_file(path / "hybrid.json");
  manifest.replace(manifest.find("\"version\": \"1\""), 14, "\"version\": \"2\"");
  write_file(path / "hybrid.json", manifest);
  CHECK_THAT(refused(path), ContainsSubstring("version is '2', expected '1'"));
  write_file(path / "hybrid.json", "{\"version\": \"1\", \"model\": \"Din\"}");
  CHECK_THAT(refused(path), ContainsSubstring("has no booster"));
}

TEST_CASE("a folder of something else is not replaced") {
  const TemporaryDirectory directory;
  const auto path = directory / "letters";
  std::filesystem::create_directory(path);
  save(path, first_hybrid());  // an empty one
  std::filesystem::remove_all(path);
  std::filesystem::create_directory(path);
  write_file(path / "to_mother.txt", "Dear mother");
  CHECK_THAT(message_of<DataError>([&] { save(path, first_hybrid()); }),
             ContainsSubstring("is a folder without hybrid.json"));
  CHECK(read_file(path / "to_mother.txt") == "Dear mother");
  CHECK(directory.entries() == 1);
}

TEST_CASE("who is killed while saving leaves the old hybrid or the new one, whole") {
  const TemporaryDirectory directory;
  const auto path = directory / "hybrid";
  save(path, first_hybrid());
  const auto old_scores = scores_of(first_hybrid()), new_scores = scores_of(second_hybrid());
  for (int round = 0; round < 8; ++round) {
    run_and_kill(std::chrono::milliseconds(1 + 4 * round), [&] { save(path, second_hybrid()); });
    const auto found = scores_of(load_hybrid<HybridDin>(path));
    CHECK((found == old_scores || found == new_scores));
  }
  {
    const FileSizeLimit full(1000);
    CHECK_THROWS_AS(save(path, first_hybrid()), Error);
  }
  const auto found = scores_of(load_hybrid<HybridDin>(path));
  CHECK((found == old_scores || found == new_scores));
  save(path, first_hybrid());
  CHECK(directory.entries() == 1);
}
