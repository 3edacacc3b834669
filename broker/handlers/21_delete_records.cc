// DeleteRecords (21): moves the start of logs up (KIP-107). Served 0-2. The leader's log start is
// durable before anything is answered; the answer comes when the logs of all live replicas begin
// there (the low watermark), or with REQUEST_TIMED_OUT: the records are gone from the leader then.
// Offset -1 means the high watermark. Topics that are only compacted refuse with POLICY_VIOLATION.
#include "broker/handlers/partition_queries.h"
#include "broker/server/dispatch.h"
#include "protocol/messages/delete_records.h"

namespace soliton::broker {
namespace {

using kafka::DeleteRecordsRequest;
using kafka::DeleteRecordsResponse;
using kafka::ErrorCode;

struct Query {
  int64_t offset = 0;
};

using Queries = PartitionQueries<DeleteRecordsResponse, Query, DeleteOutcome>;

// Waits on the home shard for what the leader has deleted to be gone everywhere. Its timer keeps it
// alive; partitions refer to it weakly, so one that nobody waits for any more leaves little behind.
class PendingDelete : public std::enable_shared_from_this<PendingDelete> {
 public:
  PendingDelete(std::shared_ptr<Queries> queries, milliseconds timeout)
      : queries_(std::move(queries)), timeout_(timeout) {}

  void Await(const std::vector<DeleteOutcome>& outcomes) {
    missing_ = outcomes.size() + 1;
    answered_.resize(outcomes.size());
    timer_ = home().shard().ScheduleAfter(timeout_, [self = shared_from_this()] {
      self->timer_ = 0;
      for (size_t i = 0; i < self->answered_.size(); ++i) {
        self->Answer(i, ErrorCode::REQUEST_TIMED_OUT, self->queries_->answer(i).low_watermark);
      }
    });
    for (size_t i = 0; i < outcomes.size(); ++i) {
      const DeleteOutcome& outcome = outcomes[i];
      if (outcome.error != ErrorCode::NONE || outcome.low_watermark >= outcome.required_offset) {
        Answer(i, outcome.error, outcome.low_watermark);
      } else {
        queries_->answer(i).low_watermark = outcome.low_watermark;
        AskAgain(i, outcome.required_offset);
      }
    }
    if (queries_->request()->connection()->closed()) return Abandon();
    queries_->request()->connection()->WhenClosed(queries_->request()->slot(),
                                                  [weak = weak_from_this()] {
                                                    if (auto self = weak.lock()) self->Abandon();
                                                  });
    AnsweredOne();
  }

 private:
  BrokerShard& home() const { return queries_->request()->home(); }

  void AskAgain(size_t i, int64_t offset) {
    BrokerShard& owner = home().context().OwnerOf(queries_->id(i));
    BrokerShard& home = this->home();
    owner.shard().Post([weak = weak_from_this(), &owner, &home, i, offset, id = queries_->id(i)] {
      const auto go_home = [weak, &home, i](const DeleteOutcome& outcome) {
        home.shard().Post([weak, i, outcome] {
          if (auto self = weak.lock()) self->Answer(i, outcome.error, outcome.low_watermark);
        });
      };
      if (Partition* partition = owner.partitions().Find(id)) {
        return partition->WhenDeleted(offset, go_home);
      }
      go_home({.error = ErrorCode::NOT_LEADER_OR_FOLLOWER});
    });
  }

  void Answer(size_t i, ErrorCode error, int64_t low_watermark) {
    if (answered_[i]) return;
    answered_[i] = true;
    auto& out = queries_->answer(i);
    out.error_code = error;
    out.low_watermark = low_watermark;
    AnsweredOne();
  }

  void AnsweredOne() {
    if (--missing_ > 0) return;
    const auto self = shared_from_this();
    home().shard().CancelTimer(timer_);
    queries_->Reply();
  }

  void Abandon() {
    const auto self = shared_from_this();
    answered_.assign(answered_.size(), true);
    home().shard().CancelTimer(timer_);
    queries_->request()->NoReply();
  }

  const std::shared_ptr<Queries> queries_;
  const milliseconds timeout_;
  std::vector<bool> answered_;
  size_t missing_ = 0;
  TimerId timer_ = 0;
};

void Handle(RequestPtr request) {
  auto body = request->Decode<DeleteRecordsRequest>();
  if (!body) return;
  auto queries = std::make_shared<Queries>(std::move(request));
  for (const auto& topic : body->topics) {
    queries->AddTopic(topic.name).name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& out = queries->AddPartition(partition.partition_index);
      out.partition_index = partition.partition_index;
      out.low_watermark = -1;
      if (out.error_code == ErrorCode::NONE) queries->Ask({partition.offset});
    }
  }
  queries->Gather([](Partition& partition,
                     const Query& query) { return partition.DeleteRecordsBefore(query.offset); },
                  [queries, timeout = milliseconds(std::max(body->timeout_ms, 0))](
                      const std::vector<DeleteOutcome>& outcomes) {
                    std::make_shared<PendingDelete>(queries, timeout)->Await(outcomes);
                  });
}

}  // namespace

extern const HandlerEntry kDeleteRecordsHandler;
const HandlerEntry kDeleteRecordsHandler{
    .api_key = DeleteRecordsRequest::kApiKey, .min_version = 0, .max_version = 2, .handle = Handle};

}  // namespace soliton::broker
