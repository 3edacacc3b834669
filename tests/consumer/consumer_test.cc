// The consumer as applications see it, against one scripted broker that serves a log.
#include "consumer/consumer.h"

#include <gtest/gtest.h>

#include "protocol/messages/fetch.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/record/batch_builder.h"
#include "tests/producer/scripted_broker.h"

namespace soliton::consumer {
namespace {

using kafka::ErrorCode;
using kafka::FetchRequest;
using kafka::ListOffsetsRequest;
using producer::ScriptedBroker;

constexpr Uuid kTopicId{7, 7};

class ConsumerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_.SetBoot([](sim::SimNode&) { return std::make_shared<int>(0); });
    client_.Restart();
    auto& node = broker_.metadata.brokers.emplace_back();
    node.node_id = 1;
    node.host = broker_.endpoint().host;
    node.port = 9092;
    auto& topic = broker_.metadata.topics.emplace_back();
    topic.name = "t";
    topic.topic_id = kTopicId;
    for (int i = 0; i < 2; ++i) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = i;
      partition.leader_id = 1;
      partition.leader_epoch = 3;
    }
    broker_.handler = [this](ScriptedBroker&, const kafka::RequestHeader& header,
                             kafka::Decoder& body, FramedConnection& connection) {
      if (header.api_key == FetchRequest::kApiKey) {
        OnFetch(header, *FetchRequest::Decode(body, header.api_version), connection);
      } else if (header.api_key == ListOffsetsRequest::kApiKey) {
        OnListOffsets(header, *ListOffsetsRequest::Decode(body, header.api_version), connection);
      }
    };
    options_.cluster.bootstrap = {broker_.endpoint()};
    options_.fetch.reset_policy = ResetPolicy::kEarliest;
  }
  void TearDown() override {
    OnClient([this] { consumer_.reset(); });
  }

  // Appends a batch of `count` records to the served log of partition 0.
  void Append(int count) {
    kafka::BatchBuilder builder({.base_offset = end_, .leader_epoch = 3});
    for (int i = 0; i < count; ++i) builder.Append(1000 + end_ + i, "k", std::to_string(end_ + i));
    log_.push_back({end_, builder.Build()});
    end_ += count;
  }

  // Broker 2 follows in the rack "near".
  void OnFetch(const kafka::RequestHeader& header, const FetchRequest& request,
               FramedConnection& connection, bool at_follower = false) {
    ++fetches_;
    const bool sends_away = !at_follower && request.rack_id == "near";
    kafka::FetchResponse response;
    for (const auto& topic : request.topics) {
      EXPECT_EQ(topic.topic_id, kTopicId) << "version " << header.api_version;
      auto& topic_answer = response.responses.emplace_back();
      topic_answer.topic_id = topic.topic_id;
      for (const auto& asked : topic.partitions) {
        auto& answer = topic_answer.partitions.emplace_back();
        answer.partition_index = asked.partition;
        answer.high_watermark = asked.partition == 0 ? end_ : 0;
        answer.records = kafka::Records::Empty();
        if (asked.partition != 0) continue;
        last_fetch_offset_ = asked.fetch_offset;
        if (fetch_error_ != ErrorCode::NONE) {
          answer.error_code = std::exchange(fetch_error_, ErrorCode::NONE);
        } else if (asked.fetch_offset < start_ || asked.fetch_offset > end_) {
          answer.error_code = ErrorCode::OFFSET_OUT_OF_RANGE;
        } else if (sends_away) {
          answer.preferred_read_replica = 2;
        } else {
          answer.records = kafka::Records(BatchFor(asked.fetch_offset));
        }
      }
    }
    ScriptedBroker::Reply(header, connection, response);
  }

  Buffer BatchFor(int64_t offset) const {
    for (const auto& [base, bytes] : log_) {
      if (kafka::RecordBatchView::Parse(bytes)->next_offset() > offset) return bytes;
    }
    return {};
  }

  void OnListOffsets(const kafka::RequestHeader& header, const ListOffsetsRequest& request,
                     FramedConnection& connection) {
    kafka::ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
      auto& topic_answer = response.topics.emplace_back();
      topic_answer.name = topic.name;
      for (const auto& asked : topic.partitions) {
        auto& answer = topic_answer.partitions.emplace_back();
        answer.partition_index = asked.partition_index;
        if (lookup_refusals_ > 0) {
          --lookup_refusals_;
          answer.error_code = ErrorCode::OFFSET_NOT_AVAILABLE;
        } else if (asked.timestamp == kEarliestTimestamp) {
          answer.offset = start_;
        } else if (asked.timestamp == kLatestTimestamp) {
          answer.offset = end_;
        } else {
          const int64_t found = asked.timestamp - 1000;
          answer.offset = found < end_ ? std::max(found, start_) : -1;
        }
      }
    }
    ScriptedBroker::Reply(header, connection, response);
  }

  void OnClient(std::function<void()> what) {
    bool done = false;
    client_.Post([&] {
      what();
      done = true;
    });
    ASSERT_TRUE(world_.RunUntil([&] { return done; }, seconds(1)));
  }

  // Reads partition 0 from `start`; every record polled goes to offsets_.
  void Read(StartPosition start, bool drain = true) {
    OnClient([&] {
      auto created = Consumer::Create(client_.ports(), client_.ports().shards->shard(0), options_);
      ASSERT_TRUE(created.ok());
      consumer_ = *std::move(created);
      consumer_->OnEvent([this](const ConsumerEvent& event) { events_.push_back(event); });
      if (drain) consumer_->OnReady([this] { Drain(); });
      consumer_->Assign({{kPartition, start}});
    });
  }
  void Drain() {
    for (const RecordSet& set : consumer_->Poll(100)) {
      for (const ConsumedRecord& record : set.records) {
        EXPECT_EQ(*record.value, std::to_string(record.offset));
        offsets_.push_back(record.offset);
      }
    }
  }
  bool WaitForRecords(size_t count) {
    return world_.RunUntil([&] { return offsets_.size() >= count; }, seconds(10));
  }

  const TopicPartition kPartition{"t", 0};
  sim::SimWorld world_{3};
  sim::SimNetwork network_{world_, {}};
  ScriptedBroker broker_{world_, network_, "broker-1"};
  sim::SimNode client_{world_, network_, "client"};
  ConsumerOptions options_;
  std::unique_ptr<Consumer> consumer_;
  std::vector<std::pair<int64_t, Buffer>> log_;
  int64_t start_ = 0;
  int64_t end_ = 0;
  int fetches_ = 0;
  int64_t last_fetch_offset_ = -1;
  ErrorCode fetch_error_ = ErrorCode::NONE;
  int lookup_refusals_ = 0;
  std::vector<int64_t> offsets_;
  std::vector<ConsumerEvent> events_;
};

