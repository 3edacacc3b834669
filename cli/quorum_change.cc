#include "cli/quorum_change.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace soliton::cli {
namespace {

using Kind = QuorumChangeStep::Kind;

// What a new voter may lack: it gets the rest while the others go on. The leader insists on less
// than a thousand.
constexpr int64_t kMaxLagEntries = 100;

QuorumChangeStep Stop(Kind kind, CliError error) {
  return {.kind = kind, .error = std::move(error)};
}

const QuorumMember* Find(const QuorumView& view, bool voter, const QuorumChange& change,
                         bool any_disk) {
  for (const QuorumMember& member : view.members) {
    if (member.voter != voter || member.node_id != change.node_id) continue;
    if (any_disk || !change.directory_id || member.directory_id == *change.directory_id) {
      return &member;
    }
  }
  return nullptr;
}

QuorumChangeStep NextOfAdding(const QuorumView& view, const QuorumChange& change,
                              const std::optional<Uuid>& asked_for) {
  const std::string what = fmt::format("node {} cannot be added", change.node_id);
  const QuorumMember* observer = Find(view, false, change, false);
  const bool controls = observer != nullptr && observer->endpoint.port != 0;
  if (const QuorumMember* voter = Find(view, true, change, true)) {
    if (asked_for == voter->directory_id) return {.kind = Kind::kDone};
    const bool other_disk = (controls && observer->directory_id != voter->directory_id) ||
                            (change.directory_id && *change.directory_id != voter->directory_id);
    if (!other_disk) {
      return Stop(Kind::kFail,
                  {ExitCode::kFailed, what, "", "it is a voter already", "soliton cluster quorum"});
    }
    return Stop(Kind::kFail, {ExitCode::kFailed, what, "",
                              fmt::format("it still votes with another disk, {}",
                                          voter->directory_id.ToString()),
                              fmt::format("soliton cluster quorum remove {}", change.node_id)});
  }
  if (observer == nullptr) {
    if (const QuorumMember* other = Find(view, false, change, true);
        other != nullptr && other->endpoint.port != 0) {
      return Stop(Kind::kFail,
                  {ExitCode::kNotFound, what, "",
                   fmt::format("it has another disk, {}", other->directory_id.ToString()),
                   "soliton cluster quorum -o wide"});
    }
    return Stop(Kind::kWait, {ExitCode::kTimeout, what, "",
                              "no controller with this id follows the metadata log",
                              "start it first, with the controller.quorum.voters of this cluster"});
  }
  if (!controls) {
    return Stop(Kind::kWait,
                {ExitCode::kTimeout, what, "", "it is a broker, and follows as no controller",
                 "its process.roles must have controller; restart it so"});
  }
  if (observer->log_end_offset < 0 || observer->lag > kMaxLagEntries) {
    return Stop(Kind::kWait,
                {ExitCode::kTimeout, what, "",
                 fmt::format("it still lacks {} entries of the metadata log", observer->lag),
                 "give it more time: --timeout 10m"});
  }
  return {
      .kind = Kind::kAsk, .directory_id = observer->directory_id, .endpoint = observer->endpoint};
}

QuorumChangeStep NextOfRemoving(const QuorumView& view, const QuorumChange& change,
                                const std::optional<Uuid>& asked_for) {
  const QuorumMember* voter = Find(view, true, change, false);
  if (voter != nullptr) {
    return {.kind = Kind::kAsk, .directory_id = voter->directory_id};
  }
  if (asked_for) return {.kind = Kind::kDone};
  const QuorumMember* other = Find(view, true, change, true);
  return Stop(Kind::kFail,
              {ExitCode::kNotFound, fmt::format("node {} cannot be removed", change.node_id), "",
               other == nullptr
                   ? fmt::format("it is no voter; voters are {}", VotersText(view))
                   : fmt::format("it votes with another disk, {}", other->directory_id.ToString()),
               "soliton cluster quorum -o wide"});
}

}  // namespace

std::string QuorumChange::ToString() const {
  return fmt::format("{} node {}", add ? "add" : "remove", node_id);
}

QuorumChangeStep NextStep(const QuorumView& view, const QuorumChange& change,
                          const std::optional<Uuid>& asked_for) {
  if (view.leader_id < 0) {
    return Stop(Kind::kWait, {ExitCode::kTimeout, fmt::format("cannot {}", change.ToString()), "",
                              "the metadata quorum has no leader",
                              "a majority of the controllers must run: soliton cluster health"});
  }
  return change.add ? NextOfAdding(view, change, asked_for)
                    : NextOfRemoving(view, change, asked_for);
}

std::vector<int64_t> VoterIds(const QuorumView& view) {
  std::vector<int64_t> ids;
  for (const QuorumMember& member : view.members) {
    if (member.voter) ids.push_back(member.node_id);
  }
  return ids;
}

std::string VotersText(const QuorumView& view) {
  return fmt::format("{}", fmt::join(VoterIds(view), ","));
}

}  // namespace soliton::cli
