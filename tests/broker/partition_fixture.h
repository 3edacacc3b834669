// One partition over a real log on a simulated disk, with everything around it under the test's
// hand: the clock, the disk thread, the controller.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/partition/log_settings.h"
#include "broker/partition/partition.h"
#include "protocol/record/batch_builder.h"
#include "tests/sim/sim_file_system.h"

namespace soliton::broker {

class ManualClock final : public Clock {
 public:
  MonotonicTime Now() const override { return now; }
  int64_t WallMs() const override { return 1'700'000'000'000; }
  MonotonicTime now = MonotonicTime(seconds(1000));
};

// The test's own thread.
class TestShard final : public Shard {
 public:
  explicit TestShard(const Clock& clock) : clock_(clock) {}
  int index() const override { return 0; }
  void Post(Task task) override { task(); }
  bool IsCurrent() const override { return true; }
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  TimerId ScheduleAt(MonotonicTime, Task) override { return 1; }
  bool CancelTimer(TimerId) override { return true; }

 private:
  const Clock& clock_;
  Random random_{1};
};

class PartitionTest : public testing::Test, public PartitionServices {
 protected:
  static constexpr int32_t kSelf = 1;
  static constexpr int64_t kEpochOf2 = 102, kEpochOf3 = 103;

  void SetUp() override {
    ASSERT_TRUE(fs_.CreateDirectories("/data").ok());
    ASSERT_TRUE(fs_.SyncDirectory("/").ok());
    Open();
  }
  void Open(int64_t checkpointed_high_watermark = 0) {
    partition_.reset();
    tickets_.clear();
    auto log = segment::Log::Open(fs_, clock_, ToLogOptions(settings_), {.directory = "/data/t-0"});
    ASSERT_TRUE(log.ok()) << log.status();
    PartitionOptions options{.broker_id = kSelf, .flush_before_ack = flush_before_ack_};
    options.replica.count_flushed = flush_before_ack_;
    options.replica.replica_lag_time_max = seconds(10);
    partition_ =
        std::make_unique<Partition>(shard_, *this, TopicPartition{{1, 1}, 0}, "t", options,
                                    settings_, *std::move(log), checkpointed_high_watermark);
  }

  // PartitionServices
  void RunFlush(const Partition&, segment::FlushTicket ticket) override {
    tickets_.push_back(std::move(ticket));
  }
  void FlushWhenIdle(const Partition&) override { partition_->FlushInBackground(); }
  void ProposeIsr(const Partition&, const IsrProposal& proposal) override {
    proposals_.push_back(proposal);
  }
  void OnLogFailed(const Partition&, const absl::Status& why) override { failures_.push_back(why); }
  const std::map<int32_t, ReplicaCore::BrokerView>& Brokers() const override { return brokers_; }
  ReplicationThrottle& LeaderThrottle() override { return throttle_; }
  LogThrottle& StateLines() override { return state_lines_; }

  // The disk thread does all that it was given.
  void Flush() {
    while (!tickets_.empty()) {
      segment::FlushTicket ticket = std::move(tickets_.front());
      tickets_.pop_front();
      const absl::Status result = ticket.Run(fs_);
      partition_->OnFlushDone(ticket, result);
    }
  }

  CommittedState State(int32_t leader, int32_t leader_epoch, int32_t partition_epoch,
                       std::vector<int32_t> isr) const {
    return {leader, leader_epoch, partition_epoch, {1, 2, 3}, std::move(isr), min_isr_};
  }
  void Lead(int32_t leader_epoch, std::vector<int32_t> isr) {
    partition_->ApplyState(State(kSelf, leader_epoch, next_partition_epoch_++, std::move(isr)));
  }
  void Follow(int32_t leader, int32_t leader_epoch) {
    partition_->ApplyState(State(leader, leader_epoch, next_partition_epoch_++, {1, 2, 3}));
  }

