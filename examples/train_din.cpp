// SPDX-License-Identifier: Apache-2.0
// Train and evaluate DIN, which looks at a history through the item in question, and write the result as JSON.
//
// You learn   how a model that scores candidates is trained on clicks, with what is known of users and items if you
//             like, and how far attention to the candidate goes beside the other models.
// Run         ./examples/run train_din --data DIR [--preset paper] [--features] [--json result.json]; --help lists all
//             options.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
//             --features reads age, gender and occupation, genres and years, where the folder has them.
// Expect      two or three minutes on MovieLens-100K: among 1 + 99 candidates HR@10 of .71 and per-user AUC of .90.

#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"

namespace {

using Model = seqrec::Din<seqrec::cpu::Context>;

/// Whose attention: chosen on validation of MovieLens-100K, the paper's, or its authors' code's.
enum class Preset { tuned, paper, official_code };
constexpr std::array<const char*, 3> names_of(Preset) { return {"tuned", "paper", "official-code"}; }

struct Settings {
  examples::Options shared;
  seqrec::DinOptions model{
      .max_length = 20, .attention_hidden = {32}, .hidden = {64}, .dropout = 0.4, .initial_deviation = 0.1};
  std::optional<std::uint64_t> model_seed;
  Preset preset = Preset::tuned;
  bool features = false;
  seqrec::Click objective{.negatives = 2};
};

/// Widths of layers, as "80-40".
void widths(examples::CommandLine& line, const std::string& name, std::vector<seqrec::index_t>& variable,
            const std::string& about) {
  line.text(name, "N-N-...", seqrec::option_text(variable), about,
            [name, &variable](const std::string& given) { seqrec::parse_option(name, given, variable); });
}

void declare(examples::CommandLine& line, Settings& settings) {
  using examples::at_least;
  settings.shared.trainer = {.epochs = 40,
                             .batch_size = 8,
                             .learning_rate = 3e-3,
                             .optimizer = seqrec::Adam{.beta2 = 0.98},
                             .seed = 1,
                             .evaluate_every = 2,
                             .patience = 5};
  examples::add_shared_options(line, settings.shared);
  examples::add_training_options(line, settings.shared.trainer);
  seqrec::DinOptions& model = settings.model;
  line.choice<Preset>("--preset", Preset::tuned, "whose attention", [&model](Preset preset) {
    if (preset == Preset::tuned) return;
    const auto attention = preset == Preset::paper ? seqrec::CandidateAttentionOptions::paper(model.width)
                                                   : seqrec::CandidateAttentionOptions::official_code(model.width);
    model.attention_hidden = attention.hidden;
    model.attention_activation = attention.activation;
    model.attention_softmax = attention.softmax;
  });
  widths(line, "--attention-hidden", model.attention_hidden, "widths of the attention's hidden layers");
  line.choice("--attention-activation", model.attention_activation, "after each of them");
  line.number("--width", model.width, at_least(1), "of the item vectors");
  line.number("--max-length", model.max_length, at_least(1), "most recent events that a candidate sees");
  line.number("--training-length", model.training_length, at_least(0), "last positions of a user that are trained");
  widths(line, "--hidden", model.hidden, "widths of the ranking network's hidden layers");
  line.choice("--activation", model.activation, "after each of them");
  line.number("--dropout", model.dropout, examples::probability(), "probability");
  line.number("--initial-deviation", model.initial_deviation, examples::not_negative(), "of the item vectors");
  line.flag("--features", settings.features, "reads what the data set knows of its users and items");
  line.number("--feature-width", model.feature_width, at_least(1), "of a category's vector");
  line.number("--negatives", settings.objective.negatives, at_least(1), "sampled for each position");
  line.number("--popularity-exponent", settings.objective.sampling.popularity_exponent, examples::not_negative(),
              "of sampled items; 0 is uniform");
  line.number("--model-seed", settings.model_seed, examples::any_seed(),
              "of the initial weights, if not that of --seed");
}

}  // namespace

int main(int argc, char** argv) {
  examples::CommandLine line("Trains DIN (Zhou et al. 2018) and evaluates it.");
  Settings settings;
  declare(line, settings);
  return line.run(argc, argv, [&] {
    examples::apply_quick(line, settings.shared, 3);
    const examples::Experiment experiment(settings.shared, examples::find_data(settings.shared, "ml-100k"));
    const seqrec::Dataset& data = experiment.data();
    settings.model.items = data.num_items();
    settings.model.seed = settings.model_seed.value_or(settings.shared.trainer.seed);
    if (settings.features) {
      if (!data.user_features && !data.item_features)
        throw seqrec::DataError(data.name + ": nothing is known of users or items, --features expected it");
      settings.model.user_categories = data.user_features.categories();
      settings.model.item_categories = data.item_features.categories();
    }
    examples::train_and_report<Model>("DIN", settings.model, settings.shared, experiment, settings.objective);
  });
}
