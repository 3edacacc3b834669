// A run against three brokers in the simulated world. Processes cannot be killed there: faults are
// tested against real ones.
#include "bench/failover/failover_series.h"
#include "bench/failover/summary.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::bench {
namespace {

class FailoverSimTest : public broker::BrokerClusterTest {
 protected:
  SeriesOptions Options() {
    SeriesOptions options;
    options.run.bootstrap = {{"broker-1", 9092}};
    options.run.records_per_second = 1000;
    options.run.duration = seconds(2);
    options.partitions = 4;
    return options;
  }
  std::pair<absl::Status, FailoverData> Run(const SeriesOptions& options) {
    std::optional<std::pair<absl::Status, FailoverData>> result;
    std::unique_ptr<FailoverSeries> series;
    client_.Post([&] {
      series = std::make_unique<FailoverSeries>(
          client_.ports(), client_.ports().shards->shard(0), options, FailoverSetup{},
          FailoverSeries::Events{.on_run = [&](const RunRecord&) { ++told_; }});
      series->Start([&](absl::Status status, FailoverData data) {
        result.emplace(std::move(status), std::move(data));
      });
    });
    world_.RunUntil([&] { return result.has_value(); }, seconds(120));
    bool gone = false;
    client_.Post([&] {
      series = nullptr;
      gone = true;
    });
    world_.RunUntil([&] { return gone; }, seconds(1));
    if (!result) return {absl::DeadlineExceededError("the runs did not end"), {}};
    return *std::move(result);
  }
  int told_ = 0;
};

TEST_F(FailoverSimTest, RunsWithoutAFaultAreVerified) {
  Start();
  SeriesOptions options = Options();
  options.runs = 2;
  const auto [status, data] = Run(options);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(data.runs.size(), 2u);
  EXPECT_EQ(told_, 2);
  EXPECT_TRUE(data.ok()) << SummaryText(data);
  for (const RunRecord& run : data.runs) {
    EXPECT_EQ(run.verdict.sent, 2000);
    EXPECT_EQ(run.verdict.acked, 2000);
    EXPECT_EQ(run.verdict.read, 2000);
    EXPECT_EQ(run.partitions, 4);
    EXPECT_EQ(run.before.due, 1000);  // behind the warm-up
  }
  EXPECT_EQ(data.runs[1].number, 2);
  EXPECT_EQ(data.setup.replication_factor, 3);
}

TEST_F(FailoverSimTest, WhatATopicHeldBeforeIsNotReadBack) {
  Start();
  CreateTopic("given", 2);
  SeriesOptions options = Options();
  options.run.topic = "given";
  options.runs = 2;
  const auto [status, data] = Run(options);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(data.ok()) << SummaryText(data);
  EXPECT_EQ(data.runs.at(1).verdict.read, 2000);
}

TEST_F(FailoverSimTest, SaysWhatCannotBeDone) {
  Start();
  SeriesOptions options = Options();
  options.run.topic = "nowhere";
  EXPECT_TRUE(absl::IsNotFound(Run(options).first));

  options = Options();
  options.replication_factor = 7;
  const auto [refused, none] = Run(options);
  EXPECT_NE(std::string(refused.message()).find("INVALID_REPLICATION_FACTOR"), std::string::npos)
      << refused;

  // Processes that nobody named.
  options = Options();
  options.run.duration = std::nullopt;
  options.run.fault = FaultKind::kKillLeader;
  const auto [unknown, nothing] = Run(options);
  EXPECT_NE(std::string(unknown.message()).find("--node"), std::string::npos) << unknown;
}

}  // namespace
}  // namespace soliton::bench
