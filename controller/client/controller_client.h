// A broker's line to the controller: registers, heartbeats, follows the committed metadata log, and
// asks for changes. Lives on one shard (the broker's shard 0); every method is called and every
// callback runs there. Keeps itself connected: on a lost connection it reconnects at once and then
// with back-off, registers (which changes nothing for an incarnation that the controller knows) and
// resumes the metadata stream after the last applied offset. It must not be destroyed inside one of
// its callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "controller/client/cluster_requests.h"
#include "controller/metadata/metadata_image.h"
#include "protocol/wire/error_code.h"
#include "runtime/ports.h"

namespace soliton::controller {

struct ControllerClientOptions {
  // controller.quorum.bootstrap.servers, or .voters; at least one. The metadata names more later.
  std::vector<Endpoint> controllers;
  int32_t broker_id = -1;
  std::string cluster_id;  // "" accepts whatever the controller says
  Uuid incarnation_id;     // new at every process start
  Uuid directory_id;
  Endpoint advertised;  // what clients and peers dial
  std::optional<std::string> rack;
  int64_t previous_broker_epoch =
      -1;  // from the clean-shutdown marker; -1 = unclean stop (KIP-966)
  std::vector<TopicPartitionId> lost_replicas;  // see DeclareDataLoss
  int64_t first_life = 0;                       // of the data directory; 0: it has none
  Duration heartbeat_interval = milliseconds(100);
  Duration request_timeout = seconds(5);
  // A controller that has not answered a ping for so long is given up: another one may lead.
  Duration controller_silence_timeout = milliseconds(300);
};

// One partition of an AlterPartition request: compare-and-set of the ISR on (leader_epoch,
// partition_epoch).
struct IsrChangeRequest {
  Uuid topic_id;
  int32_t partition = 0;
  int32_t leader_epoch = -1;
  int32_t partition_epoch = -1;
  struct Member {
    int32_t broker_id = -1;
    int64_t broker_epoch = -1;
    friend bool operator==(const Member&, const Member&) = default;
  };
  std::vector<Member> new_isr;
};

struct IsrChangeResult {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;  // INVALID_UPDATE_VERSION, FENCED_LEADER_EPOCH,
                                                    // INELIGIBLE_REPLICA, ...
  PartitionInfo partition;                          // the committed state, when error == NONE
};

struct CreateTopicSpec {
  std::string name;
  int32_t partition_count = -1;     // -1 = default, or given by assignments
  int32_t replication_factor = -1;  // -1 = default
  std::vector<std::vector<int32_t>>
      assignments;  // replica lists by partition; empty = the controller places
  std::map<std::string, std::string> configs;
};

struct TopicResult {
  std::string name;
  Uuid topic_id;
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string error_message;
  int32_t partition_count = -1;
  int32_t replication_factor = -1;
  std::map<std::string, std::string> configs;
};

struct DeleteTopicSpec {
  std::string name;  // or
  Uuid topic_id;     // by id when not zero
};

struct MorePartitionsSpec {
  std::string name;
  int32_t count = 0;  // in all, afterwards
  // Replicas of each new partition; unset = the controller places.
  std::optional<std::vector<std::vector<int32_t>>> assignments;
};

enum class SettingOperation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

// One setting of an AlterConfigs request. The numbers are Kafka's; others are refused.
struct SettingChangeSpec {
  std::string name;
  SettingOperation operation = SettingOperation::kSet;
  std::optional<std::string> value;
};

struct ResourceChangeSpec {
  int8_t type = 0;   // Kafka's: 2 topic, 4 broker
  std::string name;  // of a broker its id, "" = all brokers
  std::vector<SettingChangeSpec> changes;
  bool replace = false;  // whatever is not set here goes back to its default
};

struct ResourceResult {
  int8_t type = 0;
  std::string name;
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string error_message;
};

// Block of producer ids [first, first + count).
struct ProducerIdBlock {
  int64_t first = -1;
  int32_t count = 0;
};

class ControllerClient {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  struct Events {
    // A newer image; called in offset order, starting with the whole image after registration.
    std::function<void(MetadataImagePtr, const MetadataDelta&)> on_image;
    // Registered (again) with this broker epoch.
    std::function<void(int64_t broker_epoch)> on_registered;
    // The controller refuses this broker for good (foreign cluster id, unless this cluster was
    // found before; duplicate id in use): the process should stop and print the reason.
    std::function<void(const absl::Status&)> on_refused;
  };

