// Decides what to fetch from which broker, and what every answer means for the positions. Knows
// batches by offsets and sizes only; no bytes, no clock, no I/O. Pure; one owner.
//
// Invariants:
// - A partition's fetch position moves only by an answer to a request that asked for exactly that
//   position from the leader that the core still believes in; everything else is dropped. So
//   records are neither skipped nor repeated, whatever moves meanwhile.
// - Positions carry the leader epoch of the last record fetched, so a leader whose log diverges
// from
//   what was read says so (truncation) instead of serving other records at the same offsets.
// - A partition whose buffered bytes have reached the limit is not fetched: memory is bounded.
// - At most one fetch per broker is in flight.
// - A replica that the leader has sent us to is read from until it fails, the lease ends or the
//   leader changes. Only the leader is believed that a position does not exist: a follower may be
//   behind.
// Sources: KIP-74, KIP-320, KIP-392, KIP-595 (diverging epoch), kafka fetch semantics.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "protocol/session/metadata_cache.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::consumer {

// A partition as the core knows it: dense numbers, in order of assignment.
using PartitionIndex = uint32_t;
using FetchId = uint64_t;

// Where to go on when the position does not exist (any more).
enum class ResetPolicy { kEarliest, kLatest, kNone };

struct FetcherOptions {
  int32_t max_bytes = 50 * 1024 * 1024;          // of one answer
  int32_t partition_max_bytes = 1024 * 1024;     // of one partition in it
  int64_t partition_buffer_bytes = 1024 * 1024;  // not fetched while so much is unread
  int32_t min_bytes = 1;
  Duration max_wait = milliseconds(500);
  ResetPolicy reset_policy = ResetPolicy::kLatest;
  Duration retry_backoff_initial = milliseconds(20);
  Duration retry_backoff_max = milliseconds(1000);
  // client.rack: a broker with a replica selector may send us to a replica there (KIP-392).
  std::string rack;
  // How long such advice is followed before the leader is asked again.
  Duration preferred_replica_lease = milliseconds(300000);
  // Beyond max_wait: an answer that takes longer makes us ask whether the leader has changed.
  Duration slow_answer = milliseconds(500);
};

struct FetchPartition {
  PartitionIndex partition = 0;
  int64_t offset = 0;
  int32_t current_leader_epoch = -1;
  int32_t last_fetched_epoch = -1;
  int32_t max_bytes = 0;
};

struct FetchPlan {
  FetchId id = 0;
  int32_t broker_id = -1;
  std::vector<FetchPartition> partitions;
};

// What an answer held for one partition.
struct FetchOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  int64_t high_watermark = -1;
  int64_t log_start_offset = -1;
  // The broker to read from instead; there are no records then.
  int32_t preferred_read_replica = -1;
  // Set by a leader whose log diverges from what was read: its end of `diverging_epoch`.
  int32_t diverging_epoch = -1;
  int64_t diverging_end_offset = -1;
  // Of the whole batches; -1 = there is none.
  int64_t next_offset = -1;
  int32_t last_batch_epoch = -1;
  int64_t records_bytes = 0;
  // The first batch did not fit and came cut off: how large it is.
  int64_t cut_batch_bytes = 0;
};

struct FetchEvent {
  enum class Kind {
    kReset,      // the position did not exist; reading goes on where the policy says
    kTruncated,  // the log was cut below the position (unclean election)
    kFailed,     // reading has ended; `status` says why
  };
  PartitionIndex partition = 0;
  Kind kind = Kind::kReset;
  int64_t offset = 0;  // the position until now
  absl::Status status;
};

class FetcherCore {
 public:
  FetcherCore(const FetcherOptions& options, uint64_t seed);

