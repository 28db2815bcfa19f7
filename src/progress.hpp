#pragma once
#include <omp.h>

#include <atomic>
#include <functional>

namespace tattn {

/// Share of this rank's work that is done, told to the caller from its own thread only.
class Progress {
 public:
  Progress(const std::function<void(double)>& tell, double total) : tell_(tell), total_(total) {}

  /// From any thread.
  void add(double work) {
    const double done = done_.fetch_add(work) + work;
    if (tell_ && omp_get_thread_num() == 0) tell_(total_ > 0 ? done / total_ : 1.0);
  }

 private:
  const std::function<void(double)>& tell_;
  double total_;
  std::atomic<double> done_{0};
};

}  // namespace tattn
