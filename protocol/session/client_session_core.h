// One client connection's conversation, without the connection: which requests wait for the version
// handshake, which are in flight, what the next answer must be, and when patience ends. Pure; one
// owner.
//
// Invariants:
// - Requests leave in the order submitted, and each leaves at most once.
// - Answers come in the order sent (Kafka's rule), so an answer that is not the oldest request's is
//   a broken peer: the connection must be closed.
// - A request whose deadline passes while in flight condemns the connection: its answer could still
//   arrive and would be taken for the next one's, and whether it was executed is unknown.
// - After Close() nothing is accepted.
// Sources: Kafka protocol guide (correlation), KIP-511 (ApiVersions fallback).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/session/api_version_table.h"
#include "protocol/wire/error_code.h"
#include "runtime/loop/clock.h"

namespace soliton::kafka {

// Names one submitted request within its session; 0 is never issued.
using RequestToken = uint64_t;

class ClientSessionCore {
 public:
  // The newest ApiVersions version that we ask with.
  explicit ClientSessionCore(int16_t handshake_max_version);

  enum class State { kConnecting, kHandshaking, kReady, kClosed };
  State state() const { return state_; }

  struct Outgoing {
    RequestToken token = 0;
    int32_t correlation_id = 0;
    int16_t version = 0;
  };
  // What OnAnswer found.
  struct Answered {
    bool is_handshake = false;
    RequestToken token = 0;
    int16_t version = 0;
  };
  enum class Handshake { kReady, kAskAgain };

  // Queues a request. `expects_answer` is false only for Produce with acks=0.
  RequestToken Submit(int16_t api_key, VersionRange ours, MonotonicTime deadline,
                      bool expects_answer);

  // The connection stands: returns the handshake request to send (token 0).
  Outgoing OnConnected();

  // The next request to put on the wire, or nullopt. kUnimplemented: the peer has no version of it;
  // the failed token is in `rejected`.
  absl::StatusOr<std::optional<Outgoing>> NextToSend(RequestToken* rejected);

  // An answer with this correlation id arrived. kDataLoss when it is not the one that is due.
  absl::StatusOr<Answered> OnAnswer(int32_t correlation_id);

  // The handshake's answer. kAskAgain: send what RepeatHandshake() returns. An error means that the
  // peer cannot be talked to.
  absl::StatusOr<Handshake> OnApiVersions(ErrorCode error, ApiVersionTable table);
  Outgoing RepeatHandshake();

  // The earliest deadline of all that waits or is in flight.
  std::optional<MonotonicTime> NextDeadline() const;
  struct Expired {
    std::vector<RequestToken> unsent;  // removed: they never left
    bool must_close = false;           // something in flight is overdue
  };
  Expired Expire(MonotonicTime now);

  // Ends the session; returns every request that has not been answered, oldest first.
  std::vector<RequestToken> Close();

  const ApiVersionTable& peer_versions() const { return peer_versions_; }
  size_t in_flight() const { return in_flight_.size(); }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    RequestToken token;
    int16_t api_key;
    VersionRange ours;
    MonotonicTime deadline;
    bool expects_answer;
  };
  struct InFlight {
    RequestToken token;  // 0 = the handshake
    int32_t correlation_id;
    int16_t version;
    std::optional<MonotonicTime> deadline;
  };

  int32_t TakeCorrelationId();

  State state_ = State::kConnecting;
  ApiVersionTable peer_versions_;
  int16_t handshake_version_;
  RequestToken next_token_ = 1;
  int32_t next_correlation_id_ = 1;
  std::deque<Waiting> waiting_;
  std::deque<InFlight> in_flight_;
};

}  // namespace soliton::kafka
