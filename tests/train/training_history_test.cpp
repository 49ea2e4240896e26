// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/training_history.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::read_file;
using seqrec_test::write_file;

namespace {

/// Validations after steps 1, 2, ..., n.
std::vector<EpochRecord> records(index_t n) {
  std::vector<EpochRecord> history;
  for (index_t i = 1; i <= n; ++i)
    history.push_back(
        {.epoch = i, .steps = i, .loss = 1.0 / static_cast<double>(i), .validation = {30, {{"auc", 0.5, 0.1}}}});
  return history;
}

/// A state that holds nothing but what it says of its history.
struct State {
  seqrec_test::TemporaryDirectory directory;
  std::filesystem::path path = directory / "state";
  std::filesystem::path first = directory / "state.history-0", second = directory / "state.history-1";

  void write(const TrainingHistory& history, const std::map<std::string, std::string>& changes = {}) const {
    std::map<std::string, std::string> metadata;
    history.write(metadata);
    for (const auto& [name, value] : changes) metadata[name] = value;
    write_safetensors(path, metadata, {});
  }
  void save(TrainingHistory& history, index_t n) const {
    const std::vector<EpochRecord> all = records(n);
    history.append(std::span(all).subspan(static_cast<std::size_t>(history.rows())));
    write(history);
    history.remove_other();
  }
  /// The losses that are read.
  std::vector<double> losses(index_t steps = 1000) const {
    std::vector<EpochRecord> found;
    const TrainingHistory history(SafetensorsFile(path), steps, found);
    CHECK(history.rows() == std::ssize(found));
    std::vector<double> losses;
    for (const EpochRecord& record : found) losses.push_back(record.loss);
    return losses;
  }
  std::string message(index_t steps = 1000) const {
    return message_of<DataError>([&] { losses(steps); });
  }
};

std::vector<double> expected_losses(index_t n) {
  std::vector<double> losses;
  for (const EpochRecord& record : records(n)) losses.push_back(record.loss);
  return losses;
}

}  // namespace

TEST_CASE("a history is read as far as the state counts it, and goes on from there", "[train]") {
  const State state;
  TrainingHistory history(state.path);
  CHECK(history.path() == state.first);
  state.save(history, 0);
  CHECK(state.losses().empty());
  CHECK_FALSE(std::filesystem::exists(state.first));
  state.save(history, 3);
  CHECK(state.losses() == expected_losses(3));

  std::vector<EpochRecord> more = records(5);
  history.append(std::span(more).subspan(3));  // and the process died before the state counted them
  CHECK(std::filesystem::file_size(state.first) == 5 * 9 * sizeof(double));
  CHECK(state.losses() == expected_losses(3));
  TrainingHistory resumed(SafetensorsFile(state.path), 3, more);
  CHECK(std::filesystem::file_size(state.first) == 5 * 9 * sizeof(double));  // reading changes no file
  CHECK(more.size() == 3);
  state.save(resumed, 4);
  CHECK(state.losses() == expected_losses(4));
  CHECK(std::filesystem::file_size(state.first) == 4 * 9 * sizeof(double));
}

TEST_CASE("a state tells as little of a thousand validations as of one", "[train]") {
  const State state;
  TrainingHistory history(state.path);
  state.save(history, 1);
  const auto size = std::filesystem::file_size(state.path);
  const std::vector<EpochRecord> all = records(1000);
  history.append(std::span(all).subspan(1));
  state.write(history);
  CHECK(std::filesystem::file_size(state.path) <= size + 8);  // the number has more digits
  CHECK(state.losses() == expected_losses(1000));
}

TEST_CASE("a run that begins anew leaves the older run's pair whole until its own is there", "[train]") {
  const State state;
  TrainingHistory old(state.path);
  state.save(old, 3);
  TrainingHistory fresh(state.path);
  CHECK(fresh.path() == state.second);
  const std::vector<EpochRecord> one = records(1);
  fresh.append(one);
  CHECK(state.losses() == expected_losses(3));
  state.write(fresh);  // the process died here
  CHECK(state.losses() == expected_losses(1));
  CHECK(std::filesystem::exists(state.first));
  TrainingHistory again(state.path);
  CHECK(again.path() == state.first);
  state.save(again, 2);
  CHECK(state.losses() == expected_losses(2));
  CHECK(state.directory.entries() == 2);

  write_file(state.path, "no state");
  CHECK(TrainingHistory(state.path).path() == state.first);
}

