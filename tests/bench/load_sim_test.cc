// The load drivers against three brokers in the simulated world: what they claim to have written
// and read is there.
#include "bench/load/consume_load.h"
#include "bench/load/produce_load.h"
#include "protocol/record/batch_iterator.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::bench {
namespace {

class LoadSimTest : public broker::BrokerClusterTest {
 protected:
  LoadTarget Target(const std::string& topic) {
    return {.bootstrap = {{"broker-1", 9092}}, .topic = topic};
  }

  template <class Load, class Options>
  absl::StatusOr<LoadFigures> Run(const Options& options) {
    std::optional<absl::StatusOr<LoadFigures>> result;
    std::unique_ptr<Load> load;
    int begun = 0;
    client_.Post([&] {
      load = std::make_unique<Load>(
          client_.ports(), client_.ports().shards->shard(0), options,
          [&](absl::StatusOr<LoadFigures> figures) { result = std::move(figures); });
      load->OnBegin([&] { ++begun; });
    });
    world_.RunUntil([&] { return result.has_value(); }, seconds(120));
    bool gone = false;
    client_.Post([&] {
      load.reset();
      gone = true;
    });
    world_.RunUntil([&] { return gone; }, seconds(1));
    if (!result) return absl::DeadlineExceededError("the load did not end");
    if (result->ok()) EXPECT_EQ(begun, 1);
    return *std::move(result);
  }

  int64_t EndOffset(const std::string& topic, int32_t partition) {
    int64_t end = 0;
    for (int id = 1; id <= 3; ++id) {
      const auto replica = Replica(id, topic, partition);
      if (replica) end = std::max(end, replica->high_watermark);
    }
    return end;
  }
};

TEST_F(LoadSimTest, BatchesAreFilledAndValid) {
  const Buffer batch = MakeLoadBatch(64 * 1024, 1024, 1'700'000'000'000);
  EXPECT_LE(batch.size(), 64u * 1024);
  EXPECT_GT(batch.size(), 62u * 1024);
  const auto view = kafka::RecordBatchView::Parse(batch);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->CrcMatches());
  // A record larger than the batch size still makes a batch of one.
  const auto single = kafka::RecordBatchView::Parse(MakeLoadBatch(1024, 1024, 0));
  ASSERT_TRUE(single.ok());
  EXPECT_EQ(single->records_count(), 1);
}

TEST_F(LoadSimTest, WhatWasProducedIsConsumed) {
  Start();
  CreateTopic("load", 5);
  ProduceLoadOptions produce{.target = Target("load"), .limit = {.bytes = 200'000}};
  produce.batch_bytes = 4096;
  produce.record_bytes = 500;
  const auto written = Run<ProduceLoad>(produce);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_GE(written->bytes, 200'000);
  EXPECT_EQ(written->latency.count(), written->requests);
  EXPECT_GT(written->elapsed, Duration::zero());
  EXPECT_GE(written->latency.max(), written->latency.Percentile(50));

  const Buffer batch = MakeLoadBatch(4096, 500, 1);
  const int64_t records = kafka::RecordBatchView::Parse(batch)->records_count();
  EXPECT_EQ(written->bytes, written->requests * static_cast<int64_t>(batch.size()));
  int64_t stored = 0;
  for (int32_t p = 0; p < 5; ++p) stored += EndOffset("load", p);
  EXPECT_EQ(stored, written->requests * records);

  const auto read = Run<ConsumeLoad>(ConsumeLoadOptions{.target = Target("load")});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->bytes, written->bytes);

  ConsumeLoadOptions again{.target = Target("load"), .limit = {.bytes = 3 * written->bytes}};
  again.partition_max_bytes = 8192;
  const auto repeated = Run<ConsumeLoad>(again);
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_GE(repeated->bytes, 3 * written->bytes);
}

TEST_F(LoadSimTest, WithoutAcknowledgementsEverythingIsSent) {
  Start();
  CreateTopic("load", 2, 1, {});
  ProduceLoadOptions produce{.target = Target("load"), .limit = {.bytes = 100'000}};
  produce.batch_bytes = 4096;
  produce.acks = 0;
  const auto written = Run<ProduceLoad>(produce);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_GE(written->bytes, 100'000);
  const int64_t records =
      kafka::RecordBatchView::Parse(MakeLoadBatch(4096, 1024, 1))->records_count();
  EXPECT_TRUE(world_.RunUntil(
      [&] { return EndOffset("load", 0) + EndOffset("load", 1) == written->requests * records; },
      seconds(10)));
}

TEST_F(LoadSimTest, TimeLimitsALoad) {
  Start();
  CreateTopic("load", 1);
  ProduceLoadOptions produce{.target = Target("load"), .limit = {.time = milliseconds(300)}};
  produce.batch_bytes = 1024;
  const auto written = Run<ProduceLoad>(produce);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_GE(written->elapsed, milliseconds(300));
  EXPECT_LT(written->elapsed, milliseconds(600));
}

TEST_F(LoadSimTest, AMissingTopicIsNotFound) {
  Start();
  LoadTarget target = Target("nowhere");
  target.metadata_timeout = seconds(1);
  ConsumeLoadOptions consume{.target = target};
  EXPECT_TRUE(absl::IsNotFound(Run<ConsumeLoad>(consume).status()));
}

TEST_F(LoadSimTest, ARefusedBatchEndsTheLoadWithTheReason) {
  Start();
  CreateTopic("load", 1, 3, {{"max.message.bytes", "2000"}});
  ProduceLoadOptions produce{.target = Target("load"), .limit = {.bytes = 100'000}};
  const auto written = Run<ProduceLoad>(produce);
  ASSERT_FALSE(written.ok());
  EXPECT_NE(std::string(written.status().message()).find("MESSAGE_TOO_LARGE"), std::string::npos)
      << written.status();
}

TEST(OffsetBehindTest, WholeBatchesCountACutOneDoesNot) {
  BufferChain chain;
  for (int64_t base : {100, 103}) {
    kafka::BatchBuilder builder({.base_offset = base});
    for (int i = 0; i < 3; ++i) builder.Append(1, std::nullopt, "value");
    chain.Append(builder.Build());
  }
  const Buffer two = *chain.Flatten();
  EXPECT_EQ(*OffsetBehind(two, 100), 106);
  EXPECT_EQ(*OffsetBehind(two.Slice(0, two.size() - 1), 100), 103);
  EXPECT_EQ(*OffsetBehind(two.Slice(0, 40), 100), 100);
  EXPECT_EQ(*OffsetBehind(Buffer(), 7), 7);
  Buffer zeros = Buffer::CopyOf(std::string(200, '\0'));
  EXPECT_TRUE(absl::IsDataLoss(OffsetBehind(zeros, 0).status()));
  // Offsets that do not grow would be read for ever.
  EXPECT_TRUE(absl::IsDataLoss(OffsetBehind(two, 200).status()));
}

}  // namespace
}  // namespace soliton::bench
