#include "config/topic_config.h"

#include <gtest/gtest.h>

#include "config/load_config.h"

namespace soliton::config {
namespace {

std::string Verdict(std::string_view name, std::string_view value) {
  return std::string(ValidateTopicConfig(name, value).message());
}

TEST(TopicConfig, Good) {
  const std::pair<const char*, const char*> kGood[] = {
      {"retention.ms", "-1"},
      {"retention.ms", "604800000"},
      {"retention.bytes", "-1"},
      {"segment.bytes", "1048576"},
      {"cleanup.policy", "delete"},
      {"cleanup.policy", "compact, delete"},
      {"min.insync.replicas", "2"},
      {"message.timestamp.type", "LogAppendTime"},
      {"unclean.leader.election.enable", "TRUE"},
      {"compression.type", "zstd"},
      {"min.cleanable.dirty.ratio", "0.01"},
      {"leader.replication.throttled.replicas", "0:1,1:2"},
      {"remote.storage.enable", "false"},
      {"message.timestamp.before.max.ms", "9223372036854775807"},
  };
  for (const auto& [name, value] : kGood) {
    EXPECT_TRUE(ValidateTopicConfig(name, value).ok())
        << name << "=" << value << ": " << Verdict(name, value);
  }
}

TEST(TopicConfig, BadOnesGetKafkasTexts) {
  struct Case {
    const char *name, *value, *message;
  };
  const Case kCases[] = {
      {"retention.sm", "1", "Unknown topic config name: retention.sm"},
      {"log.retention.ms", "1", "Unknown topic config name: log.retention.ms"},
      {"retention.ms", "abc",
       "Invalid value abc for configuration retention.ms: Not a number of type LONG"},
      {"retention.ms", "7d",
       "Invalid value 7d for configuration retention.ms: Not a number of type LONG"},
      {"retention.ms", "-2",
       "Invalid value -2 for configuration retention.ms: Value must be at least -1"},
      {"segment.bytes", "3000000000",
       "Invalid value 3000000000 for configuration segment.bytes: Not a number of type INT"},
      {"segment.bytes", "14",
       "Invalid value 14 for configuration segment.bytes: Value must be at least 1048576"},
      {"min.insync.replicas", "0",
       "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"},
      {"min.insync.replicas", "",
       "Invalid value  for configuration min.insync.replicas: Not a number of type INT"},
      {"cleanup.policy", "delete,shrink",
       "Invalid value shrink for configuration cleanup.policy: String must be one of: delete, "
       "compact"},
      {"message.timestamp.type", "createtime",
       "Invalid value createtime for configuration message.timestamp.type: String must be one of: "
       "CreateTime, LogAppendTime"},
      {"preallocate", "yes",
       "Invalid value yes for configuration preallocate: Expected value to be either true or "
       "false"},
      {"min.cleanable.dirty.ratio", "1.5",
       "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than "
       "1"},
      {"remote.storage.enable", "true",
       "Invalid value true for configuration remote.storage.enable: tiered storage is not "
       "available"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Verdict(c.name, c.value), c.message);
}

TEST(TopicConfig, LagsMustNotCross) {
  const absl::Status status =
      ValidateTopicConfigs({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}});
  EXPECT_EQ(std::string(status.message()),
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)");
  EXPECT_TRUE(
      ValidateTopicConfigs({{"min.compaction.lag.ms", "5"}, {"max.compaction.lag.ms", "5"}}).ok());
}

TEST(TopicConfig, OverridesReplaceDefaults) {
  TopicSettings defaults;
  defaults.retention_ms = 77;
  const TopicSettings settings =
      EffectiveTopicSettings({{"segment.bytes", "2000000"},
                              {"cleanup.policy", "compact"},
                              {"message.timestamp.type", "LogAppendTime"},
                              {"min.insync.replicas", "2"},
                              {"unclean.leader.election.enable", "true"},
                              {"retention.bytes", "nonsense"},
                              {"from.the.future", "1"}},
                             defaults);
  TopicSettings expected = defaults;
  expected.segment_bytes = 2000000;
  expected.cleanup_policy_delete = false;
  expected.cleanup_policy_compact = true;
  expected.message_timestamp_type_log_append = true;
  expected.min_insync_replicas = 2;
  expected.unclean_leader_election_enable = true;
  EXPECT_EQ(settings, expected);
  EXPECT_EQ(EffectiveTopicSettings({}, defaults), defaults);
}

TEST(TopicConfig, StructDefaultsAreTheTables) {
  std::map<std::string, std::string> all;
  for (const Setting& row : TopicSettingRows()) {
    if (row.stage == Stage::kSupported) all.emplace(row.name, row.default_value);
  }
  TopicSettings other;  // every field differs from its default
  other.cleanup_policy_delete = false;
  other.retention_ms = other.retention_bytes = other.segment_ms = 1;
  other.segment_bytes = other.segment_index_bytes = other.index_interval_bytes = 1;
  other.max_message_bytes = 1;
  other.min_insync_replicas = 9;
  other.unclean_leader_election_enable = other.message_timestamp_type_log_append = true;
  other.message_timestamp_before_max_ms = other.message_timestamp_after_max_ms = 1;
  EXPECT_EQ(EffectiveTopicSettings(all, other), TopicSettings());
}

TEST(TopicConfig, DefaultsComeFromTheBrokersSettings) {
  Diagnostics diagnostics;
  const Config config = LoadConfig(kNodeScopes,
                                   {.file_name = "b.toml",
                                    .file_text = "log.retention.hours = 1\nlog.segment.bytes = "
                                                 "\"2MiB\"\nmessage.max.bytes = 5000\n"
                                                 "min.insync.replicas = 2\nlog.cleanup.policy = "
                                                 "[\"delete\", \"compact\"]\n"},
                                   diagnostics);
  EXPECT_EQ(diagnostics.Render(), "");
  TopicSettings expected;
  expected.retention_ms = 3600000;
  expected.segment_bytes = 2 << 20;
  expected.max_message_bytes = 5000;
  expected.min_insync_replicas = 2;
  expected.cleanup_policy_compact = true;
  EXPECT_EQ(TopicDefaultsFrom(config), expected);
}

TEST(TopicConfig, DynamicSettingsOfBrokersAreDefaults) {
  TopicSettings defaults;
  ApplyBrokerConfigs({{"log.retention.ms", "5"},
                      {"message.max.bytes", "6"},
                      {"log.cleanup.policy", ""},
                      {"log.segment.bytes", "1"},  // out of range: as if not given
                      {"num.partitions", "7"}},
                     defaults);
  TopicSettings expected;
  expected.retention_ms = 5;
  expected.max_message_bytes = 6;
  expected.cleanup_policy_delete = false;
  EXPECT_EQ(defaults, expected);
  EXPECT_EQ(TopicSettingText(defaults, "cleanup.policy"), "");
  EXPECT_EQ(EffectiveTopicSettings({{"cleanup.policy", "delete"}}, defaults).cleanup_policy_delete,
            true);
  EXPECT_EQ(EffectiveTopicSettings({{"cleanup.policy", ""}}, TopicSettings()).cleanup_policy_delete,
            false);
}

}  // namespace
}  // namespace soliton::config
