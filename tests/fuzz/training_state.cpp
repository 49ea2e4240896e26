// SPDX-License-Identifier: Apache-2.0
// The state of a training run and the history beside it, as the run would read them that wrote them.
#include "seqrec/train/training_state.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/checkpoints.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/run_identity.hpp"
#include "seqrec/train/training_history.hpp"

namespace {

using Model = seqrec::SasRec<seqrec::cpu::Context>;

/// A run, apart from its training.
struct Run {
  seqrec::Split split =
      seqrec::leave_one_out(seqrec::build_dataset("small", {{0, 0, 0, 1, 1, 1}, {0, 1, 2, 2, 1, 0}, {}}));
  Model model{{.items = 3, .width = 1, .blocks = 0, .max_length = 1}};
  seqrec::RunIdentity identity{model, split, seqrec::NextItem{.loss = seqrec::BinaryCrossEntropy{}}, {}};
  std::vector<std::string> names = {"model", "best", "moment.0"};
};
const Run& run() {
  static const Run it;
  return it;
}

/// What begins the history in an input, and what stands for its hash in the state: no mutation would keep that right.
constexpr std::string_view history_begins = "\n@@ history\n", any_hash = "@hash@";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (const std::size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

}  // namespace

std::vector<std::string> made_seeds() {
  std::vector<std::string> seeds;
  for (const int validations : {0, 2}) {
    seqrec::TrainingState<float> state;
    state.position.steps = 2 * validations;
    state.position.plateau.rate = 0.001;
    std::vector<seqrec::EpochRecord> records;
    for (int i = 1; i <= validations; ++i)
      records.push_back({.epoch = i,
                         .steps = 2 * i,
                         .loss = 0.5,
                         .seconds = 1,
                         .validation = {3, {{"ndcg@10", 0.25, 0.125}}},
                         .clicks = {{"auc", 0.5}}});
    for (const std::string& name : run().names)
      state.tensors[name].resize(static_cast<std::size_t>(run().model.parameters().size()));
    const seqrec_fuzz::Folder folder;
    seqrec::TrainingHistory history(folder / "x");
    seqrec::save_training_state<float>(run().identity, run().model.parameters().entries(), state, records, history);
    const std::string rows = validations > 0 ? folder.read(history.path().filename().string()) : "";
    seeds.push_back(
        replaced(seqrec_fuzz::safetensors_input(folder.read("x")), seqrec::Hash().add(rows).text(), any_hash) +
        std::string(history_begins) + rows);
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seqrec_fuzz::Folder folder;
  const std::string_view input = seqrec_fuzz::text_of(data, size);
  const std::size_t end = std::min(input.rfind(history_begins), input.size());
  const std::string_view rows = input.substr(std::min(end + history_begins.size(), input.size()));
  for (const char* const name : {"x.history-0", "x.history-1"}) folder.write(name, rows);
  const auto path =
      folder.write("x", seqrec_fuzz::safetensors_file(
                            replaced(std::string(input.substr(0, end)), any_hash, seqrec::Hash().add(rows).text())));
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
