// What the parts of the controller's brain share: options, what one request leads to, and the
// context that a pure core must be told. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "controller/core/partition_change.h"
#include "controller/metadata/control.pb.h"
#include "controller/metadata/convert.h"
#include "controller/metadata/metadata_records.pb.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/uuid.h"
#include "runtime/loop/clock.h"

namespace soliton::controller {

struct CoreOptions {
  int32_t node_id = -1;
  Duration broker_session_timeout = milliseconds(9000);
  Duration broker_silence_timeout = milliseconds(300);  // then it is asked directly
  int32_t default_partitions = 1;
  int32_t default_replication_factor = 1;
  int32_t default_min_insync_replicas = 1;
  bool unclean_leader_election_enable = false;
  int32_t max_partitions_per_request = 10000;
  // BalanceLeaders moves leaderships back to brokers that lack more than this share of those they
  // are preferred for.
  int32_t leader_imbalance_percentage = 10;
};

// Names a control connection within one controller process. 0 is none.
using ConnectionId = uint64_t;

struct RequestContext {
  MonotonicTime now;
  int64_t next_offset = 0;  // where the first record of the result will be appended
  ConnectionId connection = 0;
};

// For the log: one per partition whose leader changed.
struct LeaderChange {
  std::string topic;
  int32_t partition = 0;
  int32_t old_leader = -1;
  int32_t new_leader = -1;
  int32_t leader_epoch = -1;
  ElectionKind election = ElectionKind::kNone;
};

// For the log: one per partition whose replicas move.
struct ReplicaMove {
  std::string topic;
  int32_t partition = 0;
  std::vector<int32_t> before;
  std::vector<int32_t> now;
  std::vector<int32_t> adding;  // both empty: complete, or taken back
  std::vector<int32_t> removing;
};

// What one request or tick leads to. The records are one atomic batch; the response may be sent
// once they, and everything appended before them, are committed.
struct ControllerResult {
  std::vector<pb::MetadataRecord> records;
  pb::ControlResponse response;
  std::vector<LeaderChange> leader_changes;
  std::vector<ReplicaMove> replica_moves;
  std::string cause;  // of the leader changes, for the log
};

// A request that is refused as a whole: nothing is written down.
inline ControllerResult Refusal(kafka::ErrorCode error, std::string message) {
  ControllerResult result;
  result.response.set_error(ToPb(error));
  result.response.set_error_message(std::move(message));
  return result;
}

// A broker incarnation as the controller knows it.
struct BrokerIncarnation {
  int32_t broker_id = -1;
  int64_t broker_epoch = -1;
  friend auto operator<=>(const BrokerIncarnation&, const BrokerIncarnation&) = default;
};

// How far a broker follows the metadata, as it said last.
struct BrokerProgress {
  int32_t broker_id = -1;
  Uuid directory_id;
  int64_t applied_offset = -1;
  MonotonicTime last_contact;
};

}  // namespace soliton::controller
