// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_file.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "features/films.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// A file with its tensors in memory, to be written with a change.
struct Contents {
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::pair<StoredTensor, std::vector<char>>> tensors;

  explicit Contents(const std::filesystem::path& path) {
    SafetensorsFile file(path);
    metadata = file.metadata();
    for (const StoredTensor& tensor : file.tensors()) {
      auto& [stored, bytes] = tensors[tensor.name];
      stored = tensor;
      bytes.resize(static_cast<std::size_t>(tensor.bytes()));
      file.read(tensor, bytes.data(), bytes.size());
    }
  }
  template <class Value>
  void set(const std::string& name, std::size_t place, Value value) {
    std::memcpy(tensors.at(name).second.data() + place * sizeof value, &value, sizeof value);
  }
  void write(const std::filesystem::path& path) const {
    std::vector<TensorSource> sources;
    for (const auto& [name, tensor] : tensors)
      sources.push_back({name, tensor.first.type, tensor.first.shape, tensor.second.data()});
    write_safetensors(path, metadata, sources);
  }
};

}  // namespace

TEST_CASE("a server needs the file alone, and gets the same bits", "[features]") {
  const seqrec_test::TemporaryDirectory folder;
  Dataset data = seqrec_test::random_films(30, 40, 30, 8);
  const bool bare = GENERATE(false, true);
  if (bare) {
    data.times.clear(), data.ratings.clear(), data.titles.clear();
    data.item_features = data.user_features = {};
  }
  const Split split = leave_one_out(data);
  ExplicitFeatureOptions options = seqrec_test::small_options();
  options.item_knn.neighbours = 5;
  const ExplicitFeatures features(split, options);
  features.save(folder / "features");
  const ExplicitFeatures loaded = ExplicitFeatures::load(folder / "features");
  CHECK(loaded.hash() == features.hash());
  CHECK(loaded.schema().text() == features.schema().text());
  CHECK(loaded.describe() == features.describe());
  CHECK(loaded.options().items == "films");
  CHECK(loaded.names() == features.names());
  ExplicitFeatures::Workspace of_features(features), of_loaded(loaded);
  std::vector<item_t> candidates;
  for (item_t item = 0; item < 40; ++item) candidates.push_back(item);
  std::vector<float> first(40 * static_cast<std::size_t>(features.schema().size())), second(first.size());
  for (index_t i = 0; i < split.test.size(); ++i) {
    features.rows(moment_of(split.test, i), candidates, first, of_features);
    loaded.rows(moment_of(split.test, i), candidates, second, of_loaded);
    REQUIRE(std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0);
  }
  loaded.save(folder / "again");
  CHECK(seqrec_test::read_file(folder / "again") == seqrec_test::read_file(folder / "features"));
}

TEST_CASE("damaged files are refused, whatever is wrong", "[features][errors]") {
  const seqrec_test::TemporaryDirectory folder;
  ExplicitFeatures(seqrec_test::small_split(), seqrec_test::small_options()).save(folder / "features");
  const auto complaint = [&](const std::function<void(Contents&)>& change) {
    Contents contents(folder / "features");
    change(contents);
    contents.write(folder / "damaged");
    return message_of<DataError>([&] { ExplicitFeatures::load(folder / "damaged"); });
  };
  const auto refuses = [&](const std::function<void(Contents&)>& change, const char* text) {
    CHECK_THAT(complaint(change), ContainsSubstring(text));
  };
  refuses([](Contents& c) { c.metadata["seqrec.features"] = "others"; }, "holds 'others', expected explicit features");
  refuses([](Contents& c) { c.metadata.erase("seqrec.features"); }, "seqrec.features is missing");
  refuses([](Contents& c) { c.metadata["option.recent_events"] = "2"; }, "recent_events is 2, expected more than");
  refuses([](Contents& c) { c.metadata["option.recent_events"] = "4"; }, "it was written by another version");
  refuses([](Contents& c) { c.metadata["seqrec.schema_hash"] = "0"; }, "has the hash '0', expected");
  refuses([](Contents& c) { c.metadata["seqrec.titles"] = "[\"a\"]"; }, "has 1 titles, expected 8 or none");
  refuses([](Contents& c) { c.metadata["seqrec.titles"] = "["; }, "seqrec.titles");
  refuses([](Contents& c) { c.tensors.erase("follows.items"); }, "'follows.items' is missing");
  refuses([](Contents& c) { c.set("follows.items", 0, std::int32_t{8}); }, "follows.items: has 8, expected 0 .. 7");
  refuses([](Contents& c) { c.set("transitions.items", 0, std::int32_t{-1}); }, "has -1, expected 0 .. 7");
  refuses([](Contents& c) { c.set("similarities.weights", 0, std::numeric_limits<float>::infinity()); },
          "similarities.weights: has inf, expected finite numbers");
  refuses([](Contents& c) { c.set("events.offsets", 1, std::int64_t{100}); }, "events.offsets: expected offsets");
  refuses([](Contents& c) { c.set("events.offsets", 0, std::int64_t{1}); }, "expected offsets that ascend from 0");
  refuses([](Contents& c) { c.set("events.times", 0, std::int64_t{1} << 60); }, "events.times: expected ascending");
  refuses([](Contents& c) { c.set("events.ratings", 0, std::numeric_limits<float>::quiet_NaN()); }, "has nan");
  refuses([](Contents& c) { c.set("categories.values", 0, std::int32_t{99}); }, "categories.values: has 99, expected");
  refuses([](Contents& c) { c.set("categories.offsets", 1, std::int32_t{50}); },
          "categories.offsets: expected offsets");
  refuses([](Contents& c) { c.set("follows.items", 0, std::int32_t{4}); }, "expected ascending items in each row");
}
