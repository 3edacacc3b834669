// The producer as applications see it, against one scripted broker.
#include "producer/producer.h"

#include <gtest/gtest.h>

#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/produce.h"
#include "protocol/record/record_batch.h"
#include "tests/producer/scripted_broker.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;
using kafka::InitProducerIdRequest;
using kafka::ProduceRequest;

class ProducerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_.SetBoot([](sim::SimNode&) { return std::make_shared<int>(0); });
    client_.Restart();
    broker_.metadata = Metadata(3);
    broker_.handler = [this](ScriptedBroker&, const kafka::RequestHeader& header,
                             kafka::Decoder& body, FramedConnection& connection) {
      if (header.api_key == InitProducerIdRequest::kApiKey) {
        kafka::InitProducerIdResponse response;
        response.error_code = init_error_;
        response.producer_id = 4711;
        return ScriptedBroker::Reply(header, connection, response);
      }
      OnProduce(header, *ProduceRequest::Decode(body, header.api_version), connection);
    };
    options_.cluster.bootstrap = {broker_.endpoint()};
    options_.delivery_timeout = seconds(20);
  }
  void TearDown() override {
    OnClient([this] { producer_.reset(); });
  }

  kafka::MetadataResponse Metadata(int partitions, ErrorCode error = ErrorCode::NONE) {
    kafka::MetadataResponse response;
    auto& node = response.brokers.emplace_back();
    node.node_id = 1;
    node.host = broker_.endpoint().host;
    node.port = 9092;
    auto& topic = response.topics.emplace_back();
    topic.name = "t";
    topic.error_code = error;
    for (int i = 0; i < partitions; ++i) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = i;
      partition.leader_id = 1;
      partition.leader_epoch = 1;
    }
    return response;
  }

  void OnProduce(const kafka::RequestHeader& header, const ProduceRequest& request,
                 FramedConnection& connection) {
    kafka::ProduceResponse response;
    for (const auto& topic : request.topic_data) {
      auto& topic_answer = response.responses.emplace_back();
      topic_answer.name = topic.name;
      for (const auto& partition : topic.partition_data) {
        auto& answer = topic_answer.partition_responses.emplace_back();
        answer.index = partition.index;
        const auto batch = kafka::RecordBatchView::Parse(partition.records.buffer());
        ASSERT_TRUE(batch.ok() && batch->CrcMatches());
        batches_.push_back(*batch);
        if (refusals_ > 0) {
          --refusals_;
          answer.error_code = refusal_;
        } else {
          answer.base_offset = ends_[partition.index];
          ends_[partition.index] += batch->records_count();
        }
      }
    }
    last_acks_ = request.acks;
    if (request.acks != 0 && answering_) ScriptedBroker::Reply(header, connection, response);
  }

  void OnClient(std::function<void()> what) {
    bool done = false;
    client_.Post([&] {
      what();
      done = true;
    });
    ASSERT_TRUE(world_.RunUntil([&] { return done; }, seconds(1)));
  }
  void Open() {
    OnClient([this] {
      auto created = Producer::Create(client_.ports(), client_.ports().shards->shard(0), options_);
      ASSERT_TRUE(created.ok()) << created.status().ToString();
      producer_ = *std::move(created);
    });
  }
  absl::Status Send(ProducerRecord record) {
    absl::Status accepted;
    OnClient([&] {
      accepted = producer_->Send(
          std::move(record),
          [this](const absl::StatusOr<RecordMetadata>& result) { results_.push_back(result); });
    });
    return accepted;
  }
  ProducerRecord Record(std::string value, int32_t partition = 0) {
    return {.topic = "t", .partition = partition, .value = std::move(value)};
  }
  bool Wait(size_t results, Duration budget = seconds(60)) {
    return world_.RunUntil([&] { return results_.size() >= results; }, budget);
  }

  sim::SimWorld world_{3};
  sim::SimNetwork network_{world_, {}};
  ScriptedBroker broker_{world_, network_, "broker-1"};
  sim::SimNode client_{world_, network_, "client"};
  ProducerOptions options_;
  std::unique_ptr<Producer> producer_;
  ErrorCode init_error_ = ErrorCode::NONE;
  int refusals_ = 0;
  ErrorCode refusal_ = ErrorCode::NOT_ENOUGH_REPLICAS;
  bool answering_ = true;
  int last_acks_ = 99;
  std::map<int32_t, int64_t> ends_;
  std::vector<kafka::RecordBatchView> batches_;
  std::vector<absl::StatusOr<RecordMetadata>> results_;
};

