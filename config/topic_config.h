// Settings of topics: checking one, and what holds for a topic given its overrides and the broker's
// defaults. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "config/config.h"

namespace soliton::config {

// The supported topic settings as plain values, named like the settings.
struct TopicSettings {
  bool cleanup_policy_delete = true;
  bool cleanup_policy_compact = false;
  int64_t retention_ms = 604800000;  // -1 = for ever
  int64_t retention_bytes = -1;      // -1 = no limit
  int32_t segment_bytes = 1 << 30;
  int64_t segment_ms = 604800000;
  int32_t segment_index_bytes = 10 << 20;
  int32_t index_interval_bytes = 4096;
  int32_t max_message_bytes = 1048588;
  int32_t min_insync_replicas = 1;
  bool unclean_leader_election_enable = false;
  bool message_timestamp_type_log_append = false;
  int64_t message_timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
  int64_t message_timestamp_after_max_ms = 3600000;

  friend bool operator==(const TopicSettings&, const TopicSettings&) = default;
};

// OK, or kInvalidArgument with the text that a Kafka client gets with INVALID_CONFIG.
absl::Status ValidateTopicConfig(std::string_view name, std::string_view value);
// The same for a whole set, in name order; the first error.
absl::Status ValidateTopicConfigs(const std::map<std::string, std::string>& configs);

// What single settings cannot say: those that contradict each other.
absl::Status CheckTopicConflicts(const std::map<std::string, std::string>& configs);

// `overrides` were validated before; what is not valid is ignored (records of a newer version).
TopicSettings EffectiveTopicSettings(const std::map<std::string, std::string>& overrides,
                                     const TopicSettings& defaults);

// From the broker settings that the rows name (log.retention.ms, ...).
TopicSettings TopicDefaultsFrom(const Config& broker_config);

// Dynamic settings of brokers (log.retention.ms, ...) over the defaults so far; those that are no
// topic's default, or not valid, change nothing.
void ApplyBrokerConfigs(const std::map<std::string, std::string>& configs, TopicSettings& defaults);

// Kafka's text of the setting's value; nullopt for settings that TopicSettings does not carry.
std::optional<std::string> TopicSettingText(const TopicSettings& settings, std::string_view name);

}  // namespace soliton::config
