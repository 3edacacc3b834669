// What a broker asks of the controller about leaders, replicas, brokers and the quorum on behalf of
// clients, and what it is answered. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/wire/error_code.h"
#include "runtime/base/uuid.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

struct PartitionSpec {
  std::string topic;
  int32_t partition = 0;
};

struct ElectionSpec {
  int8_t type = 0;  // Kafka's: 0 preferred, 1 unclean
  // Unset: all of the cluster; answered are only those that need an election.
  std::optional<std::vector<PartitionSpec>> partitions;
};

struct ReassignmentSpec {
  std::string topic;
  int32_t partition = 0;
  std::optional<std::vector<int32_t>> replicas;  // unset: back to what it was
};

struct PartitionResult {
  std::string topic;
  int32_t partition = 0;
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string error_message;
};

// Of a request that is answered as a whole.
struct WholeResult {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string error_message;
};

// One voter of the metadata quorum comes or goes (KIP-853).
struct VoterChange {
  bool add = false;
  int32_t node_id = -1;
  Uuid directory_id;
  Endpoint endpoint;  // of one that comes: where others reach it
  // Answered when the leader has written it down, committed or not.
  bool without_commit = false;
};

// The metadata quorum as its leader sees it. Times are the leader's wall clock; -1: unknown.
struct QuorumDescription {
  struct Replica {
    int32_t node_id = -1;
    Uuid directory_id;
    int64_t log_end_offset = -1;
    int64_t last_fetch_ms = -1;
    int64_t last_caught_up_ms = -1;
  };
  struct Node {
    int32_t node_id = -1;
    Endpoint endpoint;
  };
  int32_t leader_id = -1;
  int32_t leader_epoch = -1;
  int64_t high_watermark = -1;
  std::vector<Replica> voters;
  std::vector<Replica> observers;  // controllers and brokers that are no voters
  std::vector<Node> nodes;         // where controllers are reached
};

}  // namespace soliton::controller
