#include "stop_signal.hpp"

#include <atomic>

namespace tattn {
namespace {

std::atomic<bool> signalled = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // what a handler may touch

void remember(int /*signal*/) {
  signalled = true;
}

}  // namespace

StopSignal::StopSignal() {
  signalled = false;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, &terminate_);
  sigaction(SIGUSR1, &action, &user_);
}

StopSignal::~StopSignal() {
  sigaction(SIGTERM, &terminate_, nullptr);
  sigaction(SIGUSR1, &user_, nullptr);
}

bool StopSignal::requested() const {
  return signalled;
}

}  // namespace tattn
