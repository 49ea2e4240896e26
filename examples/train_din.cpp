// SPDX-License-Identifier: Apache-2.0
// Train and evaluate DIN, which looks at a history through the item in question, and write the result as JSON.
//
// You learn   how a model that scores candidates is trained on clicks, with what is known of users and items if you
//             like, and how far attention to the candidate goes beside the other models.
// Run         ./examples/run train_din --data DIR [--preset paper] [--features] [--json result.json]; --help lists all
//             options. --attention FILE draws what the network looked at in one user's history.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
//             --features reads age, gender and occupation, genres and years, where the folder has them.
// Expect      a minute on MovieLens-100K: among 1 + 99 candidates HR@10 of .74 and per-user AUC of .91, among the whole
//             catalogue HR@10 of .20. With --recency-bias=false it is .71, .90 and .17: the attention alone does not
//             see what was watched last.

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>

#include "common/attention_picture.hpp"
#include "common/backend.hpp"
#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/din_settings.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/serve/attention_weights.hpp"
#include "seqrec/serve/recommend.hpp"

namespace {

/// Whose attention: chosen on validation of MovieLens-100K, the paper's, or its authors' code's.
enum class Preset { tuned, paper, official_code };
constexpr std::array<const char*, 3> names_of(Preset) { return {"tuned", "paper", "official-code"}; }

struct Settings {
  Preset preset = Preset::tuned;
  std::filesystem::path attention{};
  std::string user{};

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("preset", preset, seqrec::any(), "whose attention");
    visit("attention", attention, seqrec::file_to_write(),
          "a picture, as SVG and PNG, of how much each of a user's last titles weighed for what is recommended");
    visit("user", user, seqrec::any(), "whose: a user's id in the data; empty is the first");
  }
};

/// Sets what the preset says of the attention, but for options that were given.
void apply(Preset preset, const examples::CommandLine& line, seqrec::DinOptions& options) {
  if (!options.attention_softmax && !line.given("--recency-bias")) options.recency_bias = false;
  if (preset == Preset::tuned) return;
  const auto attention = preset == Preset::paper ? seqrec::CandidateAttentionOptions::paper(options.width)
                                                 : seqrec::CandidateAttentionOptions::official_code(options.width);
  if (!line.given("--attention-hidden")) options.attention_hidden = attention.hidden;
  if (!line.given("--attention-activation")) options.attention_activation = attention.activation;
  if (!line.given("--attention-softmax")) options.attention_softmax = attention.softmax;
  if (!line.given("--recency-bias")) options.recency_bias = false;
}

/// Draws how the last titles of a user weighed in what the model says of the five it would offer.
template <class Model>
void draw_attention(const Model& model, const seqrec::HeldOut& test, seqrec::index_t user,
                    const std::filesystem::path& path) {
  const seqrec::Dataset& data = *test.data;
  examples::Context context;
  const seqrec::KnownUser known{.features = seqrec::known_features(data),
                                .profile = static_cast<seqrec::user_t>(test.users.data()[user]),
                                .times = test.times(user)};
  const std::span<const seqrec::item_t> history = test.history(user);
  examples::AttentionPicture picture{
      seqrec::concatenate("How much DIN weighs what user ", data.user_ids[test.users.data()[user]],
                          " watched last for what it recommends"),
      {},
      {},
      {}};
  for (const auto& [item, score] :
       seqrec::recommend(model, context, history, std::min<seqrec::index_t>(5, data.num_items()), history, known)) {
    const auto weights = seqrec::attention_weights(model, context, history, item, known);
    if (picture.history.empty())
      for (const seqrec::item_t seen : history.last(weights.size()))
        picture.history.push_back(examples::title_of(data, seen));
    picture.candidates.push_back(examples::title_of(data, item));
    picture.weights.insert(picture.weights.end(), weights.begin(), weights.end());
  }
  if (draw(path, picture, std::cerr)) std::cout << "attention drawn to " << path.string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  using Model = seqrec::Din<examples::Context>;
  examples::DataOptions shared;
  examples::DinSettings din;
  Settings settings;

  examples::CommandLine line("Trains DIN (Zhou et al. 2018) and evaluates it.");
  shared.declare(line);
  din.declare(line);
  line.options(settings);
  return line.run(argc, argv, [&] {
    din.training.finish(line, shared, /*epochs=*/3);
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-100k"));
    const examples::Candidates candidates(split, shared);
    apply(settings.preset, line, din.model);
    din.fit_model(line, *split.data);
    const seqrec::index_t user = examples::find_user(split.test, settings.user);
    Model model(din.model);
    report(std::cout,
           examples::train<seqrec::Trainer>("DIN", model, din.training.trainer, split, candidates, din.objective),
           shared.json);
    if (!settings.attention.empty()) draw_attention(model, split.test, user, settings.attention);
  });
}
