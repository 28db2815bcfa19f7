#include "comm/communicator.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "comm/mpi_error.hpp"
#include "tattn/error.hpp"

namespace tattn {
namespace {

template <class T>
T reduce_all(MPI_Comm comm, T value, MPI_Datatype type, MPI_Op op) {
  T result{};
  TATTN_MPI(MPI_Allreduce, &value, &result, 1, type, op, comm);
  return result;
}

std::int64_t process_bytes = 0;

struct Failure {
  Status status;
  std::string message;
};

std::optional<Failure> run(const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& error) {
    return Failure{error.status(), error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{Status::failed, "out of memory: use more ranks, or a larger --memory limit if there is one"};
  }
  return std::nullopt;
}

}  // namespace

Communicator::Communicator(MPI_Comm parent) {
  TATTN_MPI(MPI_Comm_dup, parent, &handle_);
  take_place();
}

void Communicator::take_place() {
  TATTN_MPI(MPI_Comm_set_errhandler, handle_, MPI_ERRORS_RETURN);
  TATTN_MPI(MPI_Comm_rank, handle_, &rank_);
  TATTN_MPI(MPI_Comm_size, handle_, &size_);
}

Communicator::~Communicator() {
  if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
}

Communicator::Communicator(Communicator&& other) noexcept
    : handle_(std::exchange(other.handle_, MPI_COMM_NULL)),
      rank_(other.rank_),
      size_(other.size_),
      bytes_sent_(other.bytes_sent_) {}

std::int64_t Communicator::bytes_sent_by_process() {
  return process_bytes;
}

double Communicator::mpi_seconds_by_process() {
  return comm::InCall::total;
}

void Communicator::count_sent(std::int64_t bytes) const {
  bytes_sent_ += bytes;
  process_bytes += bytes;
}

Communicator Communicator::split(int colour) const {
  Communicator part;
  TATTN_MPI(MPI_Comm_split, handle_, colour, rank_, &part.handle_);
  part.take_place();
  return part;
}

Communicator Communicator::node() const {
  Communicator part;
  TATTN_MPI(MPI_Comm_split_type, handle_, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &part.handle_);
  part.take_place();
  return part;
}

int Communicator::ranks_on_node() const {
  return node().size();
}

int Communicator::cores_on_node() const {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof(cores), &cores);  // at worst none are known
  TATTN_MPI(MPI_Allreduce, MPI_IN_PLACE, &cores, int{sizeof(cores)}, MPI_BYTE, MPI_BOR, node().handle_);
  return std::max(1, CPU_COUNT(&cores));
}

void Communicator::barrier() const {
  TATTN_MPI(MPI_Barrier, handle_);
}

void Communicator::barrier_asleep() const {
  MPI_Request request = MPI_REQUEST_NULL;
  TATTN_MPI(MPI_Ibarrier, handle_, &request);
  for (int here = 0; here == 0;) {
    TATTN_MPI(MPI_Test, &request, &here, MPI_STATUS_IGNORE);
    if (here == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::vector<std::int64_t> Communicator::gather_all(std::int64_t value) const {
  std::vector<std::int64_t> all(static_cast<std::size_t>(size_));
  TATTN_MPI(MPI_Allgather, &value, 1, MPI_INT64_T, all.data(), 1, MPI_INT64_T, handle_);
  return all;
}

std::int64_t Communicator::sum(std::int64_t value) const {
  return reduce_all(handle_, value, MPI_INT64_T, MPI_SUM);
}
std::int64_t Communicator::max(std::int64_t value) const {
  return reduce_all(handle_, value, MPI_INT64_T, MPI_MAX);
}
std::int64_t Communicator::min(std::int64_t value) const {
  return reduce_all(handle_, value, MPI_INT64_T, MPI_MIN);
}
double Communicator::max(double value) const {
  return reduce_all(handle_, value, MPI_DOUBLE, MPI_MAX);
}
double Communicator::min(double value) const {
  return reduce_all(handle_, value, MPI_DOUBLE, MPI_MIN);
}

double Communicator::sum(double value) const {
  std::vector<double> all(static_cast<std::size_t>(size_));
  TATTN_MPI(MPI_Allgather, &value, 1, MPI_DOUBLE, all.data(), 1, MPI_DOUBLE, handle_);
  double total = 0;  // in rank order: MPI_SUM may add in another order from one run to the next
  for (const double x : all) total += x;
  return total;
}

void Communicator::sum(double* values, std::int64_t count) const {
  constexpr std::int64_t kMost = std::int64_t{1} << 27;  // below MPI's int counts
  for (std::int64_t at = 0; at < count; at += kMost)
    TATTN_MPI(MPI_Allreduce, MPI_IN_PLACE, values + at, static_cast<int>(std::min(kMost, count - at)), MPI_DOUBLE,
              MPI_SUM, handle_);
  if (size_ > 1) count_sent(count * static_cast<std::int64_t>(sizeof(double)));
}

bool Communicator::all(bool value) const {
  return min(std::int64_t{value ? 1 : 0}) == 1;
}

std::string Communicator::broadcast(const std::string& text, int root) const {
  std::int64_t length = static_cast<std::int64_t>(text.size());
  TATTN_MPI(MPI_Bcast, &length, 1, MPI_INT64_T, root, handle_);
  std::string result = text;
  result.resize(static_cast<std::size_t>(length));
  TATTN_MPI(MPI_Bcast, result.data(), static_cast<int>(length), MPI_CHAR, root, handle_);
  return result;
}

void Communicator::agree(const std::function<void()>& step) const {
  const std::optional<Failure> failure = run(step);
  const std::int64_t first = min(std::int64_t{failure ? rank_ : size_});
  if (first == size_) return;
  const int root = static_cast<int>(first);
  const std::string message = broadcast(failure ? failure->message : std::string(), root);
  int status = failure ? static_cast<int>(failure->status) : 0;
  TATTN_MPI(MPI_Bcast, &status, 1, MPI_INT, root, handle_);
  throw Error(static_cast<Status>(status), message);
}

MpiSession::MpiSession(int* argc, char*** argv) {
  // Open MPI opens a component for shared file pointers with every file, though none are used here; two of the
  // three overflow a buffer when the name of the file is long.
  setenv("OMPI_MCA_sharedfp", "individual", 0);
  int provided = MPI_THREAD_SINGLE;
  TATTN_MPI(MPI_Init_thread, argc, argv, MPI_THREAD_FUNNELED, &provided);
  TATTN_MPI(MPI_Comm_set_errhandler, MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (provided < MPI_THREAD_FUNNELED) abort_job("this MPI library does not let threads run beside it", 1);
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

void abort_job(const std::string& message, int status) {
  std::fprintf(stderr, "tattn: error: %s\n", message.c_str());
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, status);
  std::abort();
}

}  // namespace tattn
