// SPDX-License-Identifier: Apache-2.0
// The state of a training run, as the run would read it that wrote it.
#include "seqrec/train/training_state.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/checkpoints.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/run_identity.hpp"

namespace {

using Model = seqrec::SasRec<seqrec::cpu::Context>;

/// A run, apart from its training.
struct Run {
  seqrec::Dataset data = seqrec::build_dataset("small", {{0, 0, 0, 1, 1, 1}, {0, 1, 2, 2, 1, 0}, {}});
  seqrec::Split split = seqrec::leave_one_out(data);
  Model model{{.items = 3, .width = 1, .blocks = 0, .max_length = 1}};
  seqrec::RunIdentity identity{model, split, seqrec::NextItem{.loss = seqrec::BinaryCrossEntropy{}}, {}};
  std::vector<std::string> names = {"model", "best", "moment.0"};
};
const Run& run() {
  static const Run it;
  return it;
}

}  // namespace

std::vector<std::string> made_seeds() {
  std::vector<std::string> seeds;
  for (const int validations : {0, 2}) {
    seqrec::TrainingState<float> state;
    state.position.steps = 2 * validations;
    state.position.plateau.rate = 0.001;
    for (int i = 1; i <= validations; ++i) {
      state.history.push_back({.epoch = i,
                               .steps = 2 * i,
                               .loss = 0.5,
                               .seconds = 1,
                               .validation = {3, {{"ndcg@10", 0.25, 0.125}}},
                               .clicks = {{"auc", 0.5}}});
    }
    for (const std::string& name : run().names)
      state.tensors[name].resize(static_cast<std::size_t>(run().model.parameters().size()));
    const seqrec_fuzz::Folder folder;
    seqrec::save_training_state(folder / "x", run().identity, run().model.parameters().entries(), state);
    seeds.push_back(seqrec_fuzz::safetensors_input(folder.read("x")));
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seqrec_fuzz::Folder folder;
  const auto path = folder.write("x", seqrec_fuzz::safetensors_file(seqrec_fuzz::text_of(data, size)));
  const auto& parameters = run().model.parameters();
  return seqrec_fuzz::expect_read_or_error(size, [&] {
    const auto state =
        seqrec::load_training_state<float>(path, run().identity, parameters.entries(), parameters.size(), run().names);
    seqrec_fuzz::require(state.tensors.size() == run().names.size(), "a state without its tensors");
    for (const seqrec::EpochRecord& record : state.history)
      seqrec_fuzz::require(record.steps >= 0 && record.steps <= state.position.steps, "steps that were never taken");
  });
}