TEST_F(ConsumerTest, ReadsEverythingFromTheStartInOrder) {
  for (int i = 0; i < 5; ++i) Append(3);
  Read(StartPosition::Earliest());
  ASSERT_TRUE(WaitForRecords(15));
  for (size_t i = 0; i < offsets_.size(); ++i) EXPECT_EQ(offsets_[i], static_cast<int64_t>(i));
  EXPECT_EQ(consumer_->Position(kPartition), 15);
  EXPECT_EQ(consumer_->HighWatermark(kPartition), 15);
  Append(2);
  ASSERT_TRUE(WaitForRecords(17));
  EXPECT_EQ(consumer_->stats().records, 17u);
}

// KIP-392
TEST_F(ConsumerTest, ReadsFromTheReplicaThatTheLeaderNamesAndFromTheLeaderWhenThatIsGone) {
  ScriptedBroker follower(world_, network_, "broker-2");
  auto& node = broker_.metadata.brokers.emplace_back();
  node.node_id = 2;
  node.host = follower.endpoint().host;
  node.port = 9092;
  follower.metadata = broker_.metadata;
  int near_fetches = 0;
  follower.handler = [&](ScriptedBroker&, const kafka::RequestHeader& header, kafka::Decoder& body,
                         FramedConnection& connection) {
    ASSERT_EQ(header.api_key, FetchRequest::kApiKey) << "offsets are asked of the leader";
    ++near_fetches;
    OnFetch(header, *FetchRequest::Decode(body, header.api_version), connection, true);
  };
  options_.fetch.rack = "near";
  for (int i = 0; i < 5; ++i) Append(3);
  Read(StartPosition::Earliest());
  ASSERT_TRUE(WaitForRecords(15));
  EXPECT_GE(near_fetches, 5);
  EXPECT_LT(fetches_ - near_fetches, 3) << "the leader is asked once";
  follower.node().Crash({.lose_unsynced = false});
  broker_.handler = [this](ScriptedBroker&, const kafka::RequestHeader& header,
                           kafka::Decoder& body, FramedConnection& connection) {
    if (header.api_key != FetchRequest::kApiKey) return;
    OnFetch(header, *FetchRequest::Decode(body, header.api_version), connection, true);
  };
  Append(3);
  ASSERT_TRUE(WaitForRecords(18));
  for (size_t i = 0; i < offsets_.size(); ++i) EXPECT_EQ(offsets_[i], static_cast<int64_t>(i));
  OnClient([this] { consumer_.reset(); });
}

TEST_F(ConsumerTest, StartsInTheMiddleOfABatch) {
  Append(10);
  Read(StartPosition::Offset(7));
  ASSERT_TRUE(WaitForRecords(3));
  EXPECT_EQ(offsets_, (std::vector<int64_t>{7, 8, 9}));
}

TEST_F(ConsumerTest, StartsAtTheEndOrByTime) {
  Append(10);
  Read(StartPosition::Latest());
  world_.RunFor(seconds(1));
  Append(1);
  ASSERT_TRUE(WaitForRecords(1));
  EXPECT_EQ(offsets_, std::vector<int64_t>{10});
  OnClient([this] { consumer_->Seek(kPartition, StartPosition::Timestamp(1008)); });
  offsets_.clear();
  ASSERT_TRUE(WaitForRecords(3));
  EXPECT_EQ(offsets_[0], 8);
}

