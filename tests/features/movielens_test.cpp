// SPDX-License-Identifier: Apache-2.0
// Explicit features of the real MovieLens 100K, where SEQREC_DATA names a folder with it.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "seqrec/data/readers/load.hpp"
#include "seqrec/features/sentence.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("features of real films: all are known, vary, and out of fold the later events change none", "[features]") {
  const char* folder = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): one thread
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / "ml-100k")) {
    WARN("skipped: SEQREC_DATA has no ml-100k");
    return;
  }
  const auto data = std::make_shared<const Dataset>(load_dataset(std::filesystem::path(folder) / "ml-100k"));
  const Split split = leave_one_out(data);
  const ExplicitFeatures features(split);
  CHECK(features.schema().size() == explicit_columns + 3 + 18 + 8);
  CHECK(features.describe().find("missing") == std::string::npos);

  std::vector<item_t> candidates;
  for (item_t item = 0; item < 1682; item += 7) candidates.push_back(item);
  const auto columns = static_cast<std::size_t>(features.schema().size());
  std::vector<float> least(columns, std::numeric_limits<float>::infinity()), most(columns, -least[0]);
  std::vector<float> rows(candidates.size() * columns);
  ExplicitFeatures::Workspace workspace(features);
  for (index_t i = 0; i < split.test.size(); i += 20) {
    features.rows(moment_of(split.test, i), candidates, rows, workspace);
    for (std::size_t place = 0; place < rows.size(); ++place) {
      if (std::isnan(rows[place])) continue;
      least[place % columns] = std::min(least[place % columns], rows[place]);
      most[place % columns] = std::max(most[place % columns], rows[place]);
    }
  }
  for (std::size_t column = 0; column < columns; ++column) {
    const std::string& name = features.schema()[static_cast<index_t>(column)].name;
    INFO(name << " from " << least[column] << " to " << most[column]);
    if (name == "cross_item_seen")
      CHECK((least[column] == 0 && most[column] == 1));  // nobody rates a film twice
    else
      CHECK(least[column] < most[column]);
    CHECK(std::isfinite(most[column]));
  }

  // User 1 of the file: a man of 24, whose test film is the last of 272.
  const FeatureMoment moment = moment_of(split.test, 0);
  std::vector<float> row(columns);
  features.rows(moment, std::vector<item_t>{0}, row, workspace);
  const auto said = [&](const char* column) {
    return sentence_of(features, moment, 0, row, features.schema().place_of(column));
  };
  CHECK(features.title(0) == "Toy Story (1995)");
  CHECK(said("sequence_length") == "Your history has 271 items.");
  CHECK(said("user_occupation") == "Your occupation: technician.");
  CHECK(said("user_age") == "Your age: 18-24.");
  CHECK(said("item_genre_count") == "It is of 3 genres (Animation, Children's, Comedy).");
  CHECK(said("item_year") == "It is of the year 1995.");
}