TEST_F(ProducerTest, AcknowledgesWithPartitionAndOffset) {
  Open();
  ASSERT_TRUE(Send(Record("a", 2)).ok());
  ASSERT_TRUE(Send(Record("b", 2)).ok());
  ASSERT_TRUE(Wait(2));
  ASSERT_TRUE(results_[0].ok() && results_[1].ok());
  EXPECT_EQ(results_[1]->partition, 2);
  EXPECT_EQ(results_[1]->offset, 1);
  EXPECT_EQ(last_acks_, -1);
  ASSERT_EQ(batches_.size(), 1u) << "records of one moment share a batch";
  EXPECT_EQ(batches_[0].producer_id(), 4711);
  EXPECT_EQ(batches_[0].base_sequence(), 0);
  EXPECT_EQ(producer_->stats().records_acked, 2u);
  EXPECT_EQ(producer_->stats().buffered_bytes, 0);
}

TEST_F(ProducerTest, RepeatsARefusedBatchWithItsSequence) {
  refusals_ = 3;
  Open();
  ASSERT_TRUE(Send(Record("a")).ok());
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(results_[0].ok());
  ASSERT_EQ(batches_.size(), 4u);
  for (const auto& batch : batches_) EXPECT_EQ(batch.base_sequence(), 0);
}

TEST_F(ProducerTest, MemoryIsBoundedAndOnWritableTellsWhenToGoOn) {
  options_.accumulator.buffer_bytes = 1000;
  answering_ = false;
  Open();
  ASSERT_TRUE(Send(Record(std::string(400, 'x'))).ok());
  ASSERT_TRUE(Send(Record(std::string(300, 'x'))).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Send(Record(std::string(400, 'x')))));
  EXPECT_EQ(producer_->stats().records_sent, 2u);
  bool writable = false;
  OnClient([&] { producer_->OnWritable([&] { writable = true; }); });
  world_.RunFor(seconds(1));
  EXPECT_FALSE(writable);
  answering_ = true;
  broker_.node().Crash({.lose_unsynced = false});
  broker_.node().Restart();
  EXPECT_TRUE(world_.RunUntil([&] { return writable; }, seconds(10)));
  EXPECT_TRUE(Send(Record(std::string(400, 'x'))).ok());
}

TEST_F(ProducerTest, ARecordAboveTheLimitIsRefusedAtOnce) {
  options_.max_request_bytes = 1000;
  Open();
  EXPECT_TRUE(absl::IsInvalidArgument(Send(Record(std::string(1001, 'x')))));
}

TEST_F(ProducerTest, FlushWaitsForWhatWasSentBeforeAndDoesNotLinger) {
  options_.accumulator.linger = seconds(10);
  Open();
  ASSERT_TRUE(Send(Record("a")).ok());
  bool flushed = false;
  const MonotonicTime from = world_.Now();
  OnClient([&] { producer_->Flush([&] { flushed = true; }); });
  ASSERT_TRUE(Send(Record("late")).ok());
  ASSERT_TRUE(world_.RunUntil([&] { return flushed; }, seconds(20)));
  EXPECT_LT(world_.Now() - from, seconds(1));
  EXPECT_EQ(results_.size(), 1u);
}

TEST_F(ProducerTest, CloseSendsWhatWaitsAndRefusesMore) {
  options_.accumulator.linger = seconds(10);
  Open();
  ASSERT_TRUE(Send(Record("a")).ok());
  bool closed = false;
  OnClient([&] { producer_->Close([&] { closed = true; }); });
  ASSERT_TRUE(world_.RunUntil([&] { return closed; }, seconds(20)));
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_TRUE(absl::IsFailedPrecondition(Send(Record("b"))));
}

TEST_F(ProducerTest, TheDeliveryTimeoutEndsARecordWhateverHappens) {
  options_.delivery_timeout = seconds(2);
  answering_ = false;
  Open();
  const MonotonicTime from = world_.Now();
  ASSERT_TRUE(Send(Record("a")).ok());
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(results_[0].status()));
  EXPECT_NEAR(static_cast<double>((world_.Now() - from).count()), 2e9, 1e8);
}

