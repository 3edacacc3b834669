// Finds offsets by ListOffsets: first, end, or by time. Asks each partition's leader, for many
// partitions in one request, and tries again while leaders move. Used for start positions, for
// "read to the end", and by the admin commands.
//
// Owned by one shard; callbacks run there, never inside a call. Destroying it drops them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "consumer/record_set.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/session/cluster_client.h"

namespace soliton::consumer {

// The special timestamps of ListOffsets.
inline constexpr int64_t kLatestTimestamp = -1;
inline constexpr int64_t kEarliestTimestamp = -2;

struct FoundOffset {
  int64_t offset = -1;  // -1: no record with this timestamp or a later one
  int64_t timestamp_ms = -1;
  int32_t leader_epoch = -1;
};

class OffsetLookup {
 public:
  using Callback = absl::AnyInvocable<void(const absl::StatusOr<FoundOffset>&)>;

  OffsetLookup(kafka::ClusterClient& cluster, bool read_committed);
  ~OffsetLookup();
  OffsetLookup(const OffsetLookup&) = delete;
  OffsetLookup& operator=(const OffsetLookup&) = delete;

  // `done` runs with the offset, or kNotFound (no such topic or partition), kPermissionDenied,
  // kDeadlineExceeded (the last error is in the message).
  void Find(const TopicPartition& where, int64_t timestamp_ms, Duration timeout, Callback done);

 private:
  struct Query {
    TopicPartition where;
    int64_t timestamp_ms;
    MonotonicTime deadline;
    Callback done;
    bool in_flight = false;
    MonotonicTime paused_until{};
    int failures = 0;
    std::string last_error;
  };
  using QueryId = uint64_t;

  void SchedulePump();
  void Pump();
  void ExpireQueries(MonotonicTime now);
  void Ask(int32_t broker_id, const std::vector<QueryId>& ids);
  void OnResponse(const std::vector<QueryId>& ids,
                  absl::StatusOr<kafka::ListOffsetsResponse> response);
  void OnPartition(QueryId id,
                   const kafka::ListOffsetsResponse::ListOffsetsPartitionResponse& answer);
  void Retry(QueryId id, std::string why, bool refresh);
  void End(QueryId id, const absl::StatusOr<FoundOffset>& result);
  void ArmTimer(MonotonicTime now);

  kafka::ClusterClient& cluster_;
  const bool read_committed_;
  std::map<QueryId, Query> queries_;
  QueryId next_query_ = 1;
  bool pump_scheduled_ = false;
  TimerId timer_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace soliton::consumer
