// What each error code of a Produce answer means to a producer. Pure.
// Sources: Kafka protocol errors; KIP-360 (sequence errors), KAFKA-4.x Produce handling.
#pragma once

#include "protocol/wire/error_code.h"

namespace soliton::producer {

enum class Verdict {
  kSuccess,
  // Already in the log, but the broker no longer knows where.
  kDuplicate,
  // Try again after a pause; the leader is right.
  kRetry,
  // Try again after learning who leads now.
  kRetryElsewhere,
  // The broker expects another sequence number.
  kOutOfSequence,
  // The broker knows a newer epoch of this producer id, or does not accept the id.
  kStaleProducer,
  // These records will never be accepted.
  kReject,
};

struct ProduceVerdict {
  Verdict verdict = Verdict::kReject;
  // The broker is known not to have appended the batch because of this request. False when it may
  // have: for instance NOT_LEADER_OR_FOLLOWER is also what a leader answers that appended and lost
  // its leadership while waiting for replicas.
  bool not_appended = false;
};

ProduceVerdict Judge(kafka::ErrorCode error);

}  // namespace soliton::producer
