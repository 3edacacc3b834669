// What one turn of the loop brings is written at its end: one write for each partition, answers in
// the order of the requests. Over a PartitionTable with real logs on a simulated disk.
#include "broker/partition/append_turn.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/broker/partition_table_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

class AppendTurnTest : public PartitionTableTest {
 protected:
  class Pending final : public PendingAppend {
   public:
    Pending(std::vector<int>& finished, int name) : finished_(finished), name_(name) {}
    void Waits() override { ++waits; }
    void Finished() override { finished_.push_back(name_); }

    int waits = 0;

   private:
    std::vector<int>& finished_;
    const int name_;
  };

  void SetUp() override {
    PartitionTableTest::SetUp();
    if (HasFatalFailure()) return;
    turn_ = std::make_unique<AppendTurn>(shard_, *table_, pauses_);
    Apply({});
    for (int i = 0; i < 2; ++i) ASSERT_NE(table_->Find(Id(i)), nullptr);
    fs_.SetObserver([this](sim::FileOperation operation, const std::string& path) {
      if (operation == sim::FileOperation::kAppend && path.ends_with(".log")) {
        written_.push_back(path);
      }
    });
  }

  std::shared_ptr<Pending> Add(const TopicPartition& id, int name, int records = 1,
                               int16_t acks = -1) {
    kafka::BatchBuilder builder({});
    for (int i = 0; i < records; ++i) builder.Append(clock_.WallMs(), std::nullopt, "value");
    return Add(id, name, builder.Build(), acks);
  }
  std::shared_ptr<Pending> Add(const TopicPartition& id, int name, Buffer records, int16_t acks) {
    auto pending = std::make_shared<Pending>(finished_, name);
    pending->id = id;
    pending->acks = acks;
    pending->records = std::move(records);
    turn_->Add(pending);
    return pending;
  }
  int64_t EndOf(int32_t partition) { return table_->Find(Id(partition))->log().log_end_offset(); }

  std::vector<uint64_t> doubts_;
  PauseWatch pauses_{[this](uint64_t doubt) { doubts_.push_back(doubt); }};
  std::unique_ptr<AppendTurn> turn_;
  std::vector<int> finished_;         // names, in the order of their answers
  std::vector<std::string> written_;  // files
};

TEST_F(AppendTurnTest, NothingIsWrittenBeforeTheTurnEnds) {
  auto pending = Add(Id(0), 1);
  EXPECT_EQ(EndOf(0), 0);
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_EQ(shard_.waiting(), 1u);
  shard_.RunAll();
  EXPECT_EQ(EndOf(0), 1);
  EXPECT_THAT(finished_, ElementsAre(1));
  EXPECT_EQ(pending->outcome.error, ErrorCode::NONE);
  EXPECT_EQ(pending->outcome.base_offset, 0);
  EXPECT_EQ(pending->waits, 1);  // for the flush
  EXPECT_TRUE(pending->records.empty());
}

TEST_F(AppendTurnTest, EachPartitionIsWrittenOnce) {
  // One task for the whole turn, however much it brings.
  auto first = Add(Id(1), 1, /*records=*/2);
  auto other = Add(Id(0), 2, /*records=*/5);
  auto second = Add(Id(1), 3, /*records=*/3);
  EXPECT_EQ(shard_.waiting(), 1u);
  shard_.RunAll();
  // In the order in which the partitions were named, and within one as they came.
  ASSERT_EQ(written_.size(), 2u);
  EXPECT_THAT(written_[0], testing::HasSubstr("/t-1/"));
  EXPECT_THAT(written_[1], testing::HasSubstr("/t-0/"));
  EXPECT_EQ(first->outcome.base_offset, 0);
  EXPECT_EQ(second->outcome.base_offset, 2);
  EXPECT_EQ(other->outcome.base_offset, 0);
  EXPECT_EQ(EndOf(1), 5);
  EXPECT_EQ(EndOf(0), 5);
  std::sort(finished_.begin(), finished_.end());
  EXPECT_THAT(finished_, ElementsAre(1, 2, 3));
}

TEST_F(AppendTurnTest, TheNextTurnIsAnotherWrite) {
  Add(Id(0), 1);
  shard_.RunAll();
  auto later = Add(Id(0), 2);
  EXPECT_EQ(shard_.waiting(), 1u);
  shard_.RunAll();
  EXPECT_EQ(written_.size(), 2u);
  EXPECT_EQ(later->outcome.base_offset, 1);
  EXPECT_THAT(finished_, ElementsAre(1, 2));
}

