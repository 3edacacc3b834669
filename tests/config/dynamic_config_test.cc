#include "config/dynamic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/describe_config.h"
#include "config/load_config.h"

namespace soliton::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Settings = std::map<std::string, std::string>;

TEST(DynamicConfig, TheDefaultsOfTopicSettingsAreDynamic) {
  for (const Setting& row : TopicSettingRows()) {
    if (row.broker_name.empty()) continue;
    const Setting* broker_row = FindSetting(row.broker_name, kBrokerScope);
    ASSERT_NE(broker_row, nullptr) << row.broker_name;
    EXPECT_TRUE(IsDynamicBrokerSetting(*broker_row)) << row.broker_name;
    EXPECT_TRUE(ValidateBrokerConfig(row.broker_name, row.default_value).ok()) << row.broker_name;
  }
  for (const char* name : {"node.id", "log.dirs", "num.partitions", "listeners", "durability"}) {
    EXPECT_FALSE(ValidateBrokerConfig(name, "1").ok()) << name;
  }
}

TEST(DynamicConfig, RatesOfThrottledReplication) {
  for (const char* name :
       {"leader.replication.throttled.rate", "follower.replication.throttled.rate"}) {
    EXPECT_TRUE(ValidateBrokerConfig(name, "1000000").ok()) << name;
    EXPECT_FALSE(ValidateBrokerConfig(name, "0").ok()) << name;
    EXPECT_FALSE(ValidateBrokerConfig(name, "fast").ok()) << name;
  }
}

TEST(DynamicConfig, Lists) {
  EXPECT_EQ(ListDefault("cleanup.policy", kTopicScope), "delete");
  EXPECT_EQ(ListDefault("log.cleanup.policy", kBrokerScope), "delete");
  EXPECT_EQ(ListDefault("leader.replication.throttled.replicas", kTopicScope), "");
  EXPECT_EQ(ListDefault("retention.ms", kTopicScope), std::nullopt);
  EXPECT_EQ(ListDefault("nobody.knows", kTopicScope), std::nullopt);
}

class DescribeConfig : public ::testing::Test {
 protected:
  static DescribedSetting Of(const std::vector<DescribedSetting>& all, std::string_view name) {
    for (const DescribedSetting& one : all) {
      if (one.setting->name == name) return one;
    }
    ADD_FAILURE() << name;
    return {};
  }
  Settings broker_;
  Settings all_brokers_;
  BrokerLayers layers_{broker_, all_brokers_, nullptr, {}};
};

TEST_F(DescribeConfig, EveryTopicSettingIsThereOnceInOrder) {
  const std::vector<DescribedSetting> all = DescribeTopic({}, layers_);
  EXPECT_EQ(all.size(), TopicSettingRows().size());
  for (size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].setting->name, all[i].setting->name);
  for (const DescribedSetting& one : all) {
    EXPECT_EQ(one.value, std::string(one.setting->default_value)) << one.setting->name;
    EXPECT_EQ(one.source, ConfigSource::kDefault);
    EXPECT_FALSE(one.read_only);
    EXPECT_NE(one.KafkaType(), 0);
    EXPECT_NE(one.Documentation(), "");
  }
}

TEST_F(DescribeConfig, TheNearestLayerCounts) {
  Diagnostics diagnostics;
  const Config given = LoadConfig(
      kNodeScopes, {.file_name = "b.toml", .file_text = "log.retention.hours = 1\n"}, diagnostics);
  layers_.given = &given;
  layers_.topic_defaults = TopicDefaultsFrom(given);
  const auto retention = [&](const Settings& overrides) {
    return Of(DescribeTopic(overrides, layers_), "retention.ms");
  };
  EXPECT_EQ(retention({}).source, ConfigSource::kStatic);
  EXPECT_EQ(retention({}).value, "3600000");
  all_brokers_["log.retention.ms"] = "33";
  EXPECT_EQ(retention({}).source, ConfigSource::kAllBrokers);
  broker_["log.retention.ms"] = "22";
  EXPECT_EQ(retention({}).source, ConfigSource::kBroker);
  const DescribedSetting topic = retention({{"retention.ms", "11"}});
  EXPECT_EQ(topic.value, "11");
  EXPECT_EQ(topic.source, ConfigSource::kTopic);
  EXPECT_THAT(topic.synonyms,
              ElementsAre(SettingSynonym{"retention.ms", "11", ConfigSource::kTopic},
                          SettingSynonym{"log.retention.ms", "22", ConfigSource::kBroker},
                          SettingSynonym{"log.retention.ms", "33", ConfigSource::kAllBrokers},
                          SettingSynonym{"log.retention.ms", "3600000", ConfigSource::kStatic},
                          SettingSynonym{"log.retention.ms", "604800000", ConfigSource::kDefault}));
  const DescribedSetting broker = Of(DescribeBroker(layers_), "log.retention.ms");
  EXPECT_EQ(broker.value, "22");
  EXPECT_FALSE(broker.read_only);
  EXPECT_EQ(broker.synonyms.size(), 4u);
}

TEST_F(DescribeConfig, BrokerSettings) {
  Diagnostics diagnostics;
  const Config given = LoadConfig(
      kNodeScopes,
      {.file_name = "b.toml", .file_text = "node.id = 7\nssl.keystore.password = \"secret\"\n"},
      diagnostics);
  layers_.given = &given;
  const std::vector<DescribedSetting> all = DescribeBroker(layers_);
  EXPECT_EQ(Of(all, "node.id").value, "7");
  EXPECT_EQ(Of(all, "node.id").source, ConfigSource::kStatic);
  EXPECT_TRUE(Of(all, "node.id").read_only);
  EXPECT_EQ(Of(all, "node.id").KafkaType(), 3);
  EXPECT_EQ(Of(all, "num.partitions").source, ConfigSource::kDefault);
  EXPECT_EQ(Of(all, "broker.rack").value, std::nullopt);
  const DescribedSetting secret = Of(all, "ssl.keystore.password");
  EXPECT_EQ(secret.value, std::nullopt);
  for (const SettingSynonym& synonym : secret.synonyms) EXPECT_EQ(synonym.value, "");
  EXPECT_THAT(Of(all, "num.io.threads").Documentation(), HasSubstr("No effect here"));
}

TEST_F(DescribeConfig, AllBrokersListsOnlyWhatIsSet) {
  EXPECT_TRUE(DescribeAllBrokers({}).empty());
  const auto set = DescribeAllBrokers({{"log.retention.ms", "5"}, {"from.the.future", "1"}});
  ASSERT_EQ(set.size(), 1u);
  EXPECT_EQ(set[0].value, "5");
  EXPECT_EQ(set[0].source, ConfigSource::kAllBrokers);
}

}  // namespace
}  // namespace soliton::config
