#include "cli/provenance.hpp"

#include <fmt/chrono.h>

#include <ctime>
#include <filesystem>

#include "io/file_digest.hpp"
#include "tattn/version.hpp"

namespace tattn::cli {

std::string requested(const std::string& command, const CommonOptions& o, const io::FileInfo& info,
                      const std::string& source_digest) {
  std::string text =
      fmt::format("{} method={} error={} tolerance={}", command, o.method, o.error_mode, o.tolerance);
  if (o.degree) text += fmt::format(" degree={}", *o.degree);
  if (o.features) text += fmt::format(" features={}", *o.features);
  if (!o.grid.empty()) text += fmt::format(" grid={}", o.grid);
  if (o.reproducible) text += " reproducible";
  return text +
         fmt::format(" scale={} causal={} source={}", info.problem.scale, int{info.problem.causal}, source_digest);
}

void write_provenance(const Communicator& comm, io::ResultFile& file, const CommonOptions& options,
                      const io::FileInfo& info, const Report& report) {
  file.attribute("tattn_version", std::string(TATTN_VERSION));
  file.attribute("command", report.command);
  file.attribute("method", report.method);
  file.attribute("error_mode", options.error_mode);
  file.attribute("tolerance", options.tolerance);
  if (report.features) file.attribute("features", *report.features);
  if (report.degree) file.attribute("degree", std::int64_t{*report.degree});
  if (!report.heavy_rows.empty()) file.attribute("heavy_rows", heavy_rows_text(report.heavy_rows));
  if (report.measured_error) file.attribute("measured_error", *report.measured_error);
  if (report.certified_error) file.attribute("certified_error", *report.certified_error);
  if (options.reproducible) file.attribute("reproducible", std::int64_t{1});
  file.attribute("scale", info.problem.scale);
  file.attribute("causal", std::int64_t{info.problem.causal ? 1 : 0});
  file.attribute("ranks", std::int64_t{comm.size()});
  file.attribute("source", std::filesystem::path(info.path).filename().string());
  const std::string digest = io::file_digest(comm, info.path);
  file.attribute("source_digest", digest);
  file.attribute("request", io::PlainText{requested(report.command, options, info, digest)});
  // Clocks differ, but an attribute must be the same on every rank.
  const std::string now = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  file.attribute("created", comm.broadcast(now));
}

}  // namespace tattn::cli
