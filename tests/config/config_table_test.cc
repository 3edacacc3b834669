// Properties that every row of the table must have.
#include "config/config_table.h"

#include <gtest/gtest.h>

#include <set>

#include "config/value_check.h"

namespace soliton::config {
namespace {

constexpr uint8_t kAll = kNodeScopes | kTopicScope | kClientScopes;

TEST(ConfigTable, EveryRowIsComplete) {
  for (const Setting* row : SettingsOf(kAll)) {
    SCOPED_TRACE(std::string(row->name));
    EXPECT_FALSE(row->name.empty());
    EXPECT_FALSE(row->doc.empty());
    EXPECT_TRUE(row->doc.ends_with('.')) << row->doc;
    EXPECT_NE(row->scopes, 0);
    EXPECT_LE(row->least, row->most);
    EXPECT_EQ(row->stage == Stage::kSupported, row->note.empty());
    const bool has_words = row->type == Type::kEnum || row->type == Type::kEnumList;
    EXPECT_EQ(has_words, !row->allowed.empty());
  }
}

TEST(ConfigTable, EveryDefaultIsValid) {
  for (const Setting* row : SettingsOf(kAll)) {
    if (!row->has_default()) continue;
    const absl::StatusOr<Value> value = CheckText(*row, row->default_value);
    EXPECT_TRUE(value.ok()) << row->name << ": " << value.status();
    // Written as Kafka writes it, so that DescribeConfigs may send it as it is.
    if (value.ok()) EXPECT_EQ(ValueText(*value), row->default_value) << row->name;
  }
}

TEST(ConfigTable, NamesAreUniqueInEachScope) {
  for (uint8_t scopes : {uint8_t{kNodeScopes}, uint8_t{kTopicScope}, uint8_t{kProducerScope},
                         uint8_t{kConsumerScope}}) {
    std::set<std::string_view> seen;
    for (const Setting* row : SettingsOf(scopes)) {
      EXPECT_TRUE(seen.insert(row->name).second) << row->name;
    }
  }
}

TEST(ConfigTable, NamesAreKafkasAlphabet) {
  for (const Setting* row : SettingsOf(kAll)) {
    for (char c : row->name) {
      EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '*') << row->name;
    }
  }
}

TEST(ConfigTable, TopicRowsNameTheirBrokerSettingAndShareItsDefault) {
  for (const Setting& row : TopicSettingRows()) {
    if (row.stage != Stage::kSupported) continue;
    // Names partitions of its own topic.
    if (row.name.ends_with(".replication.throttled.replicas")) continue;
    const Setting* broker = FindSetting(row.broker_name, kBrokerScope);
    ASSERT_NE(broker, nullptr) << row.name;
    EXPECT_EQ(broker->default_value, row.default_value) << row.name;
    EXPECT_EQ(broker->type, row.type) << row.name;
    EXPECT_EQ(broker->unit, row.unit) << row.name;
    EXPECT_EQ(broker->allowed, row.allowed) << row.name;
  }
}

TEST(ConfigTable, SpellingsHaveATargetWithADefaultOrNone) {
  for (const Setting* row : SettingsOf(kNodeScopes)) {
    if (row->spelling_of.empty()) continue;
    const Setting* target = FindSetting(row->spelling_of, row->scopes);
    ASSERT_NE(target, nullptr) << row->name;
    EXPECT_TRUE(target->spelling_of.empty()) << row->name;
    EXPECT_FALSE(row->has_default()) << row->name << ": only the target may have a default";
  }
}

TEST(ConfigTable, KafkasDefaults) {
  const std::pair<std::string_view, std::string_view> kExpected[] = {
      {"num.partitions", "1"},
      {"auto.create.topics.enable", "true"},
      {"replica.lag.time.max.ms", "30000"},
      {"replica.fetch.max.bytes", "1048576"},
      {"replica.fetch.wait.max.ms", "500"},
      {"broker.session.timeout.ms", "9000"},
      {"socket.request.max.bytes", "104857600"},
      {"fetch.max.bytes", "57671680"},
      {"message.max.bytes", "1048588"},
      {"log.segment.bytes", "1073741824"},
      {"log.retention.ms", "604800000"},
      {"log.retention.check.interval.ms", "300000"},
      {"log.message.timestamp.after.max.ms", "3600000"},
  };
  for (const auto& [name, value] : kExpected) {
    const Setting* row = FindSetting(name, kNodeScopes);
    ASSERT_NE(row, nullptr) << name;
    EXPECT_EQ(row->default_value, value) << name;
  }
}

TEST(ConfigTable, PrefixRowsStandForAllNamesBelowThem) {
  const Setting* row = FindSetting("listener.name.client.ssl.keystore.location", kBrokerScope);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->stage, Stage::kNoEffect);
  EXPECT_EQ(FindSetting("listener.name", kBrokerScope), nullptr);
}

TEST(ConfigTable, SecretsAreNotPrinted) {
  const Setting* row = FindSetting("ssl.keystore.password", kBrokerScope);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(PrintableValue(*row, Value(std::string("hunter2"))), "[hidden]");
}

TEST(ConfigTable, RangeTexts) {
  EXPECT_EQ(RangeText(*FindSetting("num.partitions", kBrokerScope)), "1 to 100000");
  EXPECT_EQ(RangeText(*FindSetting("log.retention.ms", kBrokerScope)), "at least -1");
  EXPECT_EQ(RangeText(*FindSetting("durability", kBrokerScope)), "one of flush, page-cache");
  EXPECT_EQ(RangeText(*FindSetting("broker.rack", kBrokerScope)), "");
}

}  // namespace
}  // namespace soliton::config
