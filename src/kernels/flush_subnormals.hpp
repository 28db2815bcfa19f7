#pragma once
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace tattn::kernels {

/// While this lives, results of this thread below the smallest normal number become 0. Weights of softmax and
/// powers reach down to there, so that their products go beyond, for which processors of Intel take some hundred
/// times as long. Does nothing where there is no SSE2.
class FlushSubnormals {
 public:
#if defined(__SSE2__)
  FlushSubnormals() {
    _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON);
  }
  ~FlushSubnormals() {
    _mm_setcsr(before_);
  }
#else
  FlushSubnormals() {}
#endif
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

#if defined(__SSE2__)
 private:
  unsigned before_ = _mm_getcsr();
#endif
};

}  // namespace tattn::kernels
