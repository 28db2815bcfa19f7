#include "method/gemm_rate.hpp"

#include <cblas.h>

#include <type_traits>
#include <vector>

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

template double gemm_rate<float>(int);
template double gemm_rate<double>(int);

}  // namespace tattn::method
