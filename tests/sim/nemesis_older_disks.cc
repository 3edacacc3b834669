// Disks that are put back to an older copy of themselves, as from a backup or a snapshot of the
// machine, and what an operator does about a controller that is refused for it.
#include "broker/broker_life.h"
#include "controller/metadata/metadata_image.h"
#include "controller/quorum/vote_file.h"
#include "tests/sim/nemesis.h"

namespace soliton::sim {
namespace {

constexpr int kTries = 30;
constexpr Duration kBetweenTries = milliseconds(100);

}  // namespace

struct Nemesis::OlderCopy {
  SimNamespace disk;
  int32_t broker_id = 0;    // 0: no broker's
  int64_t broker_life = 0;  // of the copy
  std::optional<controller::Voter> voter;
  int64_t voter_life = 0;
};

Nemesis::OlderCopy Nemesis::CopyOf(SimNode& node) {
  OlderCopy copy;
  world_.Inspect([&] {
    for (int32_t id = 1; id <= cluster_.broker_count(); ++id) {
      if (&cluster_.broker(id) != &node) continue;
      copy.broker_id = id;
      copy.broker_life = broker::ReadLife(node.files(), "/data");
    }
    for (int number = 1; number <= cluster_.controller_count(); ++number) {
      const controller::ControllerNode* app = cluster_.ControllerApp(number);
      if (&cluster_.controller(number) != &node || app == nullptr) continue;
      const auto vote = controller::ReadVote(node.files(), cluster_.VotePath());
      if (!vote.ok()) continue;
      copy.voter = app->quorum().self();
      copy.voter_life = vote->life;
    }
  });
  copy.disk = node.files().Copy();
  return copy;
}

// A copy is made, the machine goes on, and later it finds itself on the copy.
void Nemesis::PutBackDisk(const Strike& strike, SimNode& node) {
  if (!node.alive() || rotten_.contains(&node) || older_.contains(&node)) return;
  const auto copy = std::make_shared<OlderCopy>(CopyOf(node));
  const bool runs_controller = plan_.combined || copy->broker_id == 0;
  if (copy->broker_id != 0 && copy->broker_life == 0) return;
  if (runs_controller && !copy->voter) return;
  After(2 * plan_.high_watermark_checkpoint_interval + strike.duration,
        [this, strike, &node, copy] {
          if (!node.alive() || rotten_.contains(&node) || older_.contains(&node)) return;
          node.Crash({.lose_unsynced = false});
          PutBackOnceKnown(strike, node, copy, kTries);
        });
}

// Nobody can notice what nobody has heard: a copy that is hardly older than the disk, or whose
// successors only those knew that are gone as well.
void Nemesis::PutBackOnceKnown(const Strike& strike, SimNode& node,
                               const std::shared_ptr<OlderCopy>& copy, int tries) {
  if (node.alive()) return;
  if (IsKnownToBeOlder(*copy)) {
    Say(fmt::format("  {} is put back to life {} of its broker, {} of its controller", node.name(),
                    copy->broker_life, copy->voter_life));
    if (damage_observer_ && copy->broker_id != 0) damage_observer_(copy->broker_id, false);
    node.files().Restore(copy->disk);
    torn_.erase(&node);
    if (copy->voter) older_[&node] = 0;
  } else if (tries > 0) {
    return After(kBetweenTries, [this, strike, &node, copy, tries] {
      PutBackOnceKnown(strike, node, copy, tries - 1);
    });
  }
  RestartLater(node, strike.duration);
}

bool Nemesis::IsKnownToBeOlder(const OlderCopy& copy) {
  bool known = true;
  world_.Inspect([&] {
    if (copy.broker_id != 0) known = known && BrokerIsKnownToBeOlder(copy);
    if (copy.voter) known = known && VoterIsKnownToBeOlder(copy);
  });
  return known;
}

// By what is committed.
bool Nemesis::BrokerIsKnownToBeOlder(const OlderCopy& copy) {
  for (int number = 1; number <= cluster_.controller_count(); ++number) {
    const controller::ControllerNode* app = cluster_.ControllerApp(number);
    if (app == nullptr) continue;
    const controller::BrokerInfo* known = app->committed_image().FindBroker(copy.broker_id);
    if (known != nullptr && known->life > copy.broker_life) return true;
  }
  return false;
}

// By what each other voter has on its disk.
bool Nemesis::VoterIsKnownToBeOlder(const OlderCopy& copy) {
  const int leader = cluster_.LeadingController();
  if (leader == 0) return false;
  const controller::VoterSet& voters = cluster_.ControllerApp(leader)->quorum().voters();
  if (!voters.Contains(*copy.voter)) return false;
  for (int number = 1; number <= cluster_.controller_count(); ++number) {
    const int32_t id = cluster_.ControllerId(number);
    const bool votes = std::ranges::any_of(
        voters.voters(), [&](const controller::Voter& voter) { return voter.node_id == id; });
    if (!votes || id == copy.voter->node_id) continue;
    const SimFileSystem& files = cluster_.controller(number).files();
    const auto vote = controller::ReadVote(files, cluster_.VotePath());
    if (!vote.ok() || !files.IsDurable(cluster_.VotePath())) return false;
    const auto known = vote->peers.find(copy.voter->directory_id);
    if (known == vote->peers.end() || known->second.number <= copy.voter_life) return false;
  }
  return true;
}

// A supervisor starts it again, in vain; then somebody reads what it says and does that.
void Nemesis::OnRefused(SimNode& node) {
  Say(fmt::format("{} is refused", node.name()));
  if (++older_[&node] < 2) return;
  Say(fmt::format("{} begins with an empty disk", node.name()));
  older_.erase(&node);
  if (damage_observer_ && plan_.combined) damage_observer_(plan_.victim, false);
  node.files().Wipe();
}

}  // namespace soliton::sim