TEST_CASE("a history that is missing, cut, damaged or another run's is named", "[train][errors]") {
  const State state;
  TrainingHistory history(state.path);
  state.save(history, 3);
  const std::string bytes = read_file(state.first), what = "the 3 validations that " + state.path.string() + " counts";
  std::filesystem::remove(state.first);
  CHECK(state.message() == state.first.string() + ": cannot be opened: No such file or directory; expected " + what +
                               ": keep both files together");
  write_file(state.first, bytes.substr(0, bytes.size() - 1));
  CHECK(state.message() == state.first.string() + ": has 215 bytes, expected 72 for each of " + what);
  for (std::size_t i = 0; i < bytes.size(); i += 5) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    write_file(state.first, damaged);
    CHECK_THAT(state.message(), ContainsSubstring(state.first.string() + ": the hash of " + what + " is ") &&
                                    ContainsSubstring(": the file is damaged, or another run's"));
  }
  write_file(state.first, bytes + "more");
  CHECK(state.losses() == expected_losses(3));
  CHECK(state.message(2) == state.first.string() + ": steps of record 2 is 3, expected ascending steps up to 2");
}

TEST_CASE("records whose steps do not ascend are refused", "[train][errors]") {
  const State state;
  for (const auto& steps : {std::vector<index_t>{0}, std::vector<index_t>{1, 1}, std::vector<index_t>{2, 1}}) {
    std::vector<EpochRecord> history = records(std::ssize(steps));
    for (std::size_t i = 0; i < steps.size(); ++i) history[i].steps = steps[i];
    TrainingHistory file(state.path);
    file.append(history);
    state.write(file);
    CHECK_THAT(state.message(), ContainsSubstring(concatenate("steps of record ", steps.size() - 1, " is ")));
  }
}

TEST_CASE("what a state says of its history is checked before memory is taken", "[train][errors]") {
  const State state;
  TrainingHistory history(state.path);
  state.save(history, 3);
  const auto message = [&](const char* field, const char* value) {
    state.write(history, {{field, value}});
    return state.message();
  };
  CHECK_THAT(message("history.file", "../x"), ContainsSubstring("history.file is '../x', expected '0' or '1'"));
  CHECK_THAT(message("history.file", "1"), ContainsSubstring("state.history-1: cannot be opened"));
  CHECK_THAT(message("history.rows", "-1"), ContainsSubstring("history.rows is '-1', expected 0 .. 9007199254740992"));
  CHECK_THAT(message("history.rows", "9007199254740992"), ContainsSubstring("has 216 bytes, expected 72 for each of"));
  CHECK_THAT(message("history.rows", "x"), ContainsSubstring("option history.rows is \"x\""));
  CHECK_THAT(message("history.hash", "0"), ContainsSubstring(", expected '0': the file is damaged"));
  CHECK_THAT(message("history.metrics", ""), ContainsSubstring("the hash of the 3 validations"));
  write_safetensors(state.path, {}, {});
  CHECK_THAT(state.message(), ContainsSubstring("metadata field history.metrics is missing"));
}

TEST_CASE("a disk that is full leaves the rows before, and the next append goes on", "[train][errors]") {
  const State state;
  TrainingHistory history(state.path);
  state.save(history, 3);
  const std::vector<EpochRecord> all = records(5);
  {
    const seqrec_test::FileSizeLimit full(300);
    CHECK_THAT(message_of<DataError>([&] { history.append(std::span(all).subspan(3)); }),
               ContainsSubstring("state.history-0: cannot be written: appending: File too large"));
  }
  CHECK(history.rows() == 3);
  CHECK(state.losses() == expected_losses(3));
  state.save(history, 5);
  CHECK(state.losses() == expected_losses(5));
}
