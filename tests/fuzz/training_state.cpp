// SPDX-License-Identifier: Apache-2.0
// The state of a training run and the history beside it, as the run would read them that wrote them: an input is the
// state, and below a line "@@ x.history-0" the history.
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
    std::vector<seqrec::EpochRecord> records;
    for (int i = 1; i <= validations; ++i) {
      records.push_back({.epoch = i,
                         .steps = 2 * i,
                         .loss = 0.5,
                         .seconds = 1,
                         .validation = {3, {{"ndcg@10", 0.25, 0.125}}},
                         .clicks = {{"auc", 0.5}}});
    }
    for (const std::string& name : run().names)
      state.tensors[name].resize(static_cast<std::size_t>(run().model.parameters().size()));
    const seqrec_fuzz::Folder folder;
    seqrec::TrainingHistory history(folder / "x");
    seqrec::save_training_state<float>(run().identity, run().model.parameters().entries(), state, records, history);
    seeds.push_back(seqrec_fuzz::safetensors_input(folder.read("x")) + "\n@@ x.history-0\n" +
                    folder.read("x.history-0"));
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seqrec_fuzz::Folder folder;
  if (!seqrec_fuzz::write_files(folder, seqrec_fuzz::text_of(data, size), {"x", "x.history-0"})) return 0;
  std::string state = folder.read("x");
  if (state.ends_with('\n')) state.pop_back();
  // No mutation of the history would find its hash, so the state gets it.
  if (const std::size_t field = state.find("\"history.hash\":\""); field != state.npos && state.size() - field > 32)
    state.replace(field + 16, 16, seqrec::Hash().add(folder.read("x.history-0")).text());
  const auto path = folder.write("x", seqrec_fuzz::safetensors_file(state));
  const auto& parameters = run().model.parameters();
  return seqrec_fuzz::expect_read_or_error(size, [&] {
    const auto saved =
        seqrec::load_training_state<float>(path, run().identity, parameters.entries(), parameters.size(), run().names);
    seqrec_fuzz::require(saved.state.tensors.size() == run().names.size(), "a state without its tensors");
    for (const seqrec::EpochRecord& record : saved.records)
      seqrec_fuzz::require(record.steps >= 0 && record.steps <= saved.state.position.steps,
                           "steps that were never taken");
  });
}
