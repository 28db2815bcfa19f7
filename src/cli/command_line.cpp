#include "cli/command_line.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/common_options.hpp"
#include "cli/examples.hpp"
#include "cli/log.hpp"
#include "cli/suggestions.hpp"
#include "cli/train.hpp"
#include "comm/io_hints.hpp"
#include "service/batch_list.hpp"
#include "tattn/error.hpp"
#include "tattn/version.hpp"
#include "training/checkpoint.hpp"

namespace tattn::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string hint(const std::string& word, const std::vector<std::string>& candidates,
                 const std::string& otherwise) {
  const std::string meant = nearest(word, candidates);
  return meant.empty() ? otherwise : fmt::format("did you mean '{}'?", meant);
}

void check_command(const CLI::App& app, const std::string& word) {
  const auto names = command_names(app);
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return;
  throw Error(Status::usage, fmt::format("unknown command '{}': {}", word,
                                         hint(word, names, fmt::format("use one of {}", fmt::join(names, ", ")))));
}

/// CLI11 complains about missing arguments first, which hides the misspelt option that is the reason.
void check_options(const CLI::App& app, const std::string& call, const std::vector<std::string>& words) {
  const auto known = option_names(app);
  for (const std::string& word : words) {
    if (word == "--") return;
    if (!word.starts_with("--")) continue;
    const std::string name = word.substr(0, word.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw Error(Status::usage, fmt::format("unknown option '{}' of {}: {}", name, call,
                                           hint(name, known, fmt::format("see {} --help", call))));
  }
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Action print(const std::string& text) {
  return [text](const Communicator& comm) {
    if (comm.rank() == 0) fmt::print("{}", text);
  };
}

void explain(const CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& error) {
  if (words.empty())
    throw Error(Status::usage,
                fmt::format("no command: use one of {}; see tattn --help", fmt::join(command_names(app), ", ")));
  check_command(app, words.front());
  const bool of_command = !words.front().starts_with('-');
  const std::string call = of_command ? "tattn " + words.front() : "tattn";
  const CLI::App& asked = of_command ? *app.get_subcommand(words.front()) : app;
  check_options(asked, call, {words.begin() + (of_command ? 1 : 0), words.end()});
  throw Error(Status::usage, fmt::format("{}: {}; see {} --help", call, one_line(error.what()), call));
}

constexpr char kLogFile[] = "--log-file";

/// The options that every command has.
struct EverywhereOptions {
  LogOptions log;
  std::string io_hints;
};

void add_everywhere(CLI::App& app, EverywhereOptions& options) {
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    command->add_option("--log-level", options.log.level, "lines of a lower level are left out")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
        ->capture_default_str();
    file_option(command->add_option(kLogFile, options.log.file, "add the lines to this file, with time and rank"));
    command
        ->add_option("--io-hints", options.io_hints,
                     "what MPI-IO is told of the file system, as in striping_factor=8,cb_nodes=4")
        ->type_name("KEY=VALUE,..");
  }
}

/// The files that a command line names, and those that are written beside them.
std::vector<std::string> files_of(const CLI::App& command) {
  std::vector<std::string> files;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& value : option->results()) {
      if (option->get_type_name() == kFileType && option->get_name() != kLogFile) files.push_back(value);
      if (option->get_name() == "--checkpoint" || option->get_name() == "--resume")
        files.push_back(training::previous_name(value));
      if (option->get_name() == "OUTDIR") files.push_back(value + "/" + service::kBatchLog);
    }
  return files;
}

/// tattn help [COMMAND]
Action help(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) return print(app.help());
  check_command(app, words.front());
  if (words.size() > 1 || words.front().starts_with('-'))
    throw Error(Status::usage, "tattn help takes the name of one command");
  return print(app.get_subcommand(words.front())->help("tattn"));
}

}  // namespace

Action parse_command_line(int argc, char** argv) {
  CLI::App app("tattn: tensor attention and its gradients on MPI clusters", "tattn");
  app.set_version_flag("--version", std::string("tattn ") + TATTN_VERSION);
  app.require_subcommand(1);
  Action action;
  add_generate(app, action);
  add_info(app, action);
  add_plan(app, action);
  add_forward(app, action);
  add_gradient(app, action);
  add_verify(app, action);
  add_train(app, action);
  add_batch(app, action);
  add_study(app, action);
  EverywhereOptions everywhere;
  add_everywhere(app, everywhere);
  add_examples(app);
  if (argc > 1 && std::string(argv[1]) == "help") return help(app, {argv + 2, argv + argc});
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    return print(std::string(version.what()) + "\n");
  } catch (const CLI::CallForHelp&) {
    return print(app.help());
  } catch (const CLI::ParseError& error) {
    explain(app, {argv + 1, argv + argc}, error);
  }
  if (!everywhere.io_hints.empty()) set_io_hints(parse_io_hints(everywhere.io_hints));
  const std::vector<std::string> others = files_of(*app.get_subcommands().front());
  return [log = everywhere.log, others, action](const Communicator& comm) {
    set_log(comm, log, others);
    action(comm);
  };
}

}  // namespace tattn::cli
