// SPDX-License-Identifier: Apache-2.0
#include "common/objective_choice.hpp"

#include <variant>

namespace examples {

namespace {

/// Complains about an option that nothing would come of.
void refuse(const CommandLine& line, const ObjectiveChoice& choice, const char* option, const char* reason) {
  if (line.given(option))
    throw seqrec::ArgumentError(seqrec::concatenate(option, " is given with --loss ", seqrec::option_text(choice.loss),
                                                    ", which ", reason, "; expected only one"));
}

}  // namespace

void add_objective_options(CommandLine& line, ObjectiveChoice& choice) {
  line.choice("--objective", choice.task, "predict the next item, or tell it from others, each a question of its own");
  line.choice("--loss", choice.loss,
              "of each target: against sampled negatives, or (softmax) against the whole catalogue");
  line.number("--negatives", choice.negatives, at_least(1), "sampled for each position; not with --loss softmax");
  line.number("--popularity-exponent", choice.sampling.popularity_exponent, not_negative(),
              "negatives are drawn by popularity to this power; 0 is uniform");
  line.flag("--seen-negatives", choice.seen_negatives, "items of the user's own history may be negatives");
  line.text("--calibration", "N", seqrec::option_text(choice.calibration), "of --loss gbce",
            [&choice](const std::string& given) {
              const Expected<double> expected{[](double t) { return t >= 0 && t <= 1; }, "a number from 0 to 1"};
              choice.calibration = CommandLine::parse_number("--calibration", given, expected);
            });
  line.number("--temperature", choice.temperature, positive(), "of --loss sampled-softmax and info-nce");
}

seqrec::NextItem next_item_objective(const CommandLine& line, const ObjectiveChoice& choice) {
  if (choice.loss == Loss::softmax)
    for (const char* const option : {"--negatives", "--popularity-exponent", "--seen-negatives"})
      refuse(line, choice, option, "samples none");
  if (choice.loss != Loss::gbce) refuse(line, choice, "--calibration", "has none");
  if (choice.loss != Loss::sampled_softmax && choice.loss != Loss::info_nce)
    refuse(line, choice, "--temperature", "has none");

  seqrec::NextItem objective{.negatives = choice.negatives, .sampling = choice.sampling};
  objective.sampling.reject_seen = !choice.seen_negatives;
  switch (choice.loss) {
    case Loss::bce:
      objective.loss = seqrec::BinaryCrossEntropy{};
      break;
    case Loss::softmax:
      return {.loss = seqrec::FullSoftmax{}};
    case Loss::bpr:
      objective.loss = seqrec::Bpr{};
      break;
    case Loss::gbce:
      objective.loss = seqrec::GeneralisedBinaryCrossEntropy{choice.calibration};
      break;
    case Loss::sampled_softmax:
      objective.loss = seqrec::SampledSoftmax{choice.temperature};
      break;
    case Loss::info_nce:
      objective.loss = seqrec::InfoNce{choice.temperature};
      break;
  }
  return objective;
}

seqrec::Click click_objective(const CommandLine& line, const ObjectiveChoice& choice) {
  for (const char* const option : {"--loss", "--calibration", "--temperature"})
    if (line.given(option))
      throw seqrec::ArgumentError(seqrec::concatenate(option,
                                                      " is given with --objective click, expected only with "
                                                      "--objective next-item"));
  seqrec::Click objective{.negatives = choice.negatives, .sampling = choice.sampling};
  objective.sampling.reject_seen = !choice.seen_negatives;
  return objective;
}

}  // namespace examples
