#include "bench/failover/fault_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace soliton::bench {
namespace {

constexpr Duration kIsrPoll = milliseconds(20);

}  // namespace

FaultScript::FaultScript(const Ports& ports, Shard& shard, const FailoverOptions& options,
                         ClusterAdmin& admin, MonotonicTime load_start, Say say)
    : ports_(ports),
      shard_(shard),
      options_(options),
      admin_(admin),
      load_start_(load_start),
      say_(std::move(say)),
      nodes_(ports, shard, options.nodes) {}

Endpoint FaultScript::AddressOf(int32_t node) const {
  const auto broker = before_.brokers.find(node);
  return broker == before_.brokers.end() ? Endpoint{} : broker->second;
}

bool FaultScript::needs_mending() const {
  switch (options_.fault) {
    case FaultKind::kNone:
    case FaultKind::kMoveLeader:
    case FaultKind::kRollingRestart:
      return false;
    case FaultKind::kCutLink:
      return true;
    case FaultKind::kStopLeader:
      return !nodes_.breaks_by_command() || nodes_.mends_by_command();
    default:
      return nodes_.can_start();
  }
}

void FaultScript::Prepare(Done done) {
  nodes_.Refresh(lifetime_.Wrap([this, done = std::move(done)](absl::Status status) mutable {
    if (!status.ok()) return done(status);
    admin_.View(options_.topic, lifetime_.Wrap([this, done = std::move(done)](
                                                   absl::StatusOr<ClusterView> view) mutable {
      if (!view.ok()) return done(view.status());
      before_ = *std::move(view);
      admin_.QuorumLeader(lifetime_.Wrap(
          [this, done = std::move(done)](absl::StatusOr<std::optional<int32_t>> leader) mutable {
            if (!leader.ok()) return done(leader.status());
            Choose(*leader, std::move(done));
          }));
    }));
  }));
}

void FaultScript::Choose(std::optional<int32_t> quorum_leader, Done done) {
  absl::StatusOr<Victim> victim =
      ChooseVictim(options_.fault, before_.topic, quorum_leader, options_.victim);
  if (!victim.ok()) return done(victim.status());
  victim_ = *std::move(victim);
  if (options_.fault == FaultKind::kMoveLeader && !nodes_.breaks_by_command()) {
    return PrepareMove(std::move(done));
  }
  if (options_.fault == FaultKind::kRollingRestart) {
    // Whoever leads the quorum goes last, so that it moves once.
    for (const auto& [node, address] : before_.brokers) {
      if (node != quorum_leader) to_restart_.push_back(node);
    }
    if (quorum_leader && before_.brokers.contains(*quorum_leader)) {
      to_restart_.push_back(*quorum_leader);
    }
    return done(absl::OkStatus());
  }
  watch_ = std::make_unique<LeaderWatch>(
      ports_, shard_,
      LeaderWatch::Setup{options_.topic, before_, victim_.node, victim_.leads_quorum, load_start_});
  done(absl::OkStatus());
}

void FaultScript::PrepareMove(Done done) {
  std::map<int32_t, std::vector<int32_t>> orders;
  for (const int32_t partition : victim_.leads) {
    auto order = OrderWithoutLeaderFirst(before_.topic.at(static_cast<size_t>(partition)));
    if (!order) {
      return done(absl::FailedPreconditionError(
          fmt::format("partition {} has no other in-sync replica to move to", partition)));
    }
    orders[partition] = *std::move(order);
  }
  admin_.Reorder(options_.topic, orders,
                 lifetime_.Wrap([this, done = std::move(done)](absl::Status status) mutable {
                   if (!status.ok()) return done(status);
                   watch_ = std::make_unique<LeaderWatch>(
                       ports_, shard_,
                       LeaderWatch::Setup{options_.topic, before_, victim_.node,
                                          victim_.leads_quorum, load_start_});
                   done(absl::OkStatus());
                 }));
}

void FaultScript::Break(Done done) {
  const auto begin = [this](std::string_view what) {
    broken_at_ = shard_.clock().Now();
    if (watch_ != nullptr) watch_->FaultBegins();
    say_(fmt::format("{} node {} (leader of {} of {} partitions{})", what, victim_.node,
                     victim_.leads.size(), before_.topic.size(),
                     victim_.leads_quorum ? " and of the quorum" : ""));
  };
  if (nodes_.breaks_by_command() && options_.fault != FaultKind::kRollingRestart) {
    begin("breaking");
    return nodes_.Break(victim_.node, AddressOf(victim_.node), std::move(done));
  }
  const auto signal = [&](int number, std::string_view name) {
    begin(name);
    done(nodes_.Signal(victim_.node, number));
  };
  switch (options_.fault) {
    case FaultKind::kNone:
      return done(absl::OkStatus());
    case FaultKind::kKillLeader:
    case FaultKind::kKillController:
    case FaultKind::kKillLeaderController:
      return signal(SIGKILL, "SIGKILL");
    case FaultKind::kTermLeader:
      return signal(SIGTERM, "SIGTERM");
    case FaultKind::kStopLeader:
      return signal(SIGSTOP, "SIGSTOP");
    case FaultKind::kMoveLeader:
      begin("moving the leaders off");
      return admin_.ElectPreferred(options_.topic, victim_.leads, std::move(done));
    case FaultKind::kRollingRestart:
      broken_at_ = shard_.clock().Now();
      return RestartNext(std::move(done));
    case FaultKind::kCutLink:
      if (options_.proxy == nullptr) {
        return done(
            absl::FailedPreconditionError("no proxy stands before the nodes: give --proxy"));
      }
      begin("cutting the link to");
      return done(options_.proxy->Cut(victim_.node));
  }
}

