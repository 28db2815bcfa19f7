#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace tattn::kernels {

struct Free {
  void operator()(void* p) const { std::free(p); }
};

template <class T>
using AlignedArray = std::unique_ptr<T[], Free>;

/// Zeroed memory for kernels, aligned for every instruction set. Throws std::bad_alloc.
template <class T>
[[nodiscard]] AlignedArray<T> aligned_array(std::int64_t entries) {
  constexpr std::size_t kAlignment = 128;
  const std::size_t bytes = (static_cast<std::size_t>(entries) * sizeof(T) / kAlignment + 1) * kAlignment;
  auto* memory = static_cast<T*>(std::aligned_alloc(kAlignment, bytes));
  if (memory == nullptr) throw std::bad_alloc();
  for (std::int64_t x = 0; x < entries; ++x) memory[x] = T{0};
  return AlignedArray<T>(memory);
}

}  // namespace tattn::kernels