  static std::unique_ptr<ControllerClient> Create(const Ports& ports, Shard& shard,
                                                  ControllerClientOptions options, Events events);
  virtual ~ControllerClient() = default;

  virtual void Start() = 0;
  // The broker may serve: ask to be unfenced. The controller does so once the broker has applied
  // its own registration.
  virtual void SetReady() = 0;
  // The broker's disk does not move, or does again: others are to lead meanwhile.
  virtual void SetStalled(bool stalled) = 0;
  // The data directory has begun this life, durably. See broker/broker_life.h.
  virtual void SetLife(int64_t life) = 0;
  // This broker found that these replicas are not what they were: registers anew and says so, so
  // that they count as holding nothing until they have caught up. A restart that is unclean as a
  // whole (KIP-966) does that to all replicas of a broker; one log must not cost the others their
  // places.
  virtual void DeclareDataLoss(std::vector<TopicPartitionId> replicas) = 0;
  // Asks the controller for an answer that only one that leads can give. `confirmed` is called when
  // it came and everything committed until then is applied: never, if no controller ever leads.
  virtual void ConfirmLeader(Task confirmed) = 0;
  // Asks to move leadership away; `done` when the controller says the broker may stop, or on
  // timeout.
  virtual void ControlledShutdown(Duration timeout, absl::AnyInvocable<void()> done) = 0;

  // Errors of these calls (not of their results) are kUnavailable (no controller leads; nothing was
  // done, retry) or kDeadlineExceeded (outcome unknown). While no controller leads a call waits for
  // one, up to `timeout` and not much longer than an election takes; AlterPartition does not.
  virtual void AlterPartition(std::vector<IsrChangeRequest> changes,
                              Callback<std::vector<IsrChangeResult>> done) = 0;
  virtual void CreateTopics(std::vector<CreateTopicSpec> topics, bool validate_only,
                            Duration timeout, Callback<std::vector<TopicResult>> done) = 0;
  virtual void DeleteTopics(std::vector<DeleteTopicSpec> topics, Duration timeout,
                            Callback<std::vector<TopicResult>> done) = 0;
  virtual void CreatePartitions(std::vector<MorePartitionsSpec> topics, bool validate_only,
                                Duration timeout, Callback<std::vector<TopicResult>> done) = 0;
  virtual void AlterConfigs(std::vector<ResourceChangeSpec> resources, bool validate_only,
                            Duration timeout, Callback<std::vector<ResourceResult>> done) = 0;
  virtual void ElectLeaders(ElectionSpec election, Duration timeout,
                            Callback<std::vector<PartitionResult>> done) = 0;
  virtual void AlterReassignments(std::vector<ReassignmentSpec> partitions,
                                  bool keep_replication_factor, Duration timeout,
                                  Callback<std::vector<PartitionResult>> done) = 0;
  virtual void UnregisterBroker(int32_t broker_id, Callback<WholeResult> done) = 0;
  virtual void ChangeVoter(const VoterChange& change, Duration timeout,
                           Callback<WholeResult> done) = 0;
  virtual void DescribeQuorum(Callback<QuorumDescription> done) = 0;
  virtual void AllocateProducerIds(Callback<ProducerIdBlock> done) = 0;

  // Latest applied image; never null (the empty image before the first).
  virtual MetadataImagePtr image() const = 0;
  virtual int64_t broker_epoch() const = 0;
  // What the controller grants, once registered: who does not answer it keeps its leaderships at
  // least for the grace; who has no controller for the session timeout has lost them.
  virtual Duration grace() const = 0;
  virtual Duration session_timeout() const = 0;
  // The configured one, or the controller's once registered.
  virtual const std::string& cluster_id() const = 0;
};

}  // namespace soliton::controller