void FaultScript::RestartNext(Done done) {
  if (to_restart_.empty()) return done(absl::OkStatus());
  const int32_t node = to_restart_.front();
  to_restart_.erase(to_restart_.begin());
  say_(fmt::format("SIGTERM node {}", node));
  const auto start = [this, node](Done then) {
    nodes_.Start(
        node, AddressOf(node),
        lifetime_.Wrap([this, node, then = std::move(then)](absl::Status status) mutable {
          if (!status.ok()) return then(status);
          say_(fmt::format("node {} serves again", node));
          nodes_.Refresh(lifetime_.Wrap([this,
                                         then = std::move(then)](absl::Status refreshed) mutable {
            if (!refreshed.ok()) return then(refreshed);
            AwaitFullIsr(shard_.clock().Now() + options_.rejoin_timeout,
                         lifetime_.Wrap([this, then = std::move(then)](absl::Status full) mutable {
                           if (!full.ok()) return then(full);
                           RestartNext(std::move(then));
                         }));
          }));
        }));
  };
  if (nodes_.breaks_by_command()) {
    return nodes_.Break(
        node, AddressOf(node),
        lifetime_.Wrap([start, done = std::move(done)](absl::Status status) mutable {
          if (!status.ok()) return done(status);
          start(std::move(done));
        }));
  }
  if (absl::Status sent = nodes_.Signal(node, SIGTERM); !sent.ok()) return done(sent);
  nodes_.AwaitExit(node,
                   lifetime_.Wrap([start, done = std::move(done)](absl::Status status) mutable {
                     if (!status.ok()) return done(status);
                     start(std::move(done));
                   }));
}

void FaultScript::Mend(Done done) {
  mended_at_ = shard_.clock().Now();
  const MonotonicTime deadline = *mended_at_ + options_.rejoin_timeout;
  if (options_.fault == FaultKind::kStopLeader && !nodes_.breaks_by_command()) {
    say_(fmt::format("SIGCONT node {}", victim_.node));
    if (absl::Status sent = nodes_.Signal(victim_.node, SIGCONT); !sent.ok()) return done(sent);
    return AwaitFullIsr(deadline, std::move(done));
  }
  if (options_.fault == FaultKind::kCutLink) {
    say_(fmt::format("healing the link to node {}", victim_.node));
    if (absl::Status healed = options_.proxy->Heal(victim_.node); !healed.ok()) {
      return done(healed);
    }
    return AwaitFullIsr(deadline, std::move(done));
  }
  const auto start = [this, deadline](Done then) {
    say_(fmt::format("starting node {}", victim_.node));
    // A process that took its time to end is not what this measures.
    mended_at_ = shard_.clock().Now();
    nodes_.Start(
        victim_.node, AddressOf(victim_.node),
        lifetime_.Wrap([this, deadline, then = std::move(then)](absl::Status status) mutable {
          if (!status.ok()) return then(status);
          say_(fmt::format("node {} serves again", victim_.node));
          AwaitFullIsr(deadline, std::move(then));
        }));
  };
  if (nodes_.breaks_by_command()) return start(std::move(done));
  nodes_.AwaitExit(victim_.node,
                   lifetime_.Wrap([start, done = std::move(done)](absl::Status status) mutable {
                     if (!status.ok()) return done(status);
                     start(std::move(done));
                   }));
}

void FaultScript::AwaitFullIsr(MonotonicTime deadline, Done done) {
  admin_.View(options_.topic, lifetime_.Wrap([this, deadline, done = std::move(done)](
                                                 absl::StatusOr<ClusterView> view) mutable {
    const bool full =
        view.ok() &&
        std::all_of(view->topic.begin(), view->topic.end(), [](const PartitionLeaders& partition) {
          return partition.in_sync.size() == partition.replicas.size();
        });
    if (full) {
      say_("every replica is in sync");
      return done(absl::OkStatus());
    }
    if (shard_.clock().Now() >= deadline) {
      return done(absl::DeadlineExceededError("some in-sync set is still short"));
    }
    shard_.ScheduleAfter(kIsrPoll,
                         lifetime_.Wrap([this, deadline, done = std::move(done)]() mutable {
                           AwaitFullIsr(deadline, std::move(done));
                         }));
  }));
}

}  // namespace soliton::bench
