#include "broker/partition/log_settings.h"

namespace soliton::broker {

segment::LogOptions ToLogOptions(const config::TopicSettings& settings) {
  segment::LogOptions options;
  options.segment_bytes = settings.segment_bytes;
  options.segment_ms = settings.segment_ms;
  options.index_interval_bytes = settings.index_interval_bytes;
  options.max_index_bytes = settings.segment_index_bytes;
  options.validation.max_message_bytes = settings.max_message_bytes;
  options.validation.timestamp_before_max_ms = settings.message_timestamp_before_max_ms;
  options.validation.timestamp_after_max_ms = settings.message_timestamp_after_max_ms;
  options.validation.timestamp_type = settings.message_timestamp_type_log_append
                                          ? kafka::TimestampType::kLogAppendTime
                                          : kafka::TimestampType::kCreateTime;
  options.validation.compacted = settings.cleanup_policy_compact;
  return options;
}

}  // namespace soliton::broker
