#include "controller/core/config_control.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "config/dynamic_config.h"
#include "config/topic_config.h"
#include "controller/core/partition_elector.h"
#include "controller/core/setting_changes.h"
#include "controller/core/topic_rules.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using Settings = std::map<std::string, std::string>;

// A request that would make a larger batch of the metadata log is refused.
constexpr int kMaxChangesPerRequest = 10000;

// Calls `visit(name, value)` for each setting of `next` that `current` has not or has otherwise.
template <typename Visit>
void ForEachNew(const Settings& current, const Settings& next, const Visit& visit) {
  for (const auto& [name, value] : next) {
    const auto known = current.find(name);
    if (known == current.end() || known->second != value) visit(name, value);
  }
}

// Calls `visit(name)` for each setting of `current` that `next` has no more.
template <typename Visit>
void ForEachGone(const Settings& current, const Settings& next, const Visit& visit) {
  for (const auto& [name, value] : current) {
    if (!next.contains(name)) visit(name);
  }
}

}  // namespace

ConfigControl::Problem ConfigControl::AlterTopic(const pb::ResourceChange& resource,
                                                 Plan* plan) const {
  if (resource.name().empty()) {
    return {ErrorCode::INVALID_REQUEST, "Default topic resources are not allowed."};
  }
  if (const absl::Status valid = CheckTopicName(resource.name()); !valid.ok()) {
    return {ErrorCode::INVALID_TOPIC_EXCEPTION, std::string(valid.message())};
  }
  const TopicInfo* topic = state_.image().FindTopic(resource.name());
  if (topic == nullptr) {
    return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            fmt::format("The topic '{}' does not exist.", resource.name())};
  }
  ChangedSettings changed = ApplyChanges(topic->configs, resource, config::kTopicScope);
  if (changed.error != ErrorCode::NONE) return {changed.error, changed.message};
  absl::Status valid = config::CheckTopicConflicts(changed.next);
  // What was there before was valid, if only to a newer version.
  ForEachNew(topic->configs, changed.next, [&](const std::string& name, const std::string& value) {
    if (valid.ok()) valid = config::ValidateTopicConfig(name, value);
  });
  if (!valid.ok()) return {ErrorCode::INVALID_CONFIG, std::string(valid.message())};
  plan->topics[topic->id] = std::move(changed.next);
  return {};
}

ConfigControl::Problem ConfigControl::AlterBroker(const pb::ResourceChange& resource,
                                                  Plan* plan) const {
  int32_t broker_id = kEveryBroker;
  if (const std::string& name = resource.name(); !name.empty()) {
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, broker_id);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return {ErrorCode::INVALID_REQUEST,
              fmt::format("Node id must be an integer, but it is: {}", name)};
    }
    if (state_.image().FindBroker(broker_id) == nullptr) {
      return {ErrorCode::INVALID_REQUEST, fmt::format("No broker {} is registered.", broker_id)};
    }
  }
  const Settings& current = state_.image().BrokerConfigs(broker_id);
  ChangedSettings changed = ApplyChanges(current, resource, config::kBrokerScope);
  if (changed.error != ErrorCode::NONE) return {changed.error, changed.message};
  Problem problem;
  ForEachNew(current, changed.next, [&](const std::string& name, const std::string& value) {
    if (problem.error != ErrorCode::NONE) return;
    const absl::Status valid = config::ValidateBrokerConfig(name, value);
    if (!valid.ok()) problem = {ErrorCode::INVALID_REQUEST, std::string(valid.message())};
    // The controller judges eligible leaders by it, so all must go by the same.
    if (name == "min.insync.replicas" && broker_id != kEveryBroker) {
      problem = {ErrorCode::INVALID_CONFIG,
                 "Broker-level min.insync.replicas cannot be altered while ELR is enabled: set it "
                 "for all brokers or for a topic."};
    }
  });
  if (problem.error == ErrorCode::NONE) plan->brokers[broker_id] = std::move(changed.next);
  return problem;
}

