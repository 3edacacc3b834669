// Questions about partitions by the names of their topics: what ListOffsets, DeleteRecords,
// OffsetForLeaderEpoch and DescribeProducers share. The response names topics and partitions in the
// order of the request; each question goes to the shard that owns its partition, and a partition
// that cannot be asked is answered with an error.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "broker/server/request.h"
#include "broker/server/scatter.h"

namespace soliton::broker {

// `Outcome` has a member `error`. Lives on the request's home shard; owner shards read it between
// Gather and the end of it, while it does not change.
template <typename Response, typename Query, typename Outcome>
class PartitionQueries
    : public std::enable_shared_from_this<PartitionQueries<Response, Query, Outcome>> {
 public:
  using TopicResponse = typename decltype(Response::topics)::value_type;
  using PartitionResponse = typename decltype(TopicResponse::partitions)::value_type;

  explicit PartitionQueries(RequestPtr request)
      : request_(std::move(request)), image_(request_->home().image()) {}

  // The next topic of the response; what is added next belongs to it.
  TopicResponse& AddTopic(const std::string& name) {
    topic_ = image_->FindTopic(name);
    return response_.topics.emplace_back();
  }
  bool knows_topic() const { return topic_ != nullptr; }
  // The next partition of that topic, with UNKNOWN_TOPIC_OR_PARTITION where there is none.
  PartitionResponse& AddPartition(int32_t index) {
    PartitionResponse& out = response_.topics.back().partitions.emplace_back();
    index_ = index;
    const bool exists =
        topic_ != nullptr && index >= 0 && index < static_cast<int32_t>(topic_->partitions.size());
    if (!exists) out.error_code = kafka::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    return out;
  }
  // Asks the partition added last, which exists.
  void Ask(Query query) {
    ids_.push_back({topic_->id, index_});
    items_.push_back({std::move(query), response_.topics.size() - 1,
                      response_.topics.back().partitions.size() - 1});
  }

  size_t size() const { return ids_.size(); }
  const TopicPartition& id(size_t i) const { return ids_[i]; }
  const Query& query(size_t i) const { return items_[i].query; }
  // Where question `i` is answered.
  PartitionResponse& answer(size_t i) {
    return response_.topics[items_[i].topic].partitions[items_[i].partition];
  }
  const RequestPtr& request() const { return request_; }
  void Reply() { request_->Reply(response_); }

  // `work` on each partition, on its owner; then `done` on the home shard with outcomes by
  // question.
  void Gather(std::function<Outcome(Partition&, const Query&)> work,
              absl::AnyInvocable<void(std::vector<Outcome>)> done) {
    ScatterToOwners<Outcome>(
        request_->home(), ids_,
        [self = this->shared_from_this(), work = std::move(work)](
            BrokerShard& owner, const std::vector<size_t>& indexes, std::vector<Outcome>& results) {
          for (size_t i : indexes) {
            if (Partition* partition = owner.partitions().Find(self->ids_[i])) {
              results.push_back(work(*partition, self->items_[i].query));
            } else {
              results.emplace_back().error = AbsenceError(owner, self->ids_[i]);
            }
          }
        },
        std::move(done));
  }
  // Gathers, lets `fill` write each answer, and replies.
  void Answer(std::function<Outcome(Partition&, const Query&)> work,
              std::function<void(Outcome&, PartitionResponse&)> fill) {
    Gather(std::move(work), [self = this->shared_from_this(),
                             fill = std::move(fill)](std::vector<Outcome> outcomes) {
      for (size_t i = 0; i < outcomes.size(); ++i) fill(outcomes[i], self->answer(i));
      self->Reply();
    });
  }

 private:
  struct Item {
    Query query;
    size_t topic = 0;
    size_t partition = 0;
  };

  const RequestPtr request_;
  const controller::MetadataImagePtr image_;
  const controller::TopicInfo* topic_ = nullptr;  // added last
  int32_t index_ = -1;
  Response response_;
  std::vector<TopicPartition> ids_;
  std::vector<Item> items_;
};

}  // namespace soliton::broker
