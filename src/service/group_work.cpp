#include "service/group_work.hpp"

#include <optional>
#include <sstream>

#include "comm/desk.hpp"

namespace tattn::service {
namespace {

/// "Level 2 wants a file; file 7 is done, and this became of it." Outcomes may be of any length.
struct Request {
  std::size_t level = 0;
  bool stop = false;
  std::optional<std::size_t> done;
  std::string outcome;

  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    out << level << ' ' << stop << ' ' << done.has_value() << ' ' << done.value_or(0) << '\n' << outcome;
    return out.str();
  }

  static Request of(const std::string& text) {
    Request request;
    bool has_done = false;
    std::size_t done = 0;
    std::istringstream in(text);
    in >> request.level >> request.stop >> has_done >> done;
    if (has_done) request.done = done;
    request.outcome = text.substr(text.find('\n') + 1);
    return request;
  }
};

/// Rank 0's side: which file comes next.
class Dispatcher {
 public:
  Dispatcher(const std::vector<Level>& levels, const StopSignal& stop, const GroupTasks& tasks)
      : levels_(levels), stop_(stop), tasks_(tasks), next_(levels.size()) {}

  /// The number of a file, or nothing.
  std::string answer(const std::string& question) {
    const Request request = Request::of(question);
    if (request.done) tasks_.finished(*request.done, request.outcome);
    stopped_ = stopped_ || request.stop || stop_.requested();
    const Level& level = levels_[request.level];
    if (stopped_ || next_[request.level] == level.files.size()) return "";
    ++handed_out_;
    return std::to_string(level.files[next_[request.level]++]);
  }

  [[nodiscard]] std::int64_t handed_out() const { return handed_out_; }

 private:
  const std::vector<Level>& levels_;
  const StopSignal& stop_;
  const GroupTasks& tasks_;
  std::vector<std::size_t> next_;  ///< by level, into its files
  bool stopped_ = false;
  std::int64_t handed_out_ = 0;
};

void work_at_level(const Communicator& group, Desk& desk, std::size_t level, const StopSignal& stop,
                   const GroupTasks& tasks) {
  Request request;
  request.level = level;
  for (;;) {
    request.stop = stop.requested(group);
    const std::string answer = group.broadcast(group.rank() == 0 ? desk.ask(request.text()) : std::string());
    if (answer.empty()) return;
    request.done = std::stoull(answer);
    request.outcome = tasks.run(group, *request.done, [&desk] { desk.serve(); });
  }
}

}  // namespace

std::int64_t work_in_groups(const Communicator& comm, const std::vector<Level>& levels, const StopSignal& stop,
                            const GroupTasks& tasks) {
  std::vector<Communicator> groups;
  for (const Level& level : levels) groups.push_back(comm.split(comm.rank() / level.ranks));
  Dispatcher dispatcher(levels, stop, tasks);
  Desk desk(comm, [&](const std::string& question) { return dispatcher.answer(question); });
  for (std::size_t at = 0; at < levels.size(); ++at)
    if (groups[at].size() == levels[at].ranks) work_at_level(groups[at], desk, at, stop, tasks);
  desk.close();
  return comm.max(dispatcher.handed_out());
}

}  // namespace tattn::service