TEST_F(AppendTurnTest, AnswersWaitForTheCommitOrNot) {
  Apply({.isr = {1, 2}, .partition_epoch = 2});
  auto all = Add(Id(0), 1, /*records=*/1, /*acks=*/-1);
  auto leader_only = Add(Id(0), 2, /*records=*/1, /*acks=*/1);
  auto last = Add(Id(0), 3, /*records=*/1, /*acks=*/-1);
  shard_.RunAll();
  // Replica 2 has fetched nothing. acks=1 is answered after the write.
  EXPECT_EQ(EndOf(0), 3);
  EXPECT_THAT(finished_, ElementsAre(2));
  EXPECT_EQ(all->waits, 1);
  EXPECT_EQ(leader_only->waits, 0);
  FetchArgs fetch;
  fetch.replica_id = 2;
  fetch.replica_epoch = 102;
  fetch.current_leader_epoch = 1;
  fetch.last_fetched_epoch = 1;
  fetch.fetch_offset = fetch.flushed_offset = 3;
  EXPECT_EQ(table_->Find(Id(0))->Read(fetch).error, ErrorCode::NONE);
  // Everything is committed at once; answers keep the order of the requests.
  EXPECT_THAT(finished_, ElementsAre(2, 1, 3));
  EXPECT_EQ(all->outcome.error, ErrorCode::NONE);
  EXPECT_EQ(last->outcome.base_offset, 2);
  EXPECT_EQ(all->waits, 1);
}

TEST_F(AppendTurnTest, ARefusedBatchLeavesTheOthersAlone) {
  kafka::BatchBuilder builder({});
  builder.Append(clock_.WallMs(), std::nullopt, "value");
  std::string damaged(builder.Build().view());
  damaged.back() ^= 1;
  auto before = Add(Id(0), 1);
  auto bad = Add(Id(0), 2, Buffer::CopyOf(damaged), /*acks=*/-1);
  auto after = Add(Id(0), 3);
  shard_.RunAll();
  EXPECT_EQ(written_.size(), 1u);
  EXPECT_EQ(before->outcome.base_offset, 0);
  EXPECT_EQ(bad->outcome.error, ErrorCode::CORRUPT_MESSAGE);
  EXPECT_EQ(after->outcome.error, ErrorCode::NONE);
  EXPECT_EQ(after->outcome.base_offset, 1);
  std::sort(finished_.begin(), finished_.end());
  EXPECT_THAT(finished_, ElementsAre(1, 2, 3));
}

TEST_F(AppendTurnTest, AFailedWriteFailsItsPartitionOnly) {
  fs_.FailNext(sim::FileOperation::kAppend, "/t-0/", absl::DataLossError("EIO"));
  std::vector<std::shared_ptr<Pending>> failed = {Add(Id(0), 1), Add(Id(0), 2)};
  auto other = Add(Id(1), 3);
  shard_.RunAll();
  for (const auto& each : failed) {
    EXPECT_EQ(each->outcome.error, ErrorCode::KAFKA_STORAGE_ERROR);
  }
  EXPECT_EQ(other->outcome.error, ErrorCode::NONE);
  EXPECT_EQ(EndOf(1), 1);
  EXPECT_THAT(finished_, ElementsAre(1, 2, 3));
  EXPECT_EQ(failures_.size(), 1u);
  // A log that failed takes no more.
  auto later = Add(Id(0), 4);
  shard_.RunAll();
  EXPECT_EQ(later->outcome.error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_THAT(finished_, ElementsAre(1, 2, 3, 4));
}

TEST_F(AppendTurnTest, APartitionThatIsNotHereIsSaid) {
  auto pending = Add(Id(7), 1);
  EXPECT_THAT(finished_, IsEmpty());  // not inside Add
  shard_.RunAll();
  EXPECT_THAT(finished_, ElementsAre(1));
  EXPECT_EQ(pending->outcome.error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(AppendTurnTest, APartitionThatGoesWithinTheTurnIsNotWritten) {
  auto pending = Add(Id(0), 1);
  auto image = std::make_shared<controller::MetadataImage>();
  image->offset = 9;
  table_->ApplyImage(image, {.deleted_topics = {kTopic}});
  shard_.RunAll();
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_EQ(pending->outcome.error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_THAT(finished_, ElementsAre(1));
}

}  // namespace
}  // namespace soliton::broker
