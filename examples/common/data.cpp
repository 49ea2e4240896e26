// SPDX-License-Identifier: Apache-2.0
#include "common/data.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "seqrec/data/readers/load.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/evaluate/candidate_file.hpp"

namespace examples {

seqrec::Dataset announce_synthetic(const std::string& reason) {
  const std::string rule(100, '*');
  std::cout << rule << "\n*** SYNTHETIC DATA (" << reason
            << "): made-up films.\n*** The numbers below show that everything works. About a real data set they say "
               "nothing.\n"
            << rule << '\n';
  return seqrec::synthetic_dataset();
}

seqrec::Dataset find_data(const DataOptions& options, const std::string& default_name) {
  if (!options.data.empty()) return seqrec::load_dataset(options.data, options.read);
  if (options.quick) return announce_synthetic("--quick without --data");
  const char* const root = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): there is one thread yet
  if (root == nullptr || *root == '\0') return announce_synthetic("neither --data nor $SEQREC_DATA is given");
  const std::filesystem::path folder = std::filesystem::path(root) / default_name;
  std::error_code error;
  if (!std::filesystem::exists(folder, error))
    return announce_synthetic("no --data, and $SEQREC_DATA holds no " + default_name);
  return seqrec::load_dataset(folder, options.read);
}

seqrec::index_t find_user(const seqrec::HeldOut& held_out, const std::string& id) {
  if (id.empty()) return 0;
  for (seqrec::index_t i = 0; i < held_out.size(); ++i)
    if (held_out.data->user_ids[held_out.users.data()[i]] == id) return i;
  throw seqrec::DataError(seqrec::concatenate("--user is '", id, "', expected the id of a user with a ", held_out.name,
                                              " target in ", held_out.data->name));
}

std::string title_of(const seqrec::Dataset& data, seqrec::item_t item) {
  const auto i = static_cast<std::size_t>(item);
  return i < data.titles.size() && !data.titles[i].empty() ? data.titles[i]
                                                           : seqrec::concatenate("item ", data.item_ids[item]);
}

namespace {

seqrec::CandidateLists freeze(const seqrec::HeldOut& held_out, const DataOptions& options) {
  const seqrec::CandidateOptions drawing{
      .negatives = options.candidates, .seen = options.seen, .appeared = options.appeared};
  const seqrec::Dataset& data = *held_out.data;
  const std::filesystem::path file =
      options.candidate_dir / seqrec::concatenate(data.name, "-", data.hash(), "-", held_out.name, "-1+",
                                                  drawing.negatives, "-seed-", drawing.seed,
                                                  drawing.seen == seqrec::SeenItems::ranked ? "-seen-ranked" : "",
                                                  drawing.appeared ? "-appeared" : "", ".txt");
  std::error_code error;
  if (std::filesystem::exists(file, error)) return seqrec::load_candidates(file, held_out, drawing);
  seqrec::CandidateLists lists = seqrec::draw_candidates(held_out, drawing);
  std::filesystem::create_directories(options.candidate_dir, error);  // where it fails, writing there says why
  seqrec::save_candidates(file, lists);
  return lists;
}

/// Before anything is trained: who could not be ranked in the end, and whether anybody could.
void announce_left_out(const seqrec::HeldOut& held_out, const seqrec::EvaluateOptions& options) {
  const seqrec::LeftOut left_out = seqrec::check_evaluation(held_out.data->num_items(), held_out, options);
  if (!left_out.empty())
    std::cout << held_out.name << (options.candidates == nullptr ? ", full ranking: " : ", candidates: ")
              << seqrec::describe(left_out) << '\n';
}

}  // namespace

Candidates::Candidates(const seqrec::Split& split, const DataOptions& options)
    : seen(options.seen), validation_only(options.validation_only), per_user(options.per_user) {
  std::cout << seqrec::describe(*split.data) << '\n' << seqrec::describe(split) << '\n';
  if (seen == seqrec::SeenItems::left_out && seqrec::share_of_repeats(split.test) >= seqrec::many_repeats)
    std::cout << "here: --seen ranked\n";
  announce_left_out(split.test, {.seen = seen});
  if (options.candidates == 0) {
    std::cout << "validation and test rank the whole catalogue"
              << (seen == seqrec::SeenItems::ranked ? ", seen items too\n" : "\n");
    announce_left_out(split.validation, {.seen = seen});
    return;
  }
  of_validation = freeze(split.validation, options);
  of_test = freeze(split.test, options);
  std::cout << "validation and test rank 1 + " << options.candidates << " candidates, hashes " << of_validation->hash()
            << " and " << of_test->hash() << (seen == seqrec::SeenItems::ranked ? ", seen items among them" : "")
            << (options.appeared ? ", of items that had appeared\n" : "\n");
  announce_left_out(split.validation, options_of_validation());
  announce_left_out(split.test, {.candidates = test(), .seen = seen});
}

}  // namespace examples
