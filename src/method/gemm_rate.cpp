#include "method/gemm_rate.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <type_traits>

#include "kernels/instruction_set.hpp"
#include "stopwatch.hpp"

namespace tattn::method {

template <class T>
double gemm_rate(int repeats) {
  constexpr int n = 1536;
  openblas_set_num_threads(1);
  const std::vector<T> a(std::size_t{n} * n, T(0.5)), b(a);
  std::vector<T> c(a.size());
  return 2.0 * n * n * n / best_seconds(repeats, [&] {
           if constexpr (std::is_same_v<T, float>)
             cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0,
                         c.data(), n);
           else
             cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0,
                         c.data(), n);
         });
}

// OpenBLAS falls back on the kernels of the first processors with SSE3, whatever the one at hand has.
std::string gemm_advice(const std::string& core, const std::vector<std::string>& instruction_sets) {
  if (core != "Prescott") return {};
  for (const std::string& set : instruction_sets)
    if (set.starts_with("AVX"))
      return fmt::format(
          "OpenBLAS does not know this processor and multiplies matrices as on one of 2004: "
          "set OPENBLAS_CORETYPE={} in the environment of all ranks",
          set == "AVX2" ? "Haswell" : "SkylakeX");
  return {};
}

std::string gemm_advice() {
  return gemm_advice(openblas_get_corename(), kernels::instruction_sets());
}

template double gemm_rate<float>(int);
template double gemm_rate<double>(int);

}  // namespace tattn::method
