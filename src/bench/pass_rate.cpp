#include "bench/pass_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "method/gemm_rate.hpp"
#include "stopwatch.hpp"

namespace tattn::bench {

template <class T>
PassTime time_pass(const Communicator& comm, int repeats, const std::function<void()>& pass) {
  double gemm = method::gemm_rate<T>(2), seconds = std::numeric_limits<double>::infinity();
  for (int r = 0; r < repeats; ++r) {
    comm.barrier();
    seconds = std::min(seconds, comm.max(timed(pass)));
    gemm = std::max(gemm, method::gemm_rate<T>(1));
  }
  return {seconds, comm.max(gemm)};
}

template <class T>
void print_rate(const Communicator& comm, const std::string& pass, int threads, double flops,
                const PassTime& time) {
  if (comm.rank() != 0) return;
  constexpr bool single = std::is_same_v<T, float>;
  const double rate = flops / time.seconds, peak = time.gemm * comm.size() * threads;
  fmt::print("{} {} ranks={} threads={}: {:8.3f} s {:7.1f} GF/s {:4.0f} % of {} ({:.1f} GF/s a core)\n",
             single ? "f32" : "f64", pass, comm.size(), threads, time.seconds, rate * 1e-9, 100 * rate / peak,
             single ? "sgemm" : "dgemm", time.gemm * 1e-9);
}

template PassTime time_pass<float>(const Communicator&, int, const std::function<void()>&);
template PassTime time_pass<double>(const Communicator&, int, const std::function<void()>&);
template void print_rate<float>(const Communicator&, const std::string&, int, double, const PassTime&);
template void print_rate<double>(const Communicator&, const std::string&, int, double, const PassTime&);

}  // namespace tattn::bench