TEST_F(ProducerTest, AnUnknownTopicIsReportedAfterTheMetadataTimeout) {
  options_.metadata_timeout = seconds(1);
  broker_.metadata = Metadata(0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  Open();
  ASSERT_TRUE(Send(Record("a")).ok());
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(absl::IsNotFound(results_[0].status()));
}

TEST_F(ProducerTest, ATopicThatAppearsInTimeIsUsed) {
  broker_.metadata = Metadata(0, ErrorCode::LEADER_NOT_AVAILABLE);
  Open();
  ASSERT_TRUE(Send(Record("a")).ok());
  world_.RunFor(milliseconds(300));
  broker_.metadata = Metadata(1);
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(results_[0].ok());
}

// Somebody adds partitions to the topic, and this producer hears of it before its metadata does.
TEST_F(ProducerTest, APartitionThatAppearsInTimeIsUsed) {
  Open();
  ASSERT_TRUE(Send(Record("a", 0)).ok());
  ASSERT_TRUE(Wait(1));
  ASSERT_TRUE(Send(Record("b", 5)).ok());
  ASSERT_TRUE(Send(Record("c", 0)).ok());
  ASSERT_TRUE(Wait(2)) << "records for other partitions do not wait";
  world_.RunFor(milliseconds(300));
  EXPECT_EQ(results_.size(), 2u);
  broker_.metadata = Metadata(6);
  ASSERT_TRUE(Wait(3));
  ASSERT_TRUE(results_[2].ok()) << results_[2].status();
  EXPECT_EQ(results_[2]->partition, 5);
}

TEST_F(ProducerTest, APartitionThatDoesNotExistFailsOnlyItsRecord) {
  options_.metadata_timeout = seconds(1);
  Open();
  ASSERT_TRUE(Send(Record("a", 0)).ok());
  ASSERT_TRUE(Wait(1));
  ASSERT_TRUE(Send(Record("a", 7)).ok());
  ASSERT_TRUE(Wait(2));
  EXPECT_TRUE(absl::IsInvalidArgument(results_[1].status()));
  EXPECT_EQ(producer_->stats().buffered_bytes, 0);
}

TEST_F(ProducerTest, ARefusalToGiveAProducerIdEndsTheProducer) {
  init_error_ = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
  Open();
  const absl::Status first = Send(Record("a"));
  if (first.ok()) {
    ASSERT_TRUE(Wait(1));
    EXPECT_TRUE(absl::IsPermissionDenied(results_[0].status()));
  }
  world_.RunFor(seconds(1));
  EXPECT_TRUE(absl::IsPermissionDenied(Send(Record("b"))));
}

TEST_F(ProducerTest, WithoutAcksRecordsEndWhenSent) {
  options_.acks = 0;
  options_.idempotence = false;
  Open();
  ASSERT_TRUE(Send(Record("a")).ok());
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(results_[0].ok());
  EXPECT_EQ(results_[0]->offset, -1);
  world_.RunFor(milliseconds(50));
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_EQ(batches_[0].producer_id(), -1);
}

TEST_F(ProducerTest, ACallbackMayDestroyTheProducer) {
  Open();
  int calls = 0;
  OnClient([&] {
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(producer_
                      ->Send(Record("a"),
                             [&](const absl::StatusOr<RecordMetadata>&) {
                               ++calls;
                               producer_.reset();
                             })
                      .ok());
    }
  });
  world_.RunFor(seconds(5));
  EXPECT_EQ(calls, 1);
}

TEST(ProducerOptionsTest, ContradictionsAreRefused) {
  sim::SimWorld world(1);
  sim::SimNetwork network(world, {});
  sim::SimNode node(world, network, "client");
  node.Restart();
  Shard& shard = node.ports().shards->shard(0);
  const auto create = [&](ProducerOptions options) {
    return Producer::Create(node.ports(), shard, std::move(options)).status();
  };
  ProducerOptions options;
  EXPECT_TRUE(absl::IsInvalidArgument(create(options))) << "no bootstrap address";
  options.cluster.bootstrap = {{"a", 1}};
  options.acks = 1;
  EXPECT_TRUE(absl::IsInvalidArgument(create(options))) << "idempotence needs acks=all";
  options.acks = 2;
  options.idempotence = false;
  EXPECT_TRUE(absl::IsInvalidArgument(create(options)));
  options.acks = -1;
  options.max_in_flight = 6;
  EXPECT_TRUE(absl::IsInvalidArgument(create(options)));
}

}  // namespace
}  // namespace soliton::producer
