// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/interrupt.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"

using seqrec::InterruptGuard;

namespace {

using Handler = void (*)(int);

Handler handler_of(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

/// Sets how a signal is handled, and takes it back.
class Disposition {
 public:
  Disposition(int signal, Handler handler) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(signal, &action, &before_);
  }
  ~Disposition() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

int calls = 0;

}  // namespace

TEST_CASE("the first signal sets the flag, and nothing else happens", "[train]") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  const InterruptGuard guard;
  CHECK_FALSE(guard.requested());
  ::raise(signal);
  CHECK(guard.requested());
}

TEST_CASE("a second signal of a kind ends the process as usual", "[train]") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // no assertion here: this process is to die
    const Disposition usual(signal, SIG_DFL);
    const InterruptGuard guard;
    ::raise(signal);
    if (!guard.requested()) ::_exit(7);
    ::raise(signal);
    ::_exit(8);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == signal);
}

TEST_CASE("handlers are as before afterwards", "[train]") {
  const Disposition own(SIGINT, [](int) { ++calls; });
  const Handler before = handler_of(SIGINT);
  {
    const InterruptGuard guard;
    CHECK(handler_of(SIGINT) != before);
    ::raise(SIGINT);
    CHECK(guard.requested());
    CHECK(calls == 0);
  }
  CHECK(handler_of(SIGINT) == before);
  ::raise(SIGINT);
  CHECK(calls == 1);
}

TEST_CASE("a signal that is ignored stays ignored", "[train]") {
  const Disposition ignored(SIGINT, SIG_IGN);
  const InterruptGuard guard;
  ::raise(SIGINT);
  CHECK_FALSE(guard.requested());
}

TEST_CASE("a new guard starts without a request", "[train]") {
  {
    const InterruptGuard guard;
    ::raise(SIGTERM);
  }
  CHECK_FALSE(InterruptGuard().requested());
}
