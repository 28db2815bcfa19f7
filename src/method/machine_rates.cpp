#include "method/machine_rates.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "method/gemm_rate.hpp"
#include "method/kernel_rates.hpp"
#include "stopwatch.hpp"

namespace tattn::method {
namespace {

constexpr int kRepeats = 3;
constexpr std::size_t kArray = std::size_t{1} << 23;  // numbers, 64 MiB: beyond most caches

/// Bytes/s of a = b + 3 c, by one core.
double triad_rate() {
  std::vector<double> a(kArray), b(kArray, 1), c(kArray, 2);
  const double seconds = best_seconds(kRepeats, [&] {
    for (std::size_t x = 0; x < kArray; ++x) a[x] = b[x] + 3 * c[x];
  });
  return 3 * sizeof(double) * static_cast<double>(kArray) / seconds * (a[kArray / 2] == 7 ? 1 : 0);
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

template <class T>
double core_flops(const Communicator& comm) {
  return comm.min(gemm_rate<T>(2));
}

plan::Machine measure_machine(const Communicator& comm) {
  plan::Machine machine;
  machine.name = host_name();
  machine.core_flops_f32 = core_flops<float>(comm);
  machine.core_flops_f64 = core_flops<double>(comm);
  machine.cores_per_node = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  comm.barrier();
  machine.memory_bandwidth = comm.min(triad_rate()) * comm.ranks_on_node();
  const Problem problem{{1, 1, 1, {1}, 8, 8}, 1, false};
  const plan::Rates rates = measure_rates<float>(comm, problem, Method::exact);
  machine.latency = rates.latency;
  machine.bandwidth = 2 * rates.bandwidth * comm.ranks_on_node();
  return machine;
}

template double core_flops<float>(const Communicator&);
template double core_flops<double>(const Communicator&);

}  // namespace tattn::method