void ConfigControl::AddRecords(const Plan& plan, ControllerResult* result) const {
  for (const auto& [topic_id, next] : plan.topics) {
    const Settings& current = state_.image().FindTopic(topic_id)->configs;
    const auto add = [&, id = topic_id](const std::string& name) {
      pb::TopicConfig* record = result->records.emplace_back().mutable_topic_config();
      ToPb(id, record->mutable_topic_id());
      record->set_name(name);
      return record;
    };
    ForEachNew(current, next, [&](const std::string& name, const std::string& value) {
      add(name)->set_value(value);
    });
    ForEachGone(current, next, add);
  }
  for (const auto& [broker_id, next] : plan.brokers) {
    const Settings& current = state_.image().BrokerConfigs(broker_id);
    const auto add = [&, id = broker_id](const std::string& name) {
      pb::BrokerConfig* record = result->records.emplace_back().mutable_broker_config();
      record->set_broker_id(id);
      record->set_name(name);
      return record;
    };
    ForEachNew(current, next, [&](const std::string& name, const std::string& value) {
      add(name)->set_value(value);
    });
    ForEachGone(current, next, add);
  }
}

void ConfigControl::ReconsiderPartitions(const Plan& plan, ControllerResult* result) const {
  const Settings& cluster = state_.image().BrokerConfigs(kEveryBroker);
  const auto planned_cluster = plan.brokers.find(kEveryBroker);
  const ElectionRules old_defaults = DefaultElectionRules(cluster, options_);
  const ElectionRules new_defaults = DefaultElectionRules(
      planned_cluster == plan.brokers.end() ? cluster : planned_cluster->second, options_);
  const BrokerTransition nobody_moves;
  for (const auto& [id, topic] : state_.image().topics_by_id) {
    const auto planned = plan.topics.find(id);
    if (planned == plan.topics.end() && old_defaults == new_defaults) continue;
    const ElectionRules before = ElectionRulesOf(topic->configs, old_defaults);
    const ElectionRules after = ElectionRulesOf(
        planned == plan.topics.end() ? topic->configs : planned->second, new_defaults);
    if (before == after) continue;
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const PartitionInfo& current = topic->partitions[i];
      const PartitionRules rules = RulesFrom(state_, after, current, nobody_moves);
      if (const auto decision = DecidePartition(current, {}, rules)) {
        AddPartitionChange(*topic, static_cast<int32_t>(i), current, *decision, result);
      }
    }
  }
}

ControllerResult ConfigControl::HandleAlter(const pb::AlterConfigsRequest& request) const {
  ControllerResult result;
  result.cause = "a change of settings";
  std::map<std::pair<int32_t, std::string>, int> times_named;
  for (const auto& resource : request.resources()) {
    ++times_named[{resource.type(), resource.name()}];
  }
  auto* answers = result.response.mutable_alter_configs()->mutable_results();
  Plan plan;
  int changes = 0;
  for (const pb::ResourceChange& resource : request.resources()) {
    pb::ResourceResult* answer = answers->Add();
    answer->set_type(resource.type());
    answer->set_name(resource.name());
    Problem problem;
    if (times_named.at({resource.type(), resource.name()}) > 1) {
      problem = {ErrorCode::INVALID_REQUEST, "Each resource must appear at most once."};
    } else if (changes + resource.changes_size() > kMaxChangesPerRequest) {
      problem = {ErrorCode::POLICY_VIOLATION,
                 fmt::format("one request may change at most {} settings", kMaxChangesPerRequest)};
    } else if (resource.type() == kTopicResource) {
      problem = AlterTopic(resource, &plan);
    } else if (resource.type() == kBrokerResource) {
      problem = AlterBroker(resource, &plan);
    } else {
      problem = {ErrorCode::INVALID_REQUEST,
                 fmt::format("Unknown resource type {}", resource.type())};
    }
    if (problem.error == ErrorCode::NONE) changes += resource.changes_size();
    answer->set_error(ToPb(problem.error));
    answer->set_error_message(std::move(problem.message));
  }
  if (request.validate_only()) return result;
  AddRecords(plan, &result);
  ReconsiderPartitions(plan, &result);
  return result;
}

}  // namespace soliton::controller
