// What DescribeConfigs answers: every setting of a topic or a broker with its value, where that
// comes from, and what it would be without. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/topic_config.h"

namespace soliton::config {

// Kafka's codes.
enum class ConfigSource : int8_t {
  kTopic = 1,
  kBroker = 2,      // dynamic, of this broker
  kAllBrokers = 3,  // dynamic, of all brokers
  kStatic = 4,      // what the broker was started with
  kDefault = 5,
};

struct SettingSynonym {
  std::string name;
  std::string value;
  ConfigSource source = ConfigSource::kDefault;
  friend bool operator==(const SettingSynonym&, const SettingSynonym&) = default;
};

struct DescribedSetting {
  const Setting* setting = nullptr;
  std::optional<std::string> value;  // nullopt: unset, or a secret
  ConfigSource source = ConfigSource::kDefault;
  bool read_only = false;
  // Every value that is set for it, the one that counts first.
  std::vector<SettingSynonym> synonyms;

  int8_t KafkaType() const;           // as DescribeConfigs has it since version 3
  std::string Documentation() const;  // what it means, and whether it has an effect here
};

// The settings of a broker, by where they come from.
struct BrokerLayers {
  const std::map<std::string, std::string>& broker;       // dynamic, of this broker
  const std::map<std::string, std::string>& all_brokers;  // dynamic, of all
  const Config* given = nullptr;                          // at the start; may be null
  TopicSettings topic_defaults;                           // as they were at the start
};

// All settings, in name order.
std::vector<DescribedSetting> DescribeTopic(const std::map<std::string, std::string>& overrides,
                                            const BrokerLayers& layers);
std::vector<DescribedSetting> DescribeBroker(const BrokerLayers& layers);
// Only those that are set for all brokers.
std::vector<DescribedSetting> DescribeAllBrokers(
    const std::map<std::string, std::string>& all_brokers);

}  // namespace soliton::config
