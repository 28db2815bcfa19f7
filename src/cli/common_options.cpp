#include "cli/common_options.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "cli/machine.hpp"
#include "plan/minimax.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

/// S and F of "S,F"; nothing where they are not two numbers above 0.
std::optional<std::pair<int, int>> grid_numbers(const std::string& text) {
  const std::vector<std::string> parts = CLI::detail::split(text, ',');
  int sequence = 0, features = 0;
  if (parts.size() != 2 || !CLI::detail::lexical_cast(parts[0], sequence) ||
      !CLI::detail::lexical_cast(parts[1], features) || sequence < 1 || features < 1)
    return std::nullopt;
  return std::pair{sequence, features};
}

CLI::Validator two_numbers() {
  return CLI::Validator(
      [](std::string& text) {
        return grid_numbers(text) ? std::string() : fmt::format("'{}' is not two numbers above 0, as in 2,3", text);
      },
      "S,F");
}

/// The numbers of "H,H,.."; nothing where they are not 2 to 5 whole numbers of at least 0.
std::optional<std::vector<std::int64_t>> heavy_numbers(const std::string& text) {
  std::vector<std::int64_t> counts;
  for (const std::string& part : CLI::detail::split(text, ',')) {
    counts.push_back(0);
    if (!CLI::detail::lexical_cast(part, counts.back()) || counts.back() < 0) return std::nullopt;
  }
  if (counts.size() < 2 || counts.size() > kMaxOrder + 1) return std::nullopt;
  return counts;
}

CLI::Validator heavy_counts() {
  return CLI::Validator(
      [](std::string& text) {
        return heavy_numbers(text)
                   ? std::string()
                   : fmt::format("'{}' is not a number of rows for Q and for each key, as in 4,16,16", text);
      },
      "HQ,H1,..");
}

int default_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const int threads = text ? std::atoi(text) : 1;  // of a list "4,2" the first is meant
  return threads > 0 ? threads : 1;
}

}  // namespace

void add_common_options(CLI::App& command, CommonOptions& o) {
  command.add_option("--method", o.method, "auto takes the cheapest that meets the tolerance")
      ->check(CLI::IsMember({"auto", "exact", "polynomial", "dense"}))
      ->capture_default_str();
  command.add_option("--tolerance", o.tolerance, "largest acceptable relative error of what is asked for")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--error", o.error_mode, "how the tolerance is held")
      ->check(CLI::IsMember({"measured", "certified"}))
      ->capture_default_str();
  command.add_option("--degree", o.degree, "fix the polynomial's degree")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{plan::kLargestDegree}));
  command.add_option("--features", o.features, "fix the polynomial's number of features")->check(positive());
  command
      .add_option("--grid", o.grid,
                  "ranks of the polynomial method: S sequence blocks, F feature groups, the rest for slices")
      ->check(two_numbers());
  command
      .add_option("--heavy-rows", o.heavy_rows,
                  "compute so many rows of Q, K1, .. exactly beside the polynomial, those of largest norm")
      ->check(heavy_counts());
  command.add_option("--scale", o.scale, "factor of the scores, instead of the file's")->check(finite());
  command.add_flag("--causal", o.causal, "only keys up to the query's own row take part");
  command.add_option("--threads", o.threads, "OpenMP threads a rank (default: OMP_NUM_THREADS, else 1)")
      ->check(positive());
  command
      .add_option("--memory", o.memory,
                  "most memory a rank may take, with suffix K, M or G (default: 80 % of what is free)")
      ->transform(memory_size());
  command.add_flag("--reproducible", o.reproducible,
                   "the same bits at any number of ranks (of the same threads); takes longer");
  command.add_flag("--force", o.force, "replace an existing OUT");
  file_option(command.add_option("--report", o.report, "write the run's report to this file, as JSON"));
  command.add_flag("--quiet", o.quiet, "say nothing unless something is wrong");
  const std::map<std::string, ProgressMode> modes = {
      {"auto", ProgressMode::automatic}, {"always", ProgressMode::always}, {"never", ProgressMode::never}};
  command.add_option("--progress", o.progress, "auto: a bar on a terminal, a line every few seconds elsewhere")
      ->transform(CLI::CheckedTransformer(modes))
      ->type_name("auto|always|never");
}

