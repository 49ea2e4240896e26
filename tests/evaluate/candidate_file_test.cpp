// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/candidate_file.hpp"

#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::read_file;
using seqrec_test::write_file;

namespace {

struct Fixture {
  seqrec_test::TemporaryDirectory folder;
  std::filesystem::path path = folder / "test.candidates";
  Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3}, {4, 5, 6}, {1, 3, 6, 7, 8}});
  Split split = leave_one_out(data);
  CandidateOptions options{.negatives = 3, .seed = 0xFFFF'FFFF'FFFF'FFFFull};
  CandidateLists lists = draw_candidates(split.test, options);

  Fixture() { save_candidates(path, lists); }
  std::string complaint() const {
    return message_of<DataError>([&] { load_candidates(path, split.test, options); });
  }
  /// What loading says once `from`, which must be in the file, has become `to`.
  std::string complaint_after(const std::string& from, const std::string& to) const {
    const std::string good = read_file(path);
    REQUIRE(good.find(from) != std::string::npos);
    write_file(path, std::string(good).replace(good.find(from), from.size(), to));
    std::string message = complaint();
    write_file(path, good);
    return message;
  }
};

}  // namespace

TEST_CASE("candidate lists survive a file") {
  const Fixture f;
  const CandidateLists loaded = load_candidates(f.path, f.split.test, f.options);
  CHECK(loaded.items == f.lists.items);
  CHECK(loaded.hash() == f.lists.hash());
  CHECK(f.folder.entries() == 1);
  write_file(f.path, "");
  save_candidates(f.path, f.lists);  // over an older file
  CHECK(load_candidates(f.path, f.split.test, f.options).items == f.lists.items);
}

TEST_CASE("candidates for anything else are refused with both values") {
  const Fixture f;
  const Dataset other = seqrec_test::dataset_of({{0, 1, 2, 3}, {4, 5, 6}, {1, 3, 7, 6, 8}});
  const Split other_split = leave_one_out(other);
  CHECK_THAT(message_of<DataError>([&] { load_candidates(f.path, other_split.test, f.options); }),
             ContainsSubstring("test.candidates:3: data is '" + f.data.hash() + "', expected '" + other.hash() +
                               "': these candidates were drawn for other data"));
  CHECK_THAT(message_of<DataError>([&] { load_candidates(f.path, f.split.validation, f.options); }),
             ContainsSubstring("test.candidates:2: held-out is 'test', expected 'validation'"));
  CHECK_THAT(message_of<DataError>([&] { load_candidates(f.path, f.split.test, {.negatives = 4, .seed = 1}); }),
             ContainsSubstring("test.candidates:4: negatives is '3', expected '4'"));
  CHECK_THAT(message_of<DataError>([&] { load_candidates(f.path, f.split.test, {.negatives = 3, .seed = 1}); }),
             ContainsSubstring("test.candidates:5: seed is '18446744073709551615', expected '1'"));
}

TEST_CASE("a file of candidates by popularity says so, and one of uniform ones does not") {
  const Fixture f;
  CHECK(read_file(f.path).find("popularity") == std::string::npos);
  CandidateOptions options{.negatives = 3, .seed = 1, .popularity_exponent = 0.75};
  save_candidates(f.path, draw_candidates(f.split.test, options));
  CHECK_THAT(read_file(f.path), ContainsSubstring("\nseed 1\npopularity-exponent 0.75\nusers 3\n"));
  CHECK(load_candidates(f.path, f.split.test, options).items == draw_candidates(f.split.test, options).items);
  const auto complaint = [&](double exponent) {
    options.popularity_exponent = exponent;
    return message_of<DataError>([&] { load_candidates(f.path, f.split.test, options); });
  };
  CHECK_THAT(complaint(0.5), ContainsSubstring("test.candidates:6: popularity-exponent is '0.75', expected '0.5'"));
  CHECK_THAT(complaint(0), ContainsSubstring("test.candidates:6: expected a line 'users ...'"));
}

