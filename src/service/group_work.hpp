#pragma once
#include <functional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "service/schedule.hpp"
#include "stop_signal.hpp"

namespace tattn::service {

/// What is done with the files of a schedule.
struct GroupTasks {
  /// Does one file on the ranks of `group`, all of which call it; what the group's rank 0 returns is what became of
  /// it. It must call `poll` often, which never throws or waits, and must not throw Error.
  std::function<std::string(const Communicator& group, std::size_t file, const std::function<void()>& poll)> run;
  /// Rank 0 of the batch hears what became of a file as soon as it looks, before the group takes the next one. Must
  /// not throw Error.
  std::function<void(std::size_t file, const std::string& outcome)> finished;
};

/// Does the files of `levels` in groups of ranks. A group takes the next file of its level from rank 0 when it has
/// done one; when there are no more, its ranks go on in the groups of the next level, whatever others still do:
///
///     7 ranks    level of 4      level of 2     level of 1
///     0 1 2 3    one group       two groups     four
///     4 5        wait for none   one group      two
///     6          wait for none   wait for none  one
///
/// Once any rank that takes a file has had a signal no more files are handed out; those under way are finished.
/// Collective, after which the files handed out have been run and `finished`; returns how many those are, on every
/// rank.
std::int64_t work_in_groups(const Communicator& comm, const std::vector<Level>& levels, const StopSignal& stop,
                            const GroupTasks& tasks);

}  // namespace tattn::service
