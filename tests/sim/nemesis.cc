#include "tests/sim/nemesis.h"

#include <algorithm>
#include <cerrno>

#include "runtime/base/os_error.h"

namespace soliton::sim {
namespace {

// Damage to a log and to the mark that says how much of it was durable, both at once, looks like a
// torn tail: no single copy can tell (FOUND.md, limits).
constexpr std::string_view kSpared = "recovery-point";

CrashModel ModelOf(Random& random) {
  return random.Chance(1, 2) ? CrashModel::kRandom : CrashModel::kLoseUnsynced;
}

}  // namespace

Nemesis::Nemesis(SimWorld& world, SimNetwork& network, SimCluster& cluster, const ClusterPlan& plan,
                 std::optional<std::vector<Strike>> script)
    : world_(world),
      network_(network),
      cluster_(cluster),
      plan_(plan),
      machines_(cluster.machines()),
      nodes_(cluster.nodes()),
      script_(std::move(script)),
      random_(world.ForkRandom("nemesis")) {
  for (uint32_t weight : plan.fault_weights) total_weight_ += weight;
  cluster_.SetMayBeRefused([this](SimNode& node) { return older_.contains(&node); },
                           [this](SimNode& node) { OnRefused(node); });
}

void Nemesis::Start() {
  active_ = true;
  start_ = world_.Now();
  if (!script_) return ScheduleNext();
  for (const Strike& strike : *script_) {
    After(strike.at, [this, strike] { Do(strike); });
  }
}

void Nemesis::ScheduleNext() {
  if (total_weight_ == 0) return;
  // Whole microseconds, so that the text of a strike says all of it.
  const int64_t mean_us = plan_.mean_fault_interval / microseconds(1);
  After(microseconds(random_.Between(mean_us / 10, mean_us * 19 / 10)), [this] {
    // A quarter of the time nothing happens, so that the cluster gets somewhere in between.
    const Strike strike = Draw();
    if (random_.Chance(3, 4)) Do(strike);
    ScheduleNext();
  });
}

void Nemesis::After(Duration delay, std::function<void()> what) {
  world_.ScheduleAfter(delay, {.kind = EventKind::kNemesis}, [this, what = std::move(what)] {
    if (active_) what();
  });
}

Fault Nemesis::ChooseFault() {
  uint64_t ticket = random_.Below(total_weight_);
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (ticket < plan_.fault_weights[i]) return static_cast<Fault>(i);
    ticket -= plan_.fault_weights[i];
  }
  return Fault::kConnectionsReset;
}

int32_t Nemesis::AnyController() {
  if (cluster_.controller_count() == 1 && !plan_.combined) return MachineOfController(1);
  return MachineOfController(static_cast<int32_t>(random_.Between(1, cluster_.controller_count())));
}

int32_t Nemesis::MachineOfController(int32_t number) const {
  if (plan_.combined) return number;  // the broker's
  return number == 1 ? 0 : cluster_.broker_count() + cluster_.client_count() + number - 1;
}

int32_t Nemesis::MachineFor(Fault fault) {
  const std::string_view name = FaultName(fault);
  if (fault == Fault::kControllerDiskPutBack) return MachineOfController(plan_.controller_victim);
  if (name.starts_with("controller-")) return AnyController();
  if (fault == Fault::kBrokerDiskWiped || fault == Fault::kBrokerDiskRots ||
      fault == Fault::kBrokerDiskPutBack) {
    return plan_.victim;
  }
  // A log that cannot be read when it is opened counts as lost, and one loss is what is promised.
  if (fault == Fault::kBrokerDiskReadFails && plan_.victim != 0) return plan_.victim;
  if (name.starts_with("broker-")) {
    return static_cast<int32_t>(random_.Between(1, cluster_.broker_count()));
  }
  if (fault == Fault::kClientKilled) {
    return static_cast<int32_t>(random_.Between(
        1 + cluster_.broker_count(), int64_t{cluster_.broker_count()} + cluster_.client_count()));
  }
  return static_cast<int32_t>(random_.Below(machines_.size()));
}

Strike Nemesis::Draw() {
  Strike strike;
  strike.at = microseconds((world_.Now() - start_) / microseconds(1));
  strike.fault = ChooseFault();
  strike.machine = MachineFor(strike.fault);
  strike.peer = static_cast<int32_t>(random_.Below(machines_.size()));
  if (strike.peer == strike.machine) {
    strike.peer = static_cast<int32_t>((strike.peer + 1) % static_cast<int32_t>(machines_.size()));
  }
  strike.duration = DrawDuration();
  strike.detail = random_.Below(1'000'000);
  return strike;
}

