// Examples that `tattn help COMMAND` and `tattn COMMAND --help` end with.
#include "cli/examples.hpp"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace tattn::cli {
namespace {

const std::map<std::string, std::string> kExamples = {
    {"generate",
     "  tattn generate in.h5 --rows 500 --dim 16 --upstream\n"
     "  tattn generate in.h5 --rows 300 --key-rows 200,250 --dim 16 --value-dim 8 --heads 4 --dtype f64"},
    {"info", "  tattn info in.h5"},
    {"plan",
     "  tattn plan in.h5 --ranks 64\n"
     "  tattn plan in.h5 --ranks 4096 --machine data/machines/archer2.json\n"
     "  mpirun -np 2 tattn plan --calibrate here.json"},
    {"forward",
     "  tattn forward in.h5 out.h5\n"
     "  mpirun -np 4 tattn forward in.h5 out.h5 --method polynomial --tolerance 1e-2"},
    {"gradient",
     "  mpirun -np 2 tattn gradient in.h5 out.h5\n"
     "  tattn gradient in.h5 out.h5 --method exact --threads 4 --report run.json"},
    {"verify",
     "  tattn verify in.h5 out.h5\n"
     "  mpirun -np 2 tattn verify in.h5 out.h5 --tolerance 1e-2"},
    {"train",
     "  mpirun -np 2 tattn train problem.h5 trained.h5 --steps 500 --optimizer lbfgs --checkpoint run.ckpt\n"
     "  tattn train problem.h5 trained.h5 --steps 900 --resume run.ckpt --history run.jsonl --force"},
    {"batch",
     "  mpirun -np 8 tattn batch inputs results\n"
     "  mpirun -np 8 tattn batch list.txt results --command forward --ranks-per-file 2"},
    {"study",
     "  tattn study length length.csv --rows 65536\n"
     "  mpirun -np 4 tattn study strong strong.csv --features 500 --method polynomial --predict-ranks 65536\n"
     "  tattn study bound bound.csv --rows 4096 --order 3\n"
     "  scripts/plot_study.py length.csv"},
};

}  // namespace

void add_examples(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (const auto examples = kExamples.find(command->get_name()); examples != kExamples.end())
      command->footer("Examples:\n" + examples->second);
  app.footer("tattn help COMMAND tells a command's options, with examples.");
}

}  // namespace tattn::cli
