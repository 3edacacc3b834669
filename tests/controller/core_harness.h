// Drives a ControllerCore as its shell does, with a log that is a vector: append, replay, answer.
// After every batch the cluster-wide invariants are checked.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/controller_core.h"
#include "controller/core/partition_elector.h"
#include "controller/metadata/convert.h"
#include "controller/metadata/metadata_builder.h"

namespace soliton::controller {

inline void AddSetting(std::string name, std::string value, pb::NewTopic* topic) {
  pb::TopicSetting* setting = topic->add_configs();
  setting->set_name(std::move(name));
  setting->set_value(std::move(value));
}

class CoreHarness {
 public:
  explicit CoreHarness(CoreOptions options = DefaultOptions(), uint64_t seed = 1)
      : options_(std::move(options)), random_(seed), core_(options_, random_) {
    Perform(core_.Activate({.now = now_, .next_offset = 0}, 1, "cluster"));
  }

  static CoreOptions DefaultOptions() {
    // Steps of tests are long: silence is for those that ask for it.
    return {.node_id = 100,
            .broker_silence_timeout = seconds(9),
            .default_replication_factor = 1,
            .default_min_insync_replicas = 1};
  }

  ControllerCore& core() { return core_; }
  const MetadataImage& image() const { return core_.image(); }
  MonotonicTime now() const { return now_; }
  void Advance(Duration by) { now_ += by; }
  const std::vector<pb::MetadataRecord>& log() const { return log_; }
  const ControllerResult& last() const { return last_; }

  pb::ControlResponse Handle(const pb::ControlRequest& request, ConnectionId connection = 0) {
    Perform(core_.Handle(
        request,
        {.now = now_, .next_offset = static_cast<int64_t>(log_.size()), .connection = connection}));
    return last_.response;
  }
  kafka::ErrorCode Error(const pb::ControlResponse& response) {
    return ErrorFromPb(response.error());
  }
  void Perform(ControllerResult result) {
    last_ = std::move(result);
    for (const pb::MetadataRecord& record : last_.records) {
      const absl::Status replayed = core_.Replay(record, static_cast<int64_t>(log_.size()));
      ASSERT_TRUE(replayed.ok()) << replayed.ToString() << "\n" << record.DebugString();
      log_.push_back(record);
    }
    if (!last_.records.empty()) CheckInvariants();
  }
  void FenceExpired() { Perform(core_.FenceExpired(now_)); }
  void FenceSilent(int32_t id, MonotonicTime asked_at) {
    Perform(core_.FenceSilent({id, EpochOf(id)}, asked_at));
  }

  // ---- requests ----

