// How long a partition was not writable, and what of that time the tool could tell apart. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "runtime/loop/clock.h"

namespace soliton::bench {

// What a broker's Metadata answer says about one partition.
struct LeaderView {
  int32_t leader_id = -1;
  int32_t leader_epoch = -1;
  bool victim_offline = false;  // the victim is among the offline replicas, or not a broker at all
};

// When the watched brokers first told what, as times of the load.
struct Sightings {
  // The first answer that differed at all: the victim missing or offline, no leader, another epoch.
  std::optional<Duration> noticed;
  // The first answer with a leader of a newer epoch, whoever told it.
  std::optional<Duration> elected;
  // The first time that this leader told so itself: from here on it takes writes.
  std::optional<Duration> leader_knows;
};

// The four parts of an outage. They add up to it.
struct OutageParts {
  Duration detection{};    // last acknowledgement -> first answer that differed
  Duration election{};     // -> first answer with the new leader
  Duration propagation{};  // -> the new leader itself knows
  Duration client{};       // -> first acknowledgement
};

struct PartitionOutage {
  int32_t partition = -1;
  bool led_by_victim = false;
  // Times of the load. Without last_ack: nothing was ever acknowledged.
  std::optional<Duration> last_ack;
  Duration first_ack{};
  bool ended = true;  // false: still unavailable when the load ended
  std::optional<OutageParts> parts;

  std::optional<Duration> length() const {
    if (!last_ack) return std::nullopt;
    return first_ack - *last_ack;
  }
};

// nullopt when no new leader was seen: there is nothing to split then.
std::optional<OutageParts> SplitOutage(Duration last_ack, Duration first_ack,
                                       const Sightings& seen);

// Takes answers of all brokers in and keeps the sightings per partition.
class LeaderHistory {
 public:
  // The state before the fault; answers with it are no news.
  void SetBaseline(int32_t partition, const LeaderView& view) { baseline_[partition] = view; }
  void Saw(int32_t partition, int32_t teller, const LeaderView& view, Duration at);
  // Empty when nothing differed.
  Sightings Of(int32_t partition) const;
  // Whether every partition of the baseline that `victim` led has a new leader that knows.
  bool Settled(int32_t victim) const;

 private:
  std::map<int32_t, LeaderView> baseline_;
  std::map<int32_t, Sightings> sightings_;
};

}  // namespace soliton::bench
