#include "kernels/softmax_errors.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax_errors.cpp"
// clang-format off
#include "hwy/foreach_target.h"
// clang-format on
#include "hwy/highway.h"
#include "kernels/exp2-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

void SoftmaxErrors(std::int64_t count, const double* HWY_RESTRICT scores, double lse, double delta,
                   double* HWY_RESTRICT errors) {
  const hn::CappedTag<double, kErrorsPadding> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  const auto top = hn::Set(d, lse), mean = hn::Set(d, delta);
  for (std::int64_t c = 0; c < count; c += step) {
    const auto weight = Exp2(d, hn::Sub(hn::LoadU(d, scores + c), top));
    hn::StoreU(hn::Mul(weight, hn::Sub(hn::LoadU(d, errors + c), mean)), d, errors + c);
  }
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tattn::kernels {

HWY_EXPORT(SoftmaxErrors);

void softmax_errors(std::int64_t count, const double* scores, double lse, double delta, double* errors) {
  HWY_DYNAMIC_DISPATCH(SoftmaxErrors)(count, scores, lse, delta, errors);
}

}  // namespace tattn::kernels
#endif
