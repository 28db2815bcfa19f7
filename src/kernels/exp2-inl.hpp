// 2^x for scores: included once for each instruction set.
#if defined(TATTN_KERNELS_EXP2_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef TATTN_KERNELS_EXP2_INL_HPP_
#undef TATTN_KERNELS_EXP2_INL_HPP_
#else
#define TATTN_KERNELS_EXP2_INL_HPP_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Coefficients of the relative minimax polynomial of 2^f on [-1/2, 1/2], highest power first; its relative
/// error is 7.5e-8 (degree 5) and 2.1e-16 (degree 10).
template <class T>
struct Exp2Constants;

template <>
struct Exp2Constants<float> {
  static constexpr float kMagic = 0x1.8p23f;  // adding it rounds to an integer, kept in the low bits
  static constexpr int kMantissaBits = 23;
  static constexpr float kSmallest = -125.0f;
  static constexpr float kCoefficients[] = {0x1.5c08e60000000p-10f, 0x1.3d0c520000000p-7f, 0x1.c6b6e40000000p-5f,
                                            0x1.ebf9180000000p-3f,  0x1.62e4280000000p-1f, 0x1.0000020000000p+0f};
};

template <>
struct Exp2Constants<double> {
  static constexpr double kMagic = 0x1.8p52;
  static constexpr int kMantissaBits = 52;
  static constexpr double kSmallest = -1021.0;
  static constexpr double kCoefficients[] = {0x1.e3991cb9beddap-28, 0x1.b6740fa6a1738p-24, 0x1.62c157efb1e68p-20,
                                             0x1.ffcb55e84feccp-17, 0x1.4309126055b94p-13, 0x1.5d87fe9cc5ca4p-10,
                                             0x1.3b2ab6fbde0fcp-7,  0x1.c6b08d703d48ap-5,  0x1.ebfbdff82c3b9p-3,
                                             0x1.62e42fefa3a17p-1,  0x1.0000000000000p+0};
};

/// 2^x for kSmallest <= x < 127 (1023 in double), without checks: x = n + f, the polynomial gives 2^f, and
/// n is added to the exponent. Adds and integer steps share no unit with the multiplications.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp2InRange(D d, V x) {
  using C = Exp2Constants<hn::TFromD<D>>;
  const hn::RebindToSigned<D> di;
  const V magic = hn::Set(d, C::kMagic);
  const V rounded = hn::Add(x, magic);
  const V f = hn::Sub(x, hn::Sub(rounded, magic));
  V sum = hn::Set(d, C::kCoefficients[0]);
#pragma GCC unroll 16
  for (std::size_t c = 1; c < sizeof(C::kCoefficients) / sizeof(C::kCoefficients[0]); ++c)
    sum = hn::MulAdd(sum, f, hn::Set(d, C::kCoefficients[c]));
  const auto exponent = hn::ShiftLeft<C::kMantissaBits>(hn::BitCast(di, rounded));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, sum), exponent));
}

/// The same for any x below 127 (1023): what would underflow becomes the smallest normal number.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp2(D d, V x) {
  return Exp2InRange(d, hn::Max(x, hn::Set(d, Exp2Constants<hn::TFromD<D>>::kSmallest)));
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
