#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::service {

/// What is known of a file before it is read.
struct FileWork {
  Problem problem;
  int element_bytes = 4;
  std::int64_t bytes = 0;  ///< of the file
};

/// Files that are computed by groups of so many ranks, in the order in which the groups take them.
struct Level {
  int ranks = 1;
  std::vector<std::size_t> files;
};

/// What a batch is asked for and what it has.
struct Setting {
  int ranks = 1;
  std::optional<int> ranks_per_file;  ///< the same for all files; else chosen
  bool gradients = true;
  Options options;  ///< memory_bytes: what every rank may take while all of them work
};

/// Predicted seconds of reading, computing and writing one file by a group of `ranks` ranks, from its shape and the
/// nominal rates of a core: what the polynomial method will need is not known before the data are read, so a usual
/// number of features is assumed. Good for comparing files, and the same from run to run.
[[nodiscard]] double predict_seconds(const FileWork& work, const Setting& setting, int ranks);

/// The levels of a batch, widest first; those without files are left out. Group sizes are all ranks and the powers
/// of two below, so that groups of a level lie within groups of those before it, and no rank waits for another: a
/// group that finds no more files at its level splits into those of the next. A file has the smallest size that its
/// memory fits in and that takes at most half of an even share of the predicted time of all, or where none does,
/// that is about as fast as any. Within a level the files with the largest predicted seconds come first.
[[nodiscard]] std::vector<Level> make_schedule(const std::vector<FileWork>& files, const Setting& setting);

}  // namespace tattn::service
