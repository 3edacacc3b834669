#include "producer/produce_verdict.h"

namespace soliton::producer {

using kafka::ErrorCode;

ProduceVerdict Judge(ErrorCode error) {
  switch (error) {
    case ErrorCode::NONE:
      return {Verdict::kSuccess, false};
    case ErrorCode::DUPLICATE_SEQUENCE_NUMBER:
      return {Verdict::kDuplicate, false};

    case ErrorCode::NOT_ENOUGH_REPLICAS:
    case ErrorCode::CORRUPT_MESSAGE:
    case ErrorCode::THROTTLING_QUOTA_EXCEEDED:
      return {Verdict::kRetry, true};
    case ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode::REQUEST_TIMED_OUT:
      return {Verdict::kRetry, false};

    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode::UNKNOWN_TOPIC_ID:
    case ErrorCode::INCONSISTENT_TOPIC_ID:
    case ErrorCode::LEADER_NOT_AVAILABLE:
      return {Verdict::kRetryElsewhere, true};
    case ErrorCode::NOT_LEADER_OR_FOLLOWER:
    case ErrorCode::FENCED_LEADER_EPOCH:
    case ErrorCode::UNKNOWN_LEADER_EPOCH:
    case ErrorCode::KAFKA_STORAGE_ERROR:
    case ErrorCode::NETWORK_EXCEPTION:
    case ErrorCode::BROKER_NOT_AVAILABLE:
    case ErrorCode::REPLICA_NOT_AVAILABLE:
      return {Verdict::kRetryElsewhere, false};

    case ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER:
    case ErrorCode::UNKNOWN_PRODUCER_ID:
      return {Verdict::kOutOfSequence, true};
    case ErrorCode::INVALID_PRODUCER_EPOCH:
    case ErrorCode::INVALID_PRODUCER_ID_MAPPING:
    case ErrorCode::PRODUCER_FENCED:
      return {Verdict::kStaleProducer, true};

    case ErrorCode::UNKNOWN_SERVER_ERROR:
      return {Verdict::kReject, false};
    default:
      // Codes of the future that call themselves retriable are; all else is a verdict on the batch.
      if (kafka::IsRetriable(error)) return {Verdict::kRetryElsewhere, false};
      return {Verdict::kReject, true};
  }
}

}  // namespace soliton::producer
