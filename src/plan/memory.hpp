#pragma once
#include <cstdint>

#include "plan/heavy_rows.hpp"
#include "tattn/problem.hpp"

namespace tattn::plan {

enum class Pass { forward, gradient };

/// Most bytes that a rank of `ranks` takes for a pass of the exact method: its rows of the operands and
/// results, the keys and values of the slices it works on, sums in double, and at most 64 MiB of buffers.
/// Pass::gradient counts what forward leaves (O, LSE) and dO too.
[[nodiscard]] std::int64_t exact_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int ranks,
                                              int threads);

/// Most bytes that a rank takes for a pass of the polynomial method with `features` features of its own: its rows
/// of the operands and results, moments in double, factors of the products, and buffers.
[[nodiscard]] std::int64_t polynomial_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int ranks,
                                                   int threads, std::int64_t features);

/// Most bytes that a rank takes where heavy rows are computed exactly: one part at a time, beside the operands and
/// results of the whole and copies of the part's. `light_bytes`: an entry of the polynomial's.
[[nodiscard]] std::int64_t split_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int light_bytes,
                                              int ranks, int threads, std::int64_t features,
                                              const HeavyCounts& heavy);

/// Throws Error(Status::failed) saying how much is needed, how much there is and how many ranks would do
/// when the pass takes more than `limit` bytes a rank.
void require_memory(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                    std::int64_t limit);
void require_polynomial_memory(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                               std::int64_t features, std::int64_t limit);

void require_split_memory(const Problem& problem, Pass pass, int element_bytes, int light_bytes, int ranks,
                          int threads, std::int64_t features, const HeavyCounts& heavy, std::int64_t limit);

/// Most bytes that a rank of `ranks` takes for a pass of the dense method (order 1 or 2): with N = n_1 n_2, its
/// part of the n x N weights in double (twice for a gradient) and of the N x d and N x dv products, panels, the
/// keys and values of one slice whole, its rows of the operands and results, and at most 64 MiB beyond ScaLAPACK's
/// buffers.
[[nodiscard]] std::int64_t dense_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int ranks);

/// require_memory for the dense method; also refuses what ScaLAPACK's 32-bit counts cannot hold.
void require_dense_memory(const Problem& problem, Pass pass, int element_bytes, int ranks, std::int64_t limit);

}  // namespace tattn::plan