  static pb::ControlRequest RegisterRequest(int32_t id, uint64_t incarnation,
                                            int64_t previous_epoch = -1) {
    pb::ControlRequest request;
    pb::RegisterBrokerRequest* body = request.mutable_register_broker();
    body->set_broker_id(id);
    ToPb(Uuid{incarnation, static_cast<uint64_t>(id) + 1}, body->mutable_incarnation_id());
    body->set_host(fmt::format("host-{}", id));
    body->set_port(9092);
    body->set_previous_broker_epoch(previous_epoch);
    return request;
  }
  // The connection of a broker's incarnation, by convention of the tests.
  static ConnectionId ConnectionOf(int32_t id, uint64_t incarnation) {
    return static_cast<ConnectionId>(id) * 1000 + incarnation;
  }
  int64_t Register(int32_t id, uint64_t incarnation = 1, int64_t previous_epoch = -1,
                   const std::vector<TopicPartitionId>& lost_replicas = {}) {
    pb::ControlRequest request = RegisterRequest(id, incarnation, previous_epoch);
    for (const auto& [topic_id, partition] : lost_replicas) {
      pb::LostReplica* lost = request.mutable_register_broker()->add_lost_replicas();
      ToPb(topic_id, lost->mutable_topic_id());
      lost->set_partition(partition);
    }
    const pb::ControlResponse response = Handle(request, ConnectionOf(id, incarnation));
    EXPECT_EQ(Error(response), kafka::ErrorCode::NONE) << response.error_message();
    return response.register_broker().broker_epoch();
  }
  pb::ControlResponse Heartbeat(int32_t id, int64_t epoch, int64_t applied, bool unfence = true,
                                bool shutdown = false, uint64_t incarnation = 1) {
    pb::ControlRequest request;
    pb::HeartbeatRequest* body = request.mutable_heartbeat();
    body->set_broker_id(id);
    body->set_broker_epoch(epoch);
    body->set_applied_offset(applied);
    body->set_wants_unfence(unfence);
    body->set_wants_shutdown(shutdown);
    return Handle(request, ConnectionOf(id, incarnation));
  }
  // The broker's disk does not move.
  pb::ControlResponse HeartbeatStalled(int32_t id) {
    pb::ControlRequest request;
    pb::HeartbeatRequest* body = request.mutable_heartbeat();
    body->set_broker_id(id);
    body->set_broker_epoch(EpochOf(id));
    body->set_applied_offset(EpochOf(id));
    body->set_wants_unfence(true);
    body->set_stalled(true);
    return Handle(request, ConnectionOf(id, 1));
  }
  // Registers and unfences.
  int64_t Join(int32_t id, uint64_t incarnation = 1, int64_t previous_epoch = -1) {
    const int64_t epoch = Register(id, incarnation, previous_epoch);
    const pb::ControlResponse response = Heartbeat(id, epoch, epoch, true, false, incarnation);
    EXPECT_FALSE(response.heartbeat().fenced());
    return epoch;
  }
  pb::TopicResult Create(const pb::NewTopic& topic) {
    pb::ControlRequest request;
    *request.mutable_create_topics()->add_topics() = topic;
    return Handle(request).topics().results(0);
  }
  // The broker's process dies and its address refuses connections.
  void Kill(int32_t id, uint64_t incarnation = 1) {
    const auto suspect = core_.Disconnected(ConnectionOf(id, incarnation));
    ASSERT_TRUE(suspect.has_value());
    Perform(core_.FenceUnreachable(*suspect));
  }
  // One resource of AlterConfigs; `set` and `remove` are its changes.
  pb::ResourceResult Alter(int32_t type, const std::string& name,
                           const std::map<std::string, std::string>& set,
                           const std::vector<std::string>& remove = {}) {
    pb::ControlRequest request;
    pb::ResourceChange* resource = request.mutable_alter_configs()->add_resources();
    resource->set_type(type);
    resource->set_name(name);
    for (const auto& [key, value] : set) {
      pb::SettingChange* change = resource->add_changes();
      change->set_name(key);
      change->set_value(value);
    }
    for (const std::string& key : remove) {
      pb::SettingChange* change = resource->add_changes();
      change->set_name(key);
      change->set_operation(pb::SettingChange::DELETE);
    }
    return Handle(request).alter_configs().results(0);
  }
  Uuid CreateAssigned(const std::string& name, const std::vector<std::vector<int32_t>>& replicas,
                      int min_isr = 0) {
    pb::NewTopic topic;
    topic.set_name(name);
    topic.set_partition_count(-1);
    topic.set_replication_factor(-1);
    for (const auto& list : replicas) {
      topic.add_assignments()->mutable_replicas()->Add(list.begin(), list.end());
    }
    if (min_isr > 0) {
      AddSetting("min.insync.replicas", std::to_string(min_isr), &topic);
    }
    const pb::TopicResult result = Create(topic);
    EXPECT_EQ(result.error(), 0) << result.error_message();
    return FromPb(result.topic_id());
  }
  // The present leader proposes an ISR of these, with their present epochs.
  pb::IsrChangeResult ChangeIsr(const Uuid& topic, int32_t index, const std::vector<int32_t>& isr) {
    const PartitionInfo& partition = Partition(topic, index);
    pb::ControlRequest request;
    pb::AlterPartitionRequest* body = request.mutable_alter_partition();
    body->set_broker_id(partition.leader);
    body->set_broker_epoch(EpochOf(partition.leader));
    pb::IsrChange* change = body->add_changes();
    ToPb(topic, change->mutable_topic_id());
    change->set_partition(index);
    change->set_leader_epoch(partition.leader_epoch);
    change->set_partition_epoch(partition.partition_epoch);
    for (const int32_t id : isr) {
      pb::IsrMember* member = change->add_new_isr();
      member->set_broker_id(id);
      member->set_broker_epoch(EpochOf(id));
    }
    return Handle(request).alter_partition().results(0);
  }
  // `replicas`: none takes a reassignment back.
  pb::PartitionResult Reassign(const std::string& topic, int32_t index,
                               const std::optional<std::vector<int32_t>>& replicas,
                               bool keep_replication_factor = false) {
    pb::ControlRequest request;
    pb::AlterReassignmentsRequest* body = request.mutable_alter_reassignments();
    body->set_keep_replication_factor(keep_replication_factor);
    pb::Reassignment* asked = body->add_partitions();
    asked->set_topic(topic);
    asked->set_partition(index);
    if (replicas) {
      asked->mutable_replicas()->mutable_replicas()->Add(replicas->begin(), replicas->end());
    }
    return Handle(request).partitions().results(0);
  }
  pb::ControlResponse Unregister(int32_t id) {
    pb::ControlRequest request;
    request.mutable_unregister_broker()->set_broker_id(id);
    return Handle(request);
  }
  const PartitionInfo& Partition(const Uuid& topic, int32_t index = 0) const {
    return *image().FindPartition(topic, index);
  }
  int64_t EpochOf(int32_t id) const {
    const BrokerInfo* broker = image().FindBroker(id);
    return broker == nullptr ? -1 : broker->broker_epoch;
  }