void refuse_what_is_missing(int ranks, const CommonOptions& options) {
  if ((options.degree || options.features) && options.method != "polynomial")
    throw Error(Status::usage, "--degree and --features belong to --method polynomial");
  if (options.features && options.error_mode == "certified")
    throw Error(
        Status::usage,
        "--features and --error certified exclude each other: features are certified as all up to a degree, "
        "so take --degree or leave --features out");
  if (!options.grid.empty() && options.method != "polynomial")
    throw Error(Status::usage, "--grid belongs to --method polynomial");
  if (!options.heavy_rows.empty() && options.method != "polynomial")
    throw Error(Status::usage, "--heavy-rows belongs to --method polynomial");
  const auto grid = fixed_grid(ranks, options);
  if (options.reproducible && options.method == "dense")
    throw Error(Status::usage,
                "--method dense cannot be --reproducible: its sums depend on the number of ranks; use exact or "
                "polynomial");
  if (options.reproducible && grid && grid->features > 1)
    throw Error(
        Status::usage,
        fmt::format("--grid {} cannot be --reproducible: parts of features are summed as the ranks are; use "
                    "one feature group",
                    options.grid));
  if (options.degree && options.features)
    throw Error(Status::usage,
                "--degree and --features exclude each other: one fixes all monomials up to a degree, the "
                "other a number of those that matter most");
}

std::optional<plan::Grid> fixed_grid(int ranks, const CommonOptions& options) {
  if (options.grid.empty()) return std::nullopt;
  const auto [sequence, features] = *grid_numbers(options.grid);
  if (sequence > ranks || features > ranks || ranks % (std::int64_t{sequence} * features) != 0)
    throw Error(Status::usage,
                fmt::format("--grid {}: {} sequence blocks times {} feature groups do not divide the {} "
                            "ranks: the rest of the ranks are groups of slices",
                            options.grid, sequence, features, ranks));
  return plan::Grid{ranks / sequence / features, sequence, features};
}

void refuse_what_method_cannot(const CommonOptions& options, const io::FileInfo& info) {
  if (options.method == "polynomial" && info.problem.causal)
    throw Error(Status::usage,
                fmt::format("{}: --method polynomial does not do causal attention in this version: use exact or "
                            "auto",
                            info.path));
  if (options.method == "dense" && info.problem.shape.order > 2)
    throw Error(Status::usage,
                fmt::format("{}: --method dense does orders 1 and 2, but there are {} keys: use exact or auto",
                            info.path, info.problem.shape.order));
  if (options.heavy_rows.empty()) return;
  const std::vector<std::int64_t> counts = *heavy_numbers(options.heavy_rows);
  const Shape& shape = info.problem.shape;
  if (std::ssize(counts) != shape.order + 1)
    throw Error(Status::usage,
                fmt::format("{}: --heavy-rows {} has {} numbers, but Q and {} keys take {}", info.path,
                            options.heavy_rows, counts.size(), shape.order, shape.order + 1));
}

std::string method_name(Method method) {
  switch (method) {
    case Method::polynomial:
      return "polynomial";
    case Method::dense:
      return "dense";
    default:
      return "exact";
  }
}

std::string heavy_rows_text(const std::vector<std::int64_t>& counts) {
  return fmt::format("{}", fmt::join(counts, ","));
}

std::string figure(const std::optional<double>& value) {
  return value ? fmt::format("{:.2g}", *value) : "none";
}

std::int64_t share_of_free_memory(const Communicator& comm) {
  return comm.min(free_memory_bytes() / 10 * 8 / comm.ranks_on_node());
}

Options library_options(const Communicator& comm, const CommonOptions& options) {
  Options result;
  result.method = options.method == "exact"        ? Method::exact
                  : options.method == "polynomial" ? Method::polynomial
                  : options.method == "dense"      ? Method::dense
                                                   : Method::automatic;
  result.tolerance = options.tolerance;
  result.certified = options.error_mode == "certified";
  if (options.degree) result.degree = static_cast<int>(*options.degree);
  result.features = options.features;
  result.reproducible = options.reproducible;
  if (!options.heavy_rows.empty()) result.heavy_rows = heavy_numbers(options.heavy_rows);
  result.threads = static_cast<int>(comm.min(std::int64_t{options.threads.value_or(default_threads())}));
  if (result.threads > kMostThreads)
    throw Error(Status::usage,
                fmt::format("--threads or OMP_NUM_THREADS asks for {} threads a rank: at most {}, and no more than "
                            "cores are of use",
                            result.threads, kMostThreads));
  const std::int64_t share = share_of_free_memory(comm);
  result.memory_bytes = comm.min(options.memory ? static_cast<std::int64_t>(*options.memory) : share);
  return result;
}

}  // namespace tattn::cli
