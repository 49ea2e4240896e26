// SPDX-License-Identifier: Apache-2.0
#include "compare/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <thread>

#include "seqrec/core/errors.hpp"

extern char** environ;

namespace examples::compare {

int run_process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                const std::filesystem::path& log, const std::function<void()>& waiting) {
  std::vector<std::string> words = {program.string()};
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
  pid_t child = 0;
  const int error = posix_spawnp(&child, program.c_str(), &redirect.actions, nullptr, pointers.data(), environ);
  if (error != 0)
    throw seqrec::DataError(seqrec::concatenate(program.string(), " with output to ", log.string(),
                                                ": cannot be started: ", std::generic_category().message(error)));
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR)
      throw seqrec::DataError(
          seqrec::concatenate(program.string(), ": cannot be waited for: ", std::generic_category().message(errno)));
    waiting();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string last_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  return last;
}

}  // namespace examples::compare