  // What must hold after every batch.
  void CheckInvariants() {
    for (const auto& [id, topic] : image().topics_by_id) {
      for (size_t i = 0; i < topic->partitions.size(); ++i) {
        CheckPartition(PartitionName(topic->name, static_cast<int32_t>(i)), *topic,
                       topic->partitions[i], &epochs_[{id, static_cast<int32_t>(i)}]);
      }
    }
    for (const auto& [id, broker] : image().brokers) {
      ASSERT_GE(broker.broker_epoch, broker_epochs_[id]);
      broker_epochs_[id] = broker.broker_epoch;
    }
  }

 private:
  void CheckPartition(const std::string& name, const TopicInfo& topic,
                      const PartitionInfo& partition, std::pair<int32_t, int32_t>* epochs) {
    const auto in = [](const std::vector<int32_t>& list, int32_t id) {
      return std::find(list.begin(), list.end(), id) != list.end();
    };
    ASSERT_FALSE(partition.isr.empty()) << name;
    const ElectionRules defaults =
        DefaultElectionRules(image().BrokerConfigs(kEveryBroker), options_);
    const int min_isr =
        EffectiveMinIsr(ElectionRulesOf(topic.configs, defaults), partition.replication_factor());
    const auto usable = [&](int32_t id) {
      const BrokerInfo* broker = image().FindBroker(id);
      return broker != nullptr && broker->usable();
    };
    if (partition.leader != kNoLeader) {
      ASSERT_TRUE(in(partition.isr, partition.leader)) << name;
      for (const int32_t id : partition.isr) {
        ASSERT_TRUE(usable(id)) << name << ": " << id << " is not active";
      }
      ASSERT_FALSE(partition.last_known_leader.has_value()) << name;
    } else {
      for (const int32_t id : partition.isr) {
        ASSERT_FALSE(usable(id)) << name << ": " << id << " could lead";
      }
    }
    for (const int32_t id : partition.isr) ASSERT_TRUE(in(partition.replicas, id)) << name;
    for (const int32_t id : partition.eligible_leaders) {
      ASSERT_TRUE(in(partition.replicas, id) && !in(partition.isr, id)) << name;
    }
    if (static_cast<int>(partition.isr.size()) >= min_isr) {
      ASSERT_TRUE(partition.eligible_leaders.empty()) << name;
    }
    for (const int32_t id : partition.adding_replicas) {
      ASSERT_TRUE(in(partition.replicas, id) && !in(partition.removing_replicas, id)) << name;
    }
    for (const int32_t id : partition.removing_replicas) {
      ASSERT_TRUE(in(partition.replicas, id)) << name;
    }
    ASSERT_GT(partition.replicas.size(), partition.removing_replicas.size()) << name;
    CheckIndex(name, topic, partition);
    ASSERT_GE(partition.leader_epoch, epochs->first) << name;
    ASSERT_GE(partition.partition_epoch, epochs->second) << name;
    *epochs = {partition.leader_epoch, partition.partition_epoch};
  }

  void CheckIndex(const std::string& name, const TopicInfo& topic, const PartitionInfo& partition) {
    const auto index = static_cast<int32_t>(&partition - topic.partitions.data());
    for (int32_t id = 0; id < 10; ++id) {
      const bool holds = std::find(partition.replicas.begin(), partition.replicas.end(), id) !=
                         partition.replicas.end();
      ASSERT_EQ(core_.state().PartitionsOf(id).contains({topic.id, index}), holds)
          << name << " on broker " << id;
    }
  }

  const CoreOptions options_;
  Random random_;
  ControllerCore core_;
  MonotonicTime now_;
  std::vector<pb::MetadataRecord> log_;
  ControllerResult last_;
  std::map<TopicPartitionId, std::pair<int32_t, int32_t>> epochs_;
  std::map<int32_t, int64_t> broker_epochs_;
};

}  // namespace soliton::controller
