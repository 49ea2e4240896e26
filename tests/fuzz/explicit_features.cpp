// SPDX-License-Identifier: Apache-2.0
// A file of explicit features.
#include "seqrec/features/explicit_features.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/checkpoints.hpp"
#include "seqrec/data/readers/interactions.hpp"

std::vector<std::string> made_seeds() {
  const auto saved = [](const seqrec::Dataset& data, const seqrec::ExplicitFeatureOptions& options) {
    const seqrec_fuzz::Folder folder;
    seqrec::ExplicitFeatures(seqrec::leave_one_out(data), options).save(folder / "x");
    return seqrec_fuzz::safetensors_input(folder.read("x"));
  };
  seqrec::Interactions rows{.users = {1, 1, 1, 1, 2, 2, 2}, .items = {1, 2, 3, 4, 2, 1, 4}};
  const std::string bare = saved(seqrec::build_dataset("bare", rows), {});
  rows.times = {0, 100, 90'000, 200'000, 5, 6, 7};
  rows.ratings = {1, 2, 3, 4, 5, 4, 3.5};
  seqrec::Dataset data = seqrec::build_dataset("films", rows);
  data.titles = {"A (1990)", "A 2 (1991)", "", "B"};
  data.item_features = seqrec::make_feature_table({{"genre=x", "genre=y"}, {"genre=y"}, {}, {"year=1990-1994"}});
  data.user_features = seqrec::make_feature_table({{"age=18-24", "gender=F"}, {"gender=M"}});
  return {bare, saved(data, {.recent_events = 3, .newest_events = 1, .snapshots = 2})};
}

/// What is read can be asked of every item, and is the same once it was saved.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seqrec_fuzz::Folder folder;
  const std::filesystem::path path = folder.write("x", seqrec_fuzz::safetensors_file(seqrec_fuzz::text_of(data, size)));
  return seqrec_fuzz::expect_read_or_error(
      size,
      [&] {
        const auto features = seqrec::ExplicitFeatures::load(path);
        features.save(folder / "y");
        seqrec_fuzz::require(seqrec::ExplicitFeatures::load(folder / "y").hash() == features.hash(),
                             "features that are others once they were saved");
        seqrec::ExplicitFeatures::Workspace workspace(features);
        std::vector<float> row(static_cast<std::size_t>(features.schema().size()));
        for (seqrec::item_t item = 0; item < static_cast<seqrec::item_t>(features.num_items()); ++item) {
          const std::vector<seqrec::item_t> one{item};
          features.rows({.history = one, .now = 100'000}, one, row, workspace);
        }
      },
      {.base = 1 << 20});
}
