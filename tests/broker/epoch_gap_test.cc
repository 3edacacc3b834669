// KIP-279, KAFKA-6361: the leader lacks the follower's newest epoch, and names one that the
// follower lacks in turn.
#include <algorithm>

#include "runtime/obs/logging.h"
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class EpochGapTest : public BrokerLifecycleTest {
 protected:
  void TearDown() override { SetLogSink(nullptr); }
  void ProduceUnreplicated(int to, const Uuid& id, std::string_view value) {
    const auto answer = Result(Call(to, ProduceTo(id, 0, Batch(value), 1)));
    ASSERT_EQ(answer.error_code, ErrorCode::NONE);
    ASSERT_EQ(answer.base_offset, 1);
    world_.RunFor(milliseconds(200));  // on its disk
  }
};

// Two brokers lead alone in turn, and each keeps a record that the other has never seen.
TEST_F(EpochGapTest, LogsMeetBelowTheEpochsThatOneOfThemLacks) {
  Start();
  const Uuid id = CreateTopic("t");
  const int first = LeaderOf("t");
  const int second = first % 3 + 1;
  const int third = second % 3 + 1;
  ASSERT_EQ(Produce(first, id, 0, "on all"), ErrorCode::NONE);
  // An epoch that begins with nobody but its leader knowing.
  node(third).Crash();
  ASSERT_TRUE(WaitForIsr(first, "t", 2, seconds(20)));
  network_.Cut(node(first).id(), node(second).id());
  ProduceUnreplicated(first, id, "of the first");
  const int32_t first_epoch = Replica(first, "t")->leader_epoch;
  node(first).Crash();
  ASSERT_TRUE(world_.RunUntil([&] { return CurrentLeader("t") == second; }, seconds(20)));
  network_.HealAll();
  ProduceUnreplicated(second, id, "of the second");
  const int32_t second_epoch = Replica(second, "t")->leader_epoch;
  ASSERT_GT(second_epoch, first_epoch);
  ASSERT_GT(first_epoch, 0);
  node(second).Crash();
  // It left below min.insync.replicas, so it is eligible.
  RestartAndServe(first);
  ASSERT_TRUE(world_.RunUntil([&] { return CurrentLeader("t") == first; }, seconds(20)));

  std::vector<std::string> lines;
  SetLogSink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  RestartAndServe(second);
  RestartAndServe(third);
  ASSERT_TRUE(WaitForIsr(first, "t", 3, seconds(20)));
  const std::string meeting =
      fmt::format("log diverges after epoch {}: truncating from 2 to 1", first_epoch);
  EXPECT_EQ(std::count_if(
                lines.begin(), lines.end(),
                [&](const std::string& line) { return line.find(meeting) != std::string::npos; }),
            1);
  ASSERT_EQ(Produce(first, id, 0, "on all again"), ErrorCode::NONE);
  world_.RunFor(seconds(1));
  std::optional<std::string> content;
  for (int broker_id = 1; broker_id <= 3; ++broker_id) {
    const auto bytes = broker(broker_id).ReadReplica(id, 0, 0, 3);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const std::string text(bytes->view());
    EXPECT_NE(text.find("of the first"), std::string::npos);
    EXPECT_EQ(text.find("of the second"), std::string::npos) << "never committed";
    if (!content) content = text;
    EXPECT_EQ(text, *content) << "the logs are the same bytes";
  }
}

}  // namespace
}  // namespace soliton::broker