TEST_F(ConsumerTest, ATimeAfterAllRecordsMeansTheEnd) {
  Append(3);
  Read(StartPosition::Timestamp(99999));
  ASSERT_TRUE(world_.RunUntil([&] { return consumer_->Position(kPartition) == 3; }, seconds(5)));
  EXPECT_TRUE(offsets_.empty());
}

TEST_F(ConsumerTest, ALookupIsRepeatedUntilTheLeaderKnows) {
  Append(3);
  lookup_refusals_ = 4;
  Read(StartPosition::Earliest());
  ASSERT_TRUE(WaitForRecords(3));
}

TEST_F(ConsumerTest, APartitionThatAppearsLaterIsRead) {
  const TopicPartition added{"t", 2};
  Read(StartPosition::Earliest());
  OnClient([&] { consumer_->Assign({{added, StartPosition::Earliest()}}); });
  world_.RunFor(milliseconds(300));
  EXPECT_FALSE(consumer_->HighWatermark(added).has_value());
  auto& partition = broker_.metadata.topics[0].partitions.emplace_back();
  partition.partition_index = 2;
  partition.leader_id = 1;
  partition.leader_epoch = 3;
  ASSERT_TRUE(
      world_.RunUntil([&] { return consumer_->HighWatermark(added).has_value(); }, seconds(5)));
}

TEST_F(ConsumerTest, WithoutPollingTheBufferFillsAndFetchingStops) {
  options_.fetch.partition_buffer_bytes = 300;
  for (int i = 0; i < 50; ++i) Append(3);
  Read(StartPosition::Earliest(), false);
  world_.RunFor(seconds(5));
  EXPECT_LT(fetches_, 6);
  size_t sets = 0;
  OnClient([&] { sets = consumer_->Poll(1000).size(); });
  EXPECT_GT(sets, 0u);
  EXPECT_LT(sets, 6u);
}

TEST_F(ConsumerTest, LostRecordsAreAnEventAndReadingGoesOn) {
  for (int i = 0; i < 4; ++i) Append(5);
  start_ = 10;
  Read(StartPosition::Offset(2));
  ASSERT_TRUE(WaitForRecords(10));
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].kind, FetchEvent::Kind::kReset);
  EXPECT_EQ(events_[0].offset, 2);
  EXPECT_EQ(offsets_[0], 10);
}

TEST_F(ConsumerTest, ADamagedBatchEndsThePartition) {
  Append(3);
  Append(3);
  log_[1].second.mutable_data()[log_[1].second.size() - 1] ^= 1;
  Read(StartPosition::Earliest());
  ASSERT_TRUE(WaitForRecords(3));
  ASSERT_TRUE(world_.RunUntil([&] { return !events_.empty(); }, seconds(5)));
  EXPECT_EQ(events_[0].kind, FetchEvent::Kind::kFailed);
  EXPECT_TRUE(absl::IsDataLoss(events_[0].status));
  world_.RunFor(seconds(2));
  EXPECT_EQ(offsets_.size(), 3u);
}

TEST_F(ConsumerTest, ARetriableErrorAndALostConnectionSkipNothing) {
  for (int i = 0; i < 10; ++i) Append(3);
  fetch_error_ = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  Read(StartPosition::Earliest());
  ASSERT_TRUE(WaitForRecords(6));
  broker_.node().Crash({.lose_unsynced = false});
  broker_.node().Restart();
  ASSERT_TRUE(WaitForRecords(30));
  for (size_t i = 0; i < offsets_.size(); ++i) EXPECT_EQ(offsets_[i], static_cast<int64_t>(i));
}

TEST_F(ConsumerTest, APausedPartitionGivesNothingUntilResumed) {
  Read(StartPosition::Earliest());
  ASSERT_TRUE(world_.RunUntil([&] { return consumer_->Position(kPartition) == 0; }, seconds(5)));
  OnClient([this] { consumer_->Pause(kPartition); });
  world_.RunFor(seconds(1));
  Append(3);
  const int before = fetches_;
  world_.RunFor(seconds(2));
  EXPECT_EQ(fetches_, before);
  OnClient([this] { consumer_->Resume(kPartition); });
  ASSERT_TRUE(WaitForRecords(3));
}

TEST_F(ConsumerTest, AnAssignmentReplacesTheOneBefore) {
  Append(3);
  Read(StartPosition::Earliest());
  ASSERT_TRUE(WaitForRecords(3));
  OnClient([this] { consumer_->Assign({{{"t", 1}, StartPosition::Offset(0)}}); });
  EXPECT_EQ(consumer_->Position(kPartition), std::nullopt);
  Append(3);
  world_.RunFor(seconds(2));
  EXPECT_EQ(offsets_.size(), 3u);
}

}  // namespace
}  // namespace soliton::consumer