  PartitionIndex AddPartition();
  void RemovePartition(PartitionIndex partition);
  void SetLeader(PartitionIndex partition, kafka::PartitionLeader leader, MonotonicTime now);
  void SetPaused(PartitionIndex partition, bool paused) { At(partition).paused = paused; }
  // Starts or moves reading. What was in flight or buffered is void: the caller drops its buffers.
  void Seek(PartitionIndex partition, int64_t offset, int32_t leader_epoch = -1);
  // The application has taken buffered records.
  void Consumed(PartitionIndex partition, int64_t bytes);
  // A partition that must find its position: by the policy, or as the caller asked. nullopt = none.
  // Answer with Seek.
  struct PositionWanted {
    PartitionIndex partition;
    ResetPolicy where;
  };
  std::vector<PositionWanted> TakePositionsWanted();
  void Fail(PartitionIndex partition, absl::Status why);

  std::set<int32_t> BrokersWithWork(MonotonicTime now) const;
  std::optional<FetchPlan> Plan(int32_t broker_id, MonotonicTime now);
  // True when the records are to be kept (the caller buffers them under this partition).
  bool OnOutcome(FetchId fetch, PartitionIndex partition, const FetchOutcome& outcome,
                 MonotonicTime now);
  // The answer is complete, or will never come (`lost`).
  void OnAnswered(FetchId fetch, bool lost, MonotonicTime now);
  void Throttle(int32_t broker_id, MonotonicTime until);

  void Tick(MonotonicTime now);
  std::optional<MonotonicTime> NextWakeup(MonotonicTime now) const;
  std::vector<FetchEvent> TakeEvents();
  bool TakeRefreshRequest();

  int64_t fetch_position(PartitionIndex partition) const { return At(partition).offset; }
  // The highest that an answer told since the position was last reset; -1 before.
  int64_t high_watermark(PartitionIndex partition) const { return At(partition).high_watermark; }
  int64_t buffered_bytes(PartitionIndex partition) const { return At(partition).buffered_bytes; }
  bool failed(PartitionIndex partition) const { return At(partition).state == State::kFailed; }

 private:
  enum class State { kUnpositioned, kFetching, kFailed, kRemoved };
  struct Partition {
    State state = State::kUnpositioned;
    kafka::PartitionLeader leader;
    int64_t offset = -1;
    int32_t last_fetched_epoch = -1;
    FetchId in_flight = 0;
    bool paused = false;
    int64_t buffered_bytes = 0;
    int32_t max_bytes = 0;
    int64_t high_watermark = -1;
    int32_t preferred = -1;  // to read from until `preferred_until`, instead of the leader
    MonotonicTime preferred_until{};
    bool advice_is_new = false;  // not followed yet: it holds until it is, whatever the lease
    MonotonicTime paused_until{};
    int failures = 0;
  };
  struct Flight {
    int32_t broker_id;
    MonotonicTime ask_at;
  };

  const Partition& At(PartitionIndex index) const { return partitions_[index]; }
  Partition& At(PartitionIndex index) { return partitions_[index]; }
  static int32_t SourceOf(const Partition& partition, MonotonicTime now) {
    const bool follows_advice =
        partition.preferred >= 0 && (partition.advice_is_new || now < partition.preferred_until);
    return follows_advice ? partition.preferred : partition.leader.leader_id;
  }
  // `partition` was not read from its leader. False when that is not so: the answer counts.
  bool BackToLeader(Partition& partition, int32_t asked, const FetchOutcome& outcome,
                    MonotonicTime now);
  bool Fetchable(const Partition& partition, MonotonicTime now) const;
  bool BrokerFree(int32_t broker_id, MonotonicTime now) const;
  void Retry(Partition& partition, MonotonicTime now, bool refresh);
  void OnError(PartitionIndex index, const FetchOutcome& outcome, MonotonicTime now);
  void OnOutOfRange(PartitionIndex index, const FetchOutcome& outcome);
  void OnDiverging(PartitionIndex index, const FetchOutcome& outcome);

  const FetcherOptions options_;
  Random random_;
  std::vector<Partition> partitions_;
  std::map<FetchId, Flight> flights_;
  std::set<int32_t> busy_brokers_;
  std::map<int32_t, MonotonicTime> throttled_until_;
  FetchId next_fetch_ = 1;
  PartitionIndex cursor_ = 0;
  std::vector<PositionWanted> positions_wanted_;
  std::vector<FetchEvent> events_;
  bool refresh_wanted_ = false;
};

}  // namespace soliton::consumer