void Nemesis::Do(const Strike& strike) {
  struck_.push_back(strike);
  if (static_cast<size_t>(std::max(strike.machine, strike.peer)) >= machines_.size()) return;
  SimNode& node = *machines_[static_cast<size_t>(strike.machine)];
  SimNode& peer = *machines_[static_cast<size_t>(strike.peer)];
  const std::string_view name = FaultName(strike.fault);
  Say(fmt::format("{} {} ({}) for {} ms", name, node.name(), peer.name(),
                  strike.duration / milliseconds(1)));
  switch (strike.fault) {
    case Fault::kBrokerStopped:
      cluster_.StopCleanly(strike.machine, strike.duration);
      return;
    case Fault::kAllPowerLoss:
    case Fault::kAllKilled: {
      Random random(strike.detail);
      for (SimNode* each : nodes_) {
        if (each->name().starts_with("client")) continue;
        const CrashModel model = ModelOf(random);
        const auto down_ns = static_cast<uint64_t>(strike.duration.count());
        Crash(*each, {.lose_unsynced = strike.fault == Fault::kAllPowerLoss, .model = model},
              Duration(static_cast<int64_t>(random.Below(down_ns + 1))));
      }
      return;
    }
    default:
      break;
  }
  if (name.find("-disk-") != std::string_view::npos) {
    StrikeDisk(strike, node);
  } else if (strike.fault >= Fault::kLinkCut) {
    StrikeNetwork(strike);
  } else {
    StrikeNode(strike, node);
  }
}

void Nemesis::StrikeNode(const Strike& strike, SimNode& node) {
  Random random(strike.detail);
  switch (strike.fault) {
    case Fault::kBrokerPowerLoss:
    case Fault::kControllerPowerLoss:
      return Crash(node, {.model = ModelOf(random)}, strike.duration);
    case Fault::kBrokerHostGone:
      return Crash(node, {.model = ModelOf(random), .silent = true}, strike.duration);
    case Fault::kBrokerPaused:
    case Fault::kControllerPaused:
      // Now and then beyond every timeout.
      return Pause(node, random.Chance(1, 6) ? strike.duration * 5 : strike.duration);
    case Fault::kBrokerClockSteps:
    case Fault::kControllerClockSteps: {
      // Within a day: producers are forgotten after one.
      const int64_t hours = random.Between(-10, 10);
      node.clock().StepWall(hours * 3'600'000 + random.Between(-60'000, 60'000),
                            random.Between(-50, 50));
      return;
    }
    default:
      return Crash(node, {.lose_unsynced = false}, strike.duration);
  }
}

