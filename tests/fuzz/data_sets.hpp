// SPDX-License-Identifier: Apache-2.0
// What is done with a data set that a reader made of foreign bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/option_lines.hpp"
#include "fuzz/support.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/k_core.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/splits/ratio_split.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/data/splits/temporal_split.hpp"

namespace seqrec_fuzz {

/// That a data set is what Dataset promises.
inline void check_data(const seqrec::Dataset& data) {
  const auto users = static_cast<std::size_t>(data.num_users()), items = static_cast<std::size_t>(data.num_items());
  require(data.offsets.size() == users + 1 && data.offsets.front() == 0 &&
              data.offsets.back() == data.num_interactions() &&
              std::is_sorted(data.offsets.begin(), data.offsets.end()),
          "offsets do not cut the interactions");
  require(data.num_interactions() > 0, "a data set without interactions");
  require(std::all_of(data.items.begin(), data.items.end(),
                      [&](seqrec::item_t item) { return item >= 0 && item < data.num_items(); }),
          "an item out of range");
  require(data.user_ids.size() == data.num_users(), "users without an id");
  require(data.times.empty() || data.times.size() == data.items.size(), "interactions without a time");
  require(data.titles.empty() || data.titles.size() == items, "items without a title");
  for (seqrec::index_t user = 0; user < data.num_users(); ++user) {
    require(!data.history(user).empty(), "a user without interactions");
    if (!data.times.empty())
      require(std::is_sorted(data.times.begin() + data.offsets[static_cast<std::size_t>(user)],
                             data.times.begin() + data.offsets[static_cast<std::size_t>(user) + 1]),
              "times of a user that do not ascend");
  }
  for (const seqrec::FeatureTable* table : {&data.user_features, &data.item_features}) {
    if (!*table) continue;
    require(table->offsets.size() == (table == &data.user_features ? users : items) + 1, "rows without features");
    require(std::all_of(table->values.begin(), table->values.end(),
                        [&](seqrec::item_t category) {
                          return category >= 0 && static_cast<std::size_t>(category) < table->names.size();
                        }),
            "a category out of range");
  }
  require_printable(seqrec::describe(data));
}

inline void check_split(const seqrec::Split& split) {
  require(split.train_lengths.size() == static_cast<std::size_t>(split.data->num_users()), "users without a length");
  require(split.test.size() > 0, "a split without a test");
  for (const seqrec::HeldOut* part : {&split.validation, &split.test})
    for (seqrec::index_t i = 0; i < part->size(); ++i) {
      const auto length = part->history(i).size();
      require(length < part->whole_history(i).size() &&
                  part->whole_history(i)[length] == part->targets[static_cast<std::size_t>(i)],
              "a target that is not what follows its history");
    }
  require_printable(seqrec::describe(split));
}

/// Checks what was read, then a k-core of it and the three splits of both; each may refuse it.
inline void use_data(seqrec::Dataset data) {
  check_data(data);
  const auto or_error = [](const auto& action) {
    try {
      action();
    } catch (const seqrec::Error&) {
    }
  };
  const auto split_all = [&](seqrec::Dataset each) {
    const auto shared = std::make_shared<const seqrec::Dataset>(std::move(each));
    or_error([&] { check_split(seqrec::leave_one_out(shared)); });
    or_error([&] { check_split(seqrec::ratio_split(shared, {.validation = 0.3, .test = 0.3})); });
    or_error([&] { check_split(seqrec::temporal_split(shared, seqrec::time_quantiles(*shared, 0.4, 0.7))); });
  };
  or_error([&] {
    seqrec::Dataset core = seqrec::k_core(data, {.users = 2, .items = 2});
    check_data(core);
    split_all(std::move(core));
  });
  split_all(std::move(data));
}

/// A target that reads the files of a data set, the interactions first among their names; behind a line "@@ options" an
/// input may hold lines of how they are read.
template <class Reader>
int read_data_set(const std::uint8_t* bytes, std::size_t size, std::initializer_list<std::string_view> names,
                  Reader&& reader) {
  static const Folder folder;
  std::string_view options_text;
  if (!write_files(folder, text_of(bytes, size), names, options_text)) return 0;
  // The base is the tables by which numbers that lie close together are numbered, one of users and one of items.
  return expect_read_or_error(size,
                              [&] {
                                seqrec::ReadOptions options;
                                read_option_lines(options_text, options);
                                use_data(reader(folder / *names.begin(), std::string("fuzz"), options));
                              },
                              {.base = 1280 << 10});
}

}  // namespace seqrec_fuzz
