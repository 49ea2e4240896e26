// SPDX-License-Identifier: Apache-2.0
// What happens to a process that writes files: its disk fills up, or it is killed.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace seqrec_test {

/// While it lives, this process can write no file of more than `bytes`: a disk that is full, without filling one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error("cannot limit the size of files");
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// How a process ended.
enum class Ending { finished, failed, killed };

/// Runs work() in a process of its own, which is killed (SIGKILL) after a while unless it has finished before.
template <class Work>
Ending run_and_kill(std::chrono::microseconds after, Work&& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    ::alarm(60);  // should nobody be left to kill it
    try {
      work();
    } catch (const std::exception& error) {
      std::cerr << "in the process that is to be killed: " << error.what() << std::endl;
      ::_exit(1);
    }
    ::_exit(0);
  }
  const auto end = std::chrono::steady_clock::now() + after;
  int status = 0;
  pid_t ended = 0;
  while (ended == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::min(after, std::chrono::microseconds(200)));
    ended = ::waitpid(child, &status, WNOHANG);
  }
  if (ended == 0) {
    ::kill(child, SIGKILL);
    ended = ::waitpid(child, &status, 0);
  }
  if (ended != child) throw std::runtime_error("cannot wait for a child");
  if (WIFSIGNALED(status)) return Ending::killed;
  return WEXITSTATUS(status) == 0 ? Ending::finished : Ending::failed;
}

/// How many files in the directory of `path` have a name that begins with its own, other than itself.
inline int companions_of(const std::filesystem::path& path) {
  int count = 0;
  const std::string name = path.filename().string();
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path())) {
    const std::string other = entry.path().filename().string();
    count += other.size() > name.size() && other.compare(0, name.size(), name) == 0;
  }
  return count;
}

}  // namespace seqrec_test
