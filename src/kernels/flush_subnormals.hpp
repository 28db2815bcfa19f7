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
  FlushSubnormals() : before_(_mm_getcsr()) {
    _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON);
  }
  ~FlushSubnormals() {
    _mm_setcsr(before_);
  }

 private:
  unsigned before_;

 public:
#else
  FlushSubnormals() {}
#endif
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;
};

}  // namespace tattn::kernels