void Nemesis::StrikeDisk(const Strike& strike, SimNode& node) {
  Random random(strike.detail);
  if (strike.fault == Fault::kBrokerDiskStalled) {
    if (node.alive()) node.StallDisk(strike.duration);
    return;
  }
  if (strike.fault == Fault::kBrokerDiskWiped || strike.fault == Fault::kBrokerDiskRots) {
    return LoseDisk(strike, node);
  }
  if (strike.fault == Fault::kBrokerDiskPutBack || strike.fault == Fault::kControllerDiskPutBack) {
    return PutBackDisk(strike, node);
  }
  SimFileSystem& files = node.files();
  if (strike.fault == Fault::kBrokerDiskFull || strike.fault == Fault::kControllerDiskFull) {
    cluster_.Excuse(node);
    files.set_capacity_bytes(files.used_bytes() + random.Between(0, 20'000));
    After(strike.duration, [this, &node] {
      node.files().set_capacity_bytes(std::nullopt);
      cluster_.Absolve(node);
    });
    return;
  }
  const FileOperation operation =
      strike.fault == Fault::kBrokerDiskWriteFails  ? FileOperation::kAppend
      : strike.fault == Fault::kBrokerDiskReadFails ? FileOperation::kRead
                                                    : FileOperation::kSync;
  const absl::Status error = ErrnoStatus(EIO, FileOperationName(operation), node.name());
  if (random.Chance(1, 2)) {
    files.FailNext(operation, "", error, static_cast<int>(random.Between(1, 3)));
    return cluster_.ExcuseOnce(node);
  }
  cluster_.Excuse(node);
  files.FailAlways(operation, "", error);
  After(strike.duration, [this, &node] {
    node.files().ClearFaults();
    cluster_.Absolve(node);
  });
}

void Nemesis::LoseDisk(const Strike& strike, SimNode& node) {
  if (!node.alive()) return;
  const bool rots = strike.fault == Fault::kBrokerDiskRots;
  // Neither before nor after a power loss: until a broker has opened its logs again a tail may be
  // torn, and the mark of what was durable be old. No single copy can tell rot from that.
  if (rots && torn_.contains(&node)) {
    if (!cluster_.IsServing(strike.machine)) return Say("  not after a power loss");
    torn_.erase(&node);
  }
  Random random(strike.detail);
  if (damage_observer_) {
    damage_observer_(strike.machine, rots);
  }
  node.Crash({.lose_unsynced = false});
  if (!rots) {
    older_.erase(&node);
    node.files().Wipe();
  } else {
    if (rotten_.insert(&node).second) cluster_.Excuse(node);
    for (const std::string& path :
         node.files().Rot("/data", kSpared, static_cast<int>(random.Between(1, 4)), random)) {
      Say(fmt::format("  rot in {}", path));
    }
  }
  RestartLater(node, strike.duration);
}

void Nemesis::StrikeNetwork(const Strike& strike) {
  SimNode& a = *machines_[static_cast<size_t>(strike.machine)];
  SimNode& b = *machines_[static_cast<size_t>(strike.peer)];
  const auto heal_later = [&] {
    After(strike.duration, [this, from = a.id(), to = b.id()] { network_.Heal(from, to); });
  };
  Random random(strike.detail);
  std::vector<SimNode*> some;
  std::vector<SimNode*> others;
  switch (strike.fault) {
    case Fault::kLinkCut:
      network_.Cut(a.id(), b.id());
      return heal_later();
    case Fault::kLinkCutOneWay:
      network_.CutOneWay(a.id(), b.id());
      return heal_later();
    case Fault::kLinkSlow:
      network_.SlowDown(a.id(), b.id(), milliseconds(random.Between(5, 500)));
      After(strike.duration, [this, from = a.id(), to = b.id()] { network_.SpeedUp(from, to); });
      return;
    case Fault::kIsolated:
      some = {&a};
      break;
    case Fault::kHalves:
      for (SimNode* node : nodes_) {
        if (random.Chance(1, 2)) some.push_back(node);
      }
      break;
    case Fault::kBridge:
      for (int32_t id = 1; id <= cluster_.broker_count(); ++id) {
        for (int32_t other = id + 1; other <= cluster_.broker_count(); ++other) {
          Separate({&cluster_.broker(id)}, {&cluster_.broker(other)}, strike.duration);
        }
      }
      return;
    case Fault::kConnectionsStuck:
      return network_.StickConnections(a.id(), b.id());
    default:
      return network_.ResetConnections(a.id(), b.id());
  }
  for (SimNode* node : nodes_) {
    if (std::find(some.begin(), some.end(), node) == some.end()) others.push_back(node);
  }
  Separate(some, others, strike.duration);
}

void Nemesis::Separate(const std::vector<SimNode*>& some, const std::vector<SimNode*>& others,
                       Duration duration) {
  for (SimNode* a : some) {
    for (SimNode* b : others) network_.Cut(a->id(), b->id());
  }
  After(duration, [this, some, others] {
    for (SimNode* a : some) {
      for (SimNode* b : others) network_.Heal(a->id(), b->id());
    }
  });
}

void Nemesis::Crash(SimNode& node, const CrashOptions& options, Duration down_for) {
  if (!node.alive()) return;
  if (options.lose_unsynced) torn_.insert(&node);
  node.Crash(options);
  RestartLater(node, down_for);
}

void Nemesis::RestartLater(SimNode& node, Duration delay) {
  After(delay, [this, &node] {
    if (node.alive()) return;
    Say(fmt::format("{} starts", node.name()));
    node.Restart();
  });
}

void Nemesis::Pause(SimNode& node, Duration duration) {
  if (!node.alive()) return;
  node.Pause();
  After(duration, [this, &node, incarnation = node.incarnation()] {
    if (!node.alive() || node.incarnation() != incarnation) return;
    Say(fmt::format("{} goes on", node.name()));
    node.Resume();
  });
}

void Nemesis::StopAndHeal() {
  Say("healing");
  active_ = false;
  network_.HealAll();
  for (SimNode* node : nodes_) {
    node->files().ClearFaults();
    node->files().set_capacity_bytes(std::nullopt);
    node->clock().StepWall(0, 0);
    // Whoever repairs a disk restarts the broker: a replica that could not be opened stays closed.
    const bool repaired = cluster_.MayGiveUp(*node) && node->alive();
    cluster_.AbsolveAll(*node);
    if (repaired) node->Crash({.lose_unsynced = false});
    if (rotten_.contains(node)) {
      Say(fmt::format("{} gets a new disk", node->name()));
      if (damage_observer_) damage_observer_(plan_.victim, false);
      if (node->alive()) node->Crash();
      node->files().Wipe();
    }
    if (!node->alive()) {
      node->Restart();
    } else {
      node->StallDisk(Duration(0));
      node->Resume();
    }
  }
}

Duration Nemesis::DrawDuration() {
  const int64_t longest = plan_.max_fault_duration / milliseconds(1);
  // Short ones are as likely as long ones.
  return milliseconds(random_.Chance(1, 2) ? random_.Between(1, longest / 10 + 1)
                                           : random_.Between(1, longest));
}

void Nemesis::Say(const std::string& what) {
  if (observer_) observer_(what);
}

std::string Nemesis::ToString() const {
  std::array<int, kFaultCount> counts{};
  for (const Strike& strike : struck_) ++counts[static_cast<size_t>(strike.fault)];
  std::string text;
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (counts[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[i],
                        FaultName(static_cast<Fault>(i)));
  }
  return text;
}

}  // namespace soliton::sim
