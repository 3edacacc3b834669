// What voters say to each other. The shell turns these into frames and adds the records that an
// AppendRequest or SnapshotRequest names. Messages may be lost, delayed, repeated and reordered.
#pragma once

#include <compare>
#include <cstdint>
#include <variant>

#include "controller/quorum/voter_set.h"

namespace soliton::controller {

// Where a log ends, or a place in it: the offset of the next record, and the epoch of the one
// before (-1: there is none). Of two logs the one whose end is larger is more up to date (Raft
// section 5.4.1).
struct LogPosition {
  int32_t epoch = -1;
  int64_t offset = 0;
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

struct VoteRequest {
  // Asks what the answer would be, and changes nothing (KIP-996). The message's epoch is the one
  // that would be stood for.
  bool pre_vote = false;
  // The leader itself asked for this election: it does not count as alive.
  bool transfer = false;
  LogPosition log_end;
};
struct VoteAnswer {
  bool pre_vote = false;
  bool granted = false;
};

// The records [after.offset, end_offset) follow. None: a heartbeat, or a question where the logs
// part ways.
struct AppendRequest {
  LogPosition after;
  int64_t end_offset = 0;
  int64_t committed_end = 0;
};
struct AppendAnswer {
  bool is_answer = true;  // false: a report that more was flushed
  // Whether the log before `after` was the same. If so, everything up to flushed_end is the
  // leader's, and durable here. If not, the logs agree at `hint` at most.
  bool matched = false;
  int64_t after_offset = 0;  // of the request
  int64_t verified_end = 0;  // up to here the log is the leader's, durable or not
  int64_t flushed_end = 0;
  LogPosition hint;
};

// All records before `end` are replaced by a snapshot of the state there.
struct SnapshotRequest {
  LogPosition end;
};

// The leader leaves: stand for election now.
struct TransferNow {};

struct QuorumMessage {
  Voter from;
  Voter to;
  int32_t epoch = 0;
  std::variant<VoteRequest, VoteAnswer, AppendRequest, AppendAnswer, SnapshotRequest, TransferNow>
      body;
};

}  // namespace soliton::controller
