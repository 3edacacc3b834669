// Plain settings of one log. Names mirror Kafka's topic settings (segment.bytes -> segment_bytes);
// config/ maps.
#pragma once

#include <cstdint>
#include <limits>

#include "segment/state/batch_validator_core.h"

namespace soliton::segment {

struct LogOptions {
  int64_t segment_bytes = 1 << 30;
  int64_t segment_ms = 7 * 24 * 3600 * int64_t{1000};
  int64_t index_interval_bytes = 4096;
  int64_t max_index_bytes = 10 << 20;  // segment.index.bytes: a full index rolls the segment
  // Bytes after which the active segment's indexes and the producers are written down again
  // (segment_checkpoint.h): what recovery has to read at least sometimes. Grows with the segment.
  int64_t checkpoint_step_bytes = 8 << 20;
  int64_t producer_id_expiration_ms = 24 * 3600 * int64_t{1000};
  BatchValidationOptions validation;  // max.message.bytes, timestamp rules, compaction
};

}  // namespace soliton::segment
