#include "comm/desk.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "comm/mpi_error.hpp"

namespace tattn {
namespace {

constexpr int kQuestion = 1, kAnswer = 2;

/// Sleeps, at first briefly, until `done` says so.
template <class Done>
void nap_until(const Done& done) {
  using std::chrono::microseconds;
  constexpr microseconds kLongest{2000};
  for (microseconds nap{50}; !done(); nap = std::min(2 * nap, kLongest)) std::this_thread::sleep_for(nap);
}

bool complete(MPI_Request& request) {
  int done = 0;
  TATTN_MPI(MPI_Test, &request, &done, MPI_STATUS_IGNORE);
  return done != 0;
}

/// Whether a message is there; `envelope` says from whom.
bool arrived(MPI_Comm comm, int from, int tag, MPI_Status& envelope) {
  int there = 0;
  TATTN_MPI(MPI_Iprobe, from, tag, comm, &there, &envelope);
  return there != 0;
}

std::string receive(MPI_Comm comm, const MPI_Status& envelope) {
  int length = 0;
  TATTN_MPI(MPI_Get_count, &envelope, MPI_CHAR, &length);
  std::string text(static_cast<std::size_t>(length), '\0');
  TATTN_MPI(MPI_Recv, text.data(), length, MPI_CHAR, envelope.MPI_SOURCE, envelope.MPI_TAG, comm,
            MPI_STATUS_IGNORE);
  return text;
}

}  // namespace

Desk::Desk(const Communicator& comm, Answer answer) : comm_(comm.handle()), answer_(std::move(answer)) {}

std::string Desk::ask(const std::string& question) {
  if (comm_.rank() == 0) {
    serve_all();
    rethrow();
    return answer_(question);
  }
  MPI_Request sent = MPI_REQUEST_NULL;
  TATTN_MPI(MPI_Isend, question.data(), static_cast<int>(question.size()), MPI_CHAR, 0, kQuestion, comm_.handle(),
            &sent);
  nap_until([&] { return complete(sent); });
  MPI_Status envelope{};
  nap_until([&] { return arrived(comm_.handle(), 0, kAnswer, envelope); });
  return receive(comm_.handle(), envelope);
}

void Desk::serve() noexcept {
  if (comm_.rank() != 0 || comm_.size() == 1 || failure_) return;
  try {
    serve_all();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void Desk::serve_all() {
  MPI_Status envelope{};
  while (arrived(comm_.handle(), MPI_ANY_SOURCE, kQuestion, envelope)) {
    const std::string answer = answer_(receive(comm_.handle(), envelope));
    TATTN_MPI(MPI_Send, answer.data(), static_cast<int>(answer.size()), MPI_CHAR, envelope.MPI_SOURCE, kAnswer,
              comm_.handle());
  }
}

void Desk::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Desk::close() {
  MPI_Request all_here = MPI_REQUEST_NULL;
  TATTN_MPI(MPI_Ibarrier, comm_.handle(), &all_here);
  nap_until([&] {
    if (comm_.rank() == 0) serve_all();
    return complete(all_here);
  });
  rethrow();
}

}  // namespace tattn