TEST_CASE("damaged candidate files are refused with the line") {
  const Fixture f;
  const std::string text = read_file(f.path);
  const std::string first_line = text.substr(text.find('\n', text.find("hash ")) + 1);
  const std::string first = first_line.substr(0, first_line.find(' '));
  const std::string hash_line = "hash " + f.lists.hash() + "\n";
  CHECK_THAT(f.complaint_after("seqrec-candidates 1", "seqrec-candidates 2"),
             ContainsSubstring(":1: seqrec-candidates is '2', expected '1'"));
  CHECK_THAT(f.complaint_after("seqrec-candidates", "something"),
             ContainsSubstring(":1: expected a line 'seqrec-candidates ...'"));
  CHECK_THAT(f.complaint_after("users 3", "users 4"), ContainsSubstring(":6: users is '4', expected '3'"));
  CHECK_THAT(f.complaint_after(hash_line, "hash 0123\n"),
             ContainsSubstring("the hash of the lists is " + f.lists.hash() + ", expected '0123'"));
  CHECK_THAT(f.complaint_after(hash_line + first, hash_line + "9"),
             ContainsSubstring(":8: item is '9', expected a whole number from 0 to 8"));
  CHECK_THAT(f.complaint_after(hash_line + first + " ", hash_line), ContainsSubstring(":8: expected 3 items"));
  CHECK_THAT(f.complaint_after(hash_line, hash_line + "1 "), ContainsSubstring(":8: expected 3 items"));

  write_file(f.path, text + "1 2 3\n");
  CHECK_THAT(f.complaint(), ContainsSubstring(":11: expected the end of the file"));
  // Cut anywhere, no prefix passes, but for the last line end.
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    write_file(f.path, text.substr(0, size));
    REQUIRE_FALSE(f.complaint().empty());
  }
}

TEST_CASE("a candidate file of version 0.1 is read as it was written") {
  const Fixture f;
  const std::string text =
      "seqrec-candidates 1\nheld-out test\ndata dde915583cf7be2c\nnegatives 3\nseed 5\nusers 3\n"
      "hash 88a742204e344a03\n7 4 8\n0 2 7\n4 5 2\n";
  write_file(f.path, text);
  const CandidateOptions options{.negatives = 3, .seed = 5};
  const CandidateLists lists = load_candidates(f.path, f.split.test, options);
  CHECK(lists.items == std::vector<item_t>{7, 4, 8, 0, 2, 7, 4, 5, 2});
  save_candidates(f.path, lists);
  CHECK(read_file(f.path) == text);
}

TEST_CASE("a file of candidates among which are seen items says so") {
  const Fixture f;
  CHECK(read_file(f.path).find("seen") == std::string::npos);
  const CandidateOptions options{.negatives = 3, .seed = 1, .seen = SeenItems::ranked};
  save_candidates(f.path, draw_candidates(f.split.test, options));
  CHECK_THAT(read_file(f.path), ContainsSubstring("\nseed 1\nseen ranked\nusers 3\n"));
  CHECK(load_candidates(f.path, f.split.test, options).items == draw_candidates(f.split.test, options).items);
  CHECK_THAT(message_of<DataError>([&] { load_candidates(f.path, f.split.test, {.negatives = 3, .seed = 1}); }),
             ContainsSubstring("test.candidates:6: expected a line 'users ...'"));
}

TEST_CASE("a file of candidates that had appeared says so") {
  Fixture f;
  CHECK(read_file(f.path).find("appeared") == std::string::npos);
  Dataset data = f.data;
  for (index_t user = 0; user < data.num_users(); ++user)
    for (index_t i = 0; i < std::ssize(data.history(user)); ++i) data.times.push_back(10 * i);
  const Split split = leave_one_out(data);
  const CandidateOptions options{.negatives = 2, .seed = 1, .appeared = true};
  const CandidateLists lists = draw_candidates(split.test, options);
  save_candidates(f.path, lists);
  CHECK_THAT(read_file(f.path), ContainsSubstring("\nseed 1\nappeared true\nusers 3\n"));
  CHECK(load_candidates(f.path, split.test, options).items == lists.items);
  CHECK_THAT(message_of<DataError>([&] { load_candidates(f.path, split.test, {.negatives = 2, .seed = 1}); }),
             ContainsSubstring("test.candidates:6: expected a line 'users ...'"));
}

TEST_CASE("who is left out of candidate lists is so in their file") {
  const Fixture f;
  const CandidateOptions options{.negatives = 5, .seed = 1};  // of 9 items the third user has seen 5
  const CandidateLists lists = draw_candidates(f.split.test, options);
  REQUIRE(lists.left_out == std::vector<index_t>{2});
  save_candidates(f.path, lists);
  const std::string text = read_file(f.path);
  CHECK(text.substr(text.size() - 6) == "\nnone\n");
  const CandidateLists loaded = load_candidates(f.path, f.split.test, options);
  CHECK(loaded.left_out == lists.left_out);
  CHECK(loaded.items == lists.items);
  CHECK(loaded.hash() == lists.hash());
  const auto complaint = [&](const std::string& changed) {
    write_file(f.path, changed);
    return message_of<DataError>([&] { load_candidates(f.path, f.split.test, options); });
  };
  const std::size_t lists_begin = text.find('\n', text.find("\nhash ") + 1) + 1;
  const std::string second_gone = text.substr(0, text.find('\n', lists_begin) + 1) + "none\nnone\n";
  CHECK_THAT(complaint(second_gone), ContainsSubstring("it was changed after it was written"));
  CHECK_THAT(complaint(text.substr(0, lists_begin) + "none\nnone\nnone\n"),
             ContainsSubstring(":10: expected negatives for one of the users at least"));
}