  static Buffer Batch(int records = 1, kafka::BatchOptions options = {}) {
    kafka::BatchBuilder builder(options);
    for (int i = 0; i < records; ++i) builder.Append(1'700'000'000'000 + i, std::nullopt, "value");
    return builder.Build();
  }
  ProduceOutcome Append(int records = 1, int16_t acks = -1) { return Append(Batch(records), acks); }
  ProduceOutcome Append(Buffer batch, int16_t acks) {
    ProduceBatch only{std::move(batch), acks};
    return partition_->AppendAsLeader({&only, 1}).front();
  }
  // Appends and waits with acks=all; the result appears in what is returned.
  std::shared_ptr<std::optional<kafka::ErrorCode>> AppendAndWait(int records = 1) {
    auto result = std::make_shared<std::optional<kafka::ErrorCode>>();
    ProduceOutcome outcome = Append(records);
    EXPECT_EQ(outcome.error, kafka::ErrorCode::NONE) << outcome.error_message;
    partition_->WhenCommitted(outcome.required_offset, outcome.leader_epoch,
                              [result](kafka::ErrorCode error) { *result = error; });
    return result;
  }

  // A follower's fetch that says what one would say with this log end.
  FetchOutcome FetchAs(int32_t follower, int64_t offset, int64_t flushed) {
    FetchArgs args;
    args.replica_id = follower;
    args.replica_epoch = 100 + follower;
    args.fetch_offset = offset;
    args.flushed_offset = flushed;
    args.current_leader_epoch = partition_->replica().leader_epoch();
    args.last_fetched_epoch = offset > 0 ? partition_->log().LeaderEpochOf(offset - 1) : -1;
    args.max_bytes = 1 << 20;
    return partition_->Read(args);
  }
  FetchOutcome Consume(int64_t offset) {
    FetchArgs args;
    args.fetch_offset = offset;
    args.max_bytes = 1 << 20;
    return partition_->Read(args);
  }
  // An answer to what this follower asks now.
  Partition::FollowerAnswer AnswerNow(int64_t high_watermark = 0) {
    const auto asked = partition_->NextFetch();
    EXPECT_TRUE(asked.has_value());
    Partition::FollowerAnswer answer;
    answer.leader_epoch = asked->leader_epoch;
    answer.fetch_offset = asked->fetch_offset;
    answer.last_fetched_epoch = asked->last_fetched_epoch;
    answer.high_watermark = high_watermark;
    answer.log_start_offset = 0;
    return answer;
  }
  // The leader sends `records` more, written in `epoch`.
  absl::Status Receive(int records, int32_t epoch, int64_t high_watermark = 0) {
    auto answer = AnswerNow(high_watermark);
    answer.records = Batch(records, {.base_offset = answer.fetch_offset, .leader_epoch = epoch});
    return partition_->OnFollowerAnswer(answer);
  }
  std::shared_ptr<FetchDoorbell> Park(bool replica) {
    auto doorbell = std::make_shared<FetchDoorbell>([this] { ++rings_; });
    FetchArgs args;
    args.replica_id = replica ? 2 : -1;
    partition_->AddFetchWaiter(doorbell, args);
    return doorbell;
  }

  const segment::Log& log() const { return partition_->log(); }
  int64_t high_watermark() const { return partition_->replica().high_watermark(); }

  sim::SimFileSystem fs_{1};
  ManualClock clock_;
  TestShard shard_{clock_};
  config::TopicSettings settings_;
  bool flush_before_ack_ = true;
  int32_t min_isr_ = 2;
  int32_t next_partition_epoch_ = 1;
  std::map<int32_t, ReplicaCore::BrokerView> brokers_ = {
      {1, {101, true}}, {2, {kEpochOf2, true}}, {3, {kEpochOf3, true}}};
  ReplicationThrottle throttle_;
  LogThrottle state_lines_{100, seconds(1)};
  std::deque<segment::FlushTicket> tickets_;
  std::vector<IsrProposal> proposals_;
  std::vector<absl::Status> failures_;
  int rings_ = 0;
  std::unique_ptr<Partition> partition_;
};

}  // namespace soliton::broker
