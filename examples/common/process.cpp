// SPDX-License-Identifier: Apache-2.0
#include "common/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "seqrec/core/errors.hpp"

namespace examples {

Process::Process(std::filesystem::path program, const std::vector<std::string>& arguments,
                 const std::filesystem::path& log)
    : program_(std::move(program)) {
  std::vector<std::string> words = {program_.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  struct Actions {
    Actions() { posix_spawn_file_actions_init(&actions); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() { posix_spawn_file_actions_destroy(&actions); }
    posix_spawn_file_actions_t actions;
  } redirect;
  posix_spawn_file_actions_addopen(&redirect.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&redirect.actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_adddup2(&redirect.actions, 1, 2);
  const int error = posix_spawnp(&id_, program_.c_str(), &redirect.actions, nullptr, pointers.data(), environ);
  if (error != 0)
    throw seqrec::DataError(seqrec::concatenate(program_.string(), " with output to ", log.string(),
                                                ": cannot be started: ", std::generic_category().message(error)));
}

Process::Process(Process&& other) noexcept : program_(std::move(other.program_)), id_(std::exchange(other.id_, 0)) {}

Process::~Process() {
  if (id_ == 0) return;
  ::kill(id_, SIGTERM);
  while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<Ended> Process::poll() { return look(WNOHANG); }

Ended Process::wait() {
  std::optional<Ended> ended;
  while (!ended) ended = look(0);
  return *ended;
}

std::optional<Ended> Process::look(int options) {
  int status = 0;
  rusage used{};
  const pid_t ended = ::wait4(id_, &status, options, &used);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  id_ = 0;
  if (ended < 0)
    throw seqrec::DataError(
        seqrec::concatenate(program_.string(), ": cannot be waited for: ", std::generic_category().message(errno)));
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return Ended{WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
               seconds(used.ru_utime) + seconds(used.ru_stime)};
}

std::string last_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  return last;
}

}  // namespace examples
