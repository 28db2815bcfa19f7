// How a study comes by a point: from the table, by measurement on some of the ranks, or by the cost model.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "cli/machine_file.hpp"
#include "cli/study.hpp"
#include "method/kernel_rates.hpp"
#include "method/machine_rates.hpp"
#include "study/predict.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

std::string or_none(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "none";
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// What rows of one file must have in common. How far a study goes, its repeats and its limits may differ.
std::string shared(const StudyOptions& o, const Options& library) {
  const bool ends_with_rows = o.kind == "length";
  const ShapeOptions& s = o.shape;
  const Shape one = shape_of(s, 1, false);
  return fmt::format(
      "rows={} key_rows={} value_dim={} dim={} order={} slices={} seed={} spread={} dtype={} scale={} causal={} "
      "method={} tolerance={} error={} degree={} features={} threads={} machine={}",
      ends_with_rows ? "any" : or_none(o.rows),
      s.key_rows.empty() ? "rows" : fmt::format("{}", fmt::join(s.key_rows, "+")), one.value_dim, one.dim,
      one.order, one.slices, s.seed, s.spread, s.dtype, study_problem(o, 1).scale, int{o.common.causal},
      o.common.method, o.common.tolerance, o.common.error_mode, or_none(o.common.degree),
      or_none(o.common.features), library.threads, o.machine.empty() ? "this" : name_of(o.machine));
}

}  // namespace

Study::Study(const Communicator& comm, const StudyOptions& options)
    : comm_(comm),
      options_(options),
      library_(library_options(comm, options.common)),
      machine_(options.machine.empty() ? std::nullopt : std::optional(read_machine(comm, options.machine))),
      table_(comm, options.output, options.kind, shared(options, library_), options.common.force) {}

Problem study_problem(const StudyOptions& o, std::int64_t rows) {
  return {shape_of(o.shape, rows, o.common.causal), o.common.scale.value_or(1 / static_cast<double>(o.shape.dim)),
          o.common.causal};
}

bool Study::wants(Method method) const {
  return library_.method == Method::automatic || library_.method == method;
}

Options Study::library(Method method) const {
  Options result = library_;
  result.method = method;
  if (method == Method::exact) {
    result.degree.reset();
    result.features.reset();
  }
  return result;
}

study::Row Study::measured(const Communicator& part, const Wanted& wanted) const {
  const Entries entries{options_.shape.seed, options_.shape.spread, wanted.entry};
  const MeasureOptions how{wanted.library, options_.repeats, options_.time_limit, wanted.errors};
  return options_.shape.single() ? measure<float>(part, wanted.problem, entries, how)
                                 : measure<double>(part, wanted.problem, entries, how);
}

/// On the first of the ranks; the others sleep meanwhile.
///
///     ranks  0 1 .. wanted.ranks - 1 | others        ->  rank 0 has the row  ->  table: all ranks have it
study::Row Study::at(const Wanted& wanted) {
  if (const auto there = table_.find(wanted.point)) return *there;
  const bool takes_part = comm_.rank() < wanted.ranks;
  const Communicator part = comm_.split(takes_part ? 0 : 1);
  study::Row row;
  std::optional<Error> failure;
  try {
    if (takes_part) row = measured(part, wanted);
  } catch (const Error& error) {
    failure = error;
  }
  comm_.barrier_asleep();
  const bool refused = comm_.max(std::int64_t{failure && failure->status() == Status::failed}) != 0;
  if (!refused || !wanted.may_be_refused)
    comm_.agree([&] {
      if (failure) throw Error(*failure);
    });
  if (refused) {
    if (comm_.rank() == 0) spdlog::info("{}: {}", wanted.point, failure->what());
    row = study::Row();
    row.ranks = wanted.ranks;
    row.threads = wanted.library.threads;
    row.rows = wanted.problem.shape.rows;
    row.dim = wanted.problem.shape.dim;
    row.order = wanted.problem.shape.order;
    row.method = method_name(wanted.library.method);
    row.entry = wanted.entry;
    row.spread = Entries{0, options_.shape.spread, wanted.entry}.deviation();
  }
  row.point = wanted.point;
  table_.append(row);
  say(table_.rows().back());
  return table_.rows().back();
}

/// Measured once, however many predictions there are.
plan::Rates Study::rates(int ranks) {
  const bool single = options_.shape.single();
  if (!rates_) {
    const Problem one = study_problem(options_, 1);
    rates_ = single ? method::measure_rates<float>(comm_, one, Method::automatic)
                    : method::measure_rates<double>(comm_, one, Method::automatic);
    if (machine_) core_flops_ = single ? method::core_flops<float>(comm_) : method::core_flops<double>(comm_);
  }
  return machine_ ? plan::on_machine(*rates_, core_flops_, *machine_, single ? 4 : 8, ranks, library_.threads)
                  : *rates_;
}

study::Row Study::predicted(const std::string& point, const Problem& problem, const study::Row& like, int ranks) {
  if (const auto there = table_.find(point)) return *there;
  study::Row row = study::predicted_row(
      {problem, options_.shape.single() ? 4 : 8, false, like.features, ranks, library_.threads}, rates(ranks));
  row.point = point;
  row.spread = like.spread;
  row.entry = like.entry;
  table_.append(row);
  say(table_.rows().back());
  return table_.rows().back();
}

void Study::say(const study::Row& row) const {
  const auto seconds = row.seconds();
  spdlog::info("{}: {}{}", row.point, seconds ? fmt::format("{:.3g} s", *seconds) : "refused",
               row.features ? fmt::format(", {} features", *row.features) : "");
}

}  // namespace tattn::cli
