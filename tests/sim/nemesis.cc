#include "tests/sim/nemesis.h"

#include "runtime/base/check.h"

namespace soliton::sim {

Nemesis::Nemesis(SimWorld& world, SimNetwork& network, SimCluster& cluster, const ClusterPlan& plan)
    : world_(world),
      network_(network),
      cluster_(cluster),
      plan_(plan),
      random_(world.ForkRandom("nemesis")) {
  for (uint32_t weight : plan.fault_weights) total_weight_ += weight;
}

void Nemesis::Start() {
  active_ = true;
  ScheduleNext();
}

void Nemesis::ScheduleNext() {
  if (total_weight_ == 0) return;
  const int64_t mean = plan_.mean_fault_interval.count();
  After(Duration(random_.Between(mean / 10, mean * 19 / 10)), [this] {
    // A quarter of the time nothing happens, so that the cluster gets somewhere in between.
    if (random_.Chance(3, 4)) Strike();
    ScheduleNext();
  });
}

void Nemesis::After(Duration delay, std::function<void()> what) {
  world_.ScheduleAfter(delay, {.kind = EventKind::kNemesis}, [this, what = std::move(what)] {
    if (active_) what();
  });
}

Fault Nemesis::Choose() {
  uint64_t ticket = random_.Below(total_weight_);
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (ticket < plan_.fault_weights[i]) return static_cast<Fault>(i);
    ticket -= plan_.fault_weights[i];
  }
  return Fault::kConnectionsReset;
}

void Nemesis::Strike() {
  const Fault fault = Choose();
  ++strikes_[static_cast<size_t>(fault)];
  Do(fault);
}

void Nemesis::Do(Fault fault) {
  switch (fault) {
    case Fault::kBrokerPowerLoss:
    case Fault::kBrokerKilled:
    case Fault::kBrokerHostGone:
    case Fault::kBrokerPaused:
    case Fault::kBrokerDiskStalled:
      StrikeNode(fault, AnyBroker());
      return;
    case Fault::kControllerPowerLoss:
    case Fault::kControllerKilled:
    case Fault::kControllerPaused:
      StrikeNode(fault, cluster_.controller());
      return;
    case Fault::kClientKilled:
      StrikeNode(fault, cluster_.client(static_cast<int>(
                            random_.Below(static_cast<uint64_t>(cluster_.client_count())))));
      return;
    case Fault::kBrokerStopped: {
      const auto id = static_cast<int32_t>(random_.Between(1, cluster_.broker_count()));
      Say(fmt::format("{} broker-{}", FaultName(fault), id));
      cluster_.StopCleanly(id, DrawDuration());
      return;
    }
    case Fault::kAllPowerLoss:
    case Fault::kAllKilled:
      Say(std::string(FaultName(fault)));
      for (SimNode* node : cluster_.nodes()) {
        if (node->name().starts_with("client")) continue;
        Crash(*node, {.lose_unsynced = fault == Fault::kAllPowerLoss, .model = DrawModel()},
              DrawDuration() / 2);
      }
      return;
    default:
      StrikeNetwork(fault);
  }
}

void Nemesis::StrikeNode(Fault fault, SimNode& node) {
  const Duration duration = DrawDuration();
  Say(fmt::format("{} {} for {} ms", FaultName(fault), node.name(), duration / milliseconds(1)));
  switch (fault) {
    case Fault::kBrokerPowerLoss:
    case Fault::kControllerPowerLoss:
      Crash(node, {.model = DrawModel()}, duration);
      return;
    case Fault::kBrokerHostGone:
      Crash(node, {.model = DrawModel(), .silent = true}, duration);
      return;
    case Fault::kBrokerPaused:
    case Fault::kControllerPaused:
      Pause(node, duration);
      return;
    case Fault::kBrokerDiskStalled:
      if (node.alive()) node.StallDisk(duration);
      return;
    default:
      Crash(node, {.lose_unsynced = false}, duration);
  }
}

void Nemesis::StrikeNetwork(Fault fault) {
  const std::vector<SimNode*> nodes = cluster_.nodes();
  SimNode& a = *nodes[random_.Below(nodes.size())];
  SimNode* b = &a;
  while (b == &a) b = nodes[random_.Below(nodes.size())];
  const Duration duration = DrawDuration();
  Say(fmt::format("{} {} {} for {} ms", FaultName(fault), a.name(), b->name(),
                  duration / milliseconds(1)));
  switch (fault) {
    case Fault::kLinkCut:
      network_.Cut(a.id(), b->id());
      After(duration, [this, from = a.id(), to = b->id()] { network_.Heal(from, to); });
      return;
    case Fault::kLinkCutOneWay:
      network_.CutOneWay(a.id(), b->id());
      After(duration, [this, from = a.id(), to = b->id()] { network_.Heal(from, to); });
      return;
    case Fault::kIsolated:
      network_.Isolate(a.id());
      After(duration, [this, &a] {
        for (SimNode* other : cluster_.nodes()) {
          if (other != &a) network_.Heal(a.id(), other->id());
        }
      });
      return;
    default:
      network_.ResetConnections(a.id(), b->id());
  }
}

void Nemesis::Crash(SimNode& node, const CrashOptions& options, Duration down_for) {
  if (!node.alive()) return;
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
  for (SimNode* node : cluster_.nodes()) {
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

SimNode& Nemesis::AnyBroker() {
  return cluster_.broker(static_cast<int32_t>(random_.Between(1, cluster_.broker_count())));
}

CrashModel Nemesis::DrawModel() {
  return random_.Chance(1, 2) ? CrashModel::kRandom : CrashModel::kLoseUnsynced;
}

void Nemesis::Say(const std::string& what) {
  if (observer_) observer_(what);
}

int64_t Nemesis::strikes() const {
  int64_t all = 0;
  for (int64_t count : strikes_) all += count;
  return all;
}

std::string Nemesis::ToString() const {
  std::string text;
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (strikes_[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", strikes_[i],
                        FaultName(static_cast<Fault>(i)));
  }
  return text;
}

}  // namespace soliton::sim
