// Hands batches on to the broker that leads their partition now. For clients that still send them
// here after leadership has moved away, and cannot read in a refusal where it went (Produce before
// version 10, KIP-951): librdkafka before 2.5 waits a tenth of a second and more behind every
// refusal, however quickly the move was. The new leader alone appends, and its answer is the
// client's.
//
// One batch of a partition is under way at a time, the others wait in order: a batch never
// overtakes one before it, also where the new leader has to be asked twice because it has not heard
// yet that it leads. When a batch fails for good, so do those that wait behind it; the client sends
// them again. It is meant for as long as clients take to ask for metadata by themselves, and not
// for those that send faster than it hands on: they are better off with the new leader, and the
// refusal that leads there. Lives on the shard that owns the partitions.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "broker/partition/partition.h"
#include "broker/partition/topic_partition.h"
#include "controller/metadata/metadata_image.h"
#include "protocol/messages/produce.h"
#include "protocol/session/client_channel.h"
#include "runtime/ports.h"

namespace soliton::broker {

class ProduceRelay {
 public:
  using Done = absl::AnyInvocable<void(ProduceOutcome)>;

  // `image` is the shard's newest one, whenever it is looked at.
  ProduceRelay(const Ports& ports, Shard& shard, int32_t self,
               const controller::MetadataImagePtr& image);
  ~ProduceRelay();

  // Longer than any client goes without metadata (librdkafka and Java: 5 minutes).
  static constexpr Duration kLongest = seconds(360);
  // Batches of a partition that wait at most.
  static constexpr size_t kMostWaiting = 32;

  // Whether a batch of this partition may be handed on to another broker. Once it may not, none may
  // until the partition was led here again: those behind it would come without it.
  bool CanTake(const TopicPartition& id, MonotonicTime led_until);
  struct Batch {
    int16_t acks = -1;
    Buffer records;
    Duration commit_timeout{};  // with acks=-1
    // Perhaps it is in the new leader's log already: what that one finds wrong with it (its clock
    // may be another) is then no answer, for the client would take it for a promise.
    bool perhaps_written = false;
    Done done;
    std::optional<MonotonicTime> give_up_at;  // from its turn on
  };
  // `done` gets the new leader's outcome; NOT_LEADER_OR_FOLLOWER, outcome unknown, when that leader
  // is lost or none takes the batch in time. Not inside this call.
  void Add(const TopicPartition& id, Batch batch);

 private:
  struct Queue {
    std::deque<Batch> batches;
    bool under_way = false;
    TimerId timer = 0;
  };
  struct Leader {
    int32_t id = -1;
    Endpoint endpoint;
  };
  struct Link {
    Endpoint endpoint;
    std::unique_ptr<kafka::ClientChannel> channel;
  };

  bool IsOver(const TopicPartition& id, MonotonicTime led_until) const;
  std::optional<Leader> LeaderOf(const TopicPartition& id) const;
  kafka::ClientChannel& ChannelTo(const Leader& leader);
  void Next(const TopicPartition& id);
  void NextAfter(Duration delay, const TopicPartition& id, Queue& queue);
  // No broker is there to take the first one.
  void TryAgain(const TopicPartition& id, Queue& queue);
  void OnAnswer(const TopicPartition& id, int32_t leader,
                absl::StatusOr<kafka::ProduceResponse> response);
  void FailAll(const TopicPartition& id);

  const Ports ports_;
  Shard& shard_;
  const int32_t self_;
  const controller::MetadataImagePtr& image_;
  std::map<TopicPartition, Queue> queues_;
  std::map<TopicPartition, MonotonicTime> over_;  // led until then, and not handed on any more
  std::map<int32_t, Link> links_;                 // by leader
};

}  // namespace soliton::broker
