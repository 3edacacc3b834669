#include "controller/metadata/convert.h"

#include <fmt/format.h>

#include <limits>

namespace soliton::controller {
namespace {

std::vector<int32_t> ToVector(const google::protobuf::RepeatedField<int32_t>& field) {
  return {field.begin(), field.end()};
}

}  // namespace

Uuid FromPb(const pb::Id& id) { return Uuid{.high = id.high(), .low = id.low()}; }

void ToPb(const Uuid& id, pb::Id* out) {
  out->set_high(id.high);
  out->set_low(id.low);
}

PartitionInfo FromPb(const pb::PartitionState& state) {
  PartitionInfo partition;
  partition.replicas = ToVector(state.replicas());
  partition.isr = ToVector(state.isr());
  partition.eligible_leaders = ToVector(state.eligible_leaders());
  if (state.has_last_known_leader()) partition.last_known_leader = state.last_known_leader();
  partition.leader = state.leader();
  partition.leader_epoch = state.leader_epoch();
  partition.partition_epoch = state.partition_epoch();
  if (state.has_unclean_epoch()) partition.unclean_epoch = state.unclean_epoch();
  partition.adding_replicas = ToVector(state.adding_replicas());
  partition.removing_replicas = ToVector(state.removing_replicas());
  return partition;
}

void ToPb(const PartitionInfo& partition, pb::PartitionState* out) {
  out->mutable_replicas()->Add(partition.replicas.begin(), partition.replicas.end());
  out->mutable_isr()->Add(partition.isr.begin(), partition.isr.end());
  out->mutable_eligible_leaders()->Add(partition.eligible_leaders.begin(),
                                       partition.eligible_leaders.end());
  if (partition.last_known_leader) out->set_last_known_leader(*partition.last_known_leader);
  out->set_leader(partition.leader);
  out->set_leader_epoch(partition.leader_epoch);
  out->set_partition_epoch(partition.partition_epoch);
  if (partition.unclean_epoch >= 0) out->set_unclean_epoch(partition.unclean_epoch);
  out->mutable_adding_replicas()->Add(partition.adding_replicas.begin(),
                                      partition.adding_replicas.end());
  out->mutable_removing_replicas()->Add(partition.removing_replicas.begin(),
                                        partition.removing_replicas.end());
}

std::map<std::string, std::string> FromPb(
    const google::protobuf::RepeatedPtrField<pb::TopicSetting>& settings) {
  std::map<std::string, std::string> map;
  for (const pb::TopicSetting& setting : settings) map[setting.name()] = setting.value();
  return map;
}

void ToPb(const std::map<std::string, std::string>& settings,
          google::protobuf::RepeatedPtrField<pb::TopicSetting>* out) {
  for (const auto& [name, value] : settings) {
    pb::TopicSetting* setting = out->Add();
    setting->set_name(name);
    setting->set_value(value);
  }
}

kafka::ErrorCode ErrorFromPb(int32_t code) {
  if (code < std::numeric_limits<int16_t>::min() || code > std::numeric_limits<int16_t>::max()) {
    return kafka::ErrorCode::UNKNOWN_SERVER_ERROR;
  }
  return static_cast<kafka::ErrorCode>(code);
}

std::string PartitionName(std::string_view topic, int32_t partition) {
  return fmt::format("{}-{}", topic, partition);
}

}  // namespace soliton::controller
