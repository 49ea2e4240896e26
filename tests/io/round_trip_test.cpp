// SPDX-License-Identifier: Apache-2.0
// Whatever options a model accepts, its checkpoint loads again and has them, to the bit.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/narm.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of, seqrec_test::weights_of;
using Context = cpu::Context;

namespace {

constexpr auto largest_seed = std::numeric_limits<std::uint64_t>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min(), largest = std::numeric_limits<double>::max();
const double almost_one = std::nextafter(1.0, 0.0);

template <class Options>
std::string text_of(const Options& options) {
  std::string text;
  for (const OptionValue& option : option_values(options)) text += option.name + "=" + option.text + " ";
  return text;
}

template <class Model>
void check_round_trip(const typename Model::Options& options) {
  CAPTURE(text_of(options));
  const seqrec_test::TemporaryDirectory directory;
  const Model model(options);
  save(directory / "m", model);
  const Model again = load<Model>(directory / "m");
  CHECK(text_of(again.options()) == text_of(options));
  CHECK(weights_of(again) == weights_of(model));
}

}  // namespace

TEST_CASE("extreme numbers among a model's options come back", "[io]") {
  for (const double tiny : {0.0, smallest, std::numeric_limits<double>::min(), 1.0 / 3e300}) {
    check_round_trip<AvgPool<Context>>(
        {.items = 2, .width = 1, .dropout = almost_one, .initial_deviation = tiny, .seed = largest_seed});
    check_round_trip<Din<Context>>({.items = 2,
                                    .width = 1,
                                    .attention_hidden = {1},
                                    .hidden = {},
                                    .dropout = almost_one,
                                    .initial_deviation = tiny,
                                    .user_categories = 1,
                                    .item_categories = 1,
                                    .feature_width = 1,
                                    .seed = largest_seed});
    check_round_trip<SasRec<Context>>({.items = 2,
                                       .width = 1,
                                       .max_length = 1 << 20,
                                       .dropout = tiny,
                                       .norm_epsilon = tiny == 0 ? largest : tiny,
                                       .initial_deviation = tiny,
                                       .seed = largest_seed - 1});
    check_round_trip<Gru4Rec<Context>>(
        {.items = 2, .width = 1, .state_dropout = almost_one, .initial_deviation = tiny, .seed = largest_seed});
    check_round_trip<Narm<Context>>({.items = 2,
                                     .width = 1,
                                     .hidden = 1,
                                     .state_dropout = almost_one,
                                     .initial_deviation = tiny,
                                     .seed = largest_seed});
  }
}

TEST_CASE("lists among a model's options come back up to the limit, and are refused beyond it", "[io]") {
  for (const std::size_t layers : {0u, 1u, 16u, 17u, 64u}) {
    CAPTURE(layers);
    const std::vector<index_t> attention(layers % 3 + 1, 100);
    check_round_trip<Din<Context>>(
        {.items = 2, .width = 1, .attention_hidden = attention, .hidden = std::vector<index_t>(layers, 10)});
  }
  check_round_trip<SasRec<Context>>({.items = 2, .width = 1, .blocks = 256});
  check_round_trip<Gru4Rec<Context>>({.items = 2, .width = 1, .layers = 64});
  check_round_trip<Narm<Context>>({.items = 2, .width = 1, .hidden = 1, .layers = 64});
  CHECK_THAT(
      message_of<ArgumentError>([] { Din<Context>({.items = 2, .width = 1, .hidden = std::vector<index_t>(65, 10)}); }),
      ContainsSubstring("Din hidden is 10-10-") && ContainsSubstring("expected at most 64 widths in 1"));
  CHECK_THAT(message_of<ArgumentError>(
                 [] { Din<Context>({.items = 2, .width = 1, .attention_hidden = std::vector<index_t>(17, 10)}); }),
             ContainsSubstring("hidden layers is 17, expected"));
}

TEST_CASE("weights that an extreme option makes infinite are not saved", "[io][errors]") {
  const seqrec_test::TemporaryDirectory directory;
  const AvgPool<Context> model({.items = 2, .width = 1, .initial_deviation = largest});
  CHECK_THAT(message_of<NonFiniteError>([&] { save(directory / "m", model); }), ContainsSubstring("expected a finite"));
  CHECK(directory.entries() == 0);
}
