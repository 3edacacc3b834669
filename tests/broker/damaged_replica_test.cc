// What becomes of a replica whose promised records are damaged: in the simulated world.
#include "runtime/obs/logging.h"
#include "segment/accept_loss.h"
#include "segment/find_loss.h"
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class DamagedReplicaTest : public BrokerLifecycleTest {};

// S2, S52: what cannot be opened is said, so that somebody else leads.
// Nor is what it holds thrown away: once others lead, it is kept under another name and fetched
// anew.
TEST_F(DamagedReplicaTest, UnreadableReplicaIsNotElectedAndFetchedAgain) {
  Start();
  const Uuid id = CreateTopic("t");
  const int broken = LeaderOf("t");
  ASSERT_EQ(Produce(broken, id, 0, "acked"), ErrorCode::NONE);
  world_.RunFor(seconds(6));  // until what is durable is written down
  // The others leave one by one, so that this one is the last in-sync replica.
  for (int i = 1; i <= 3; ++i) {
    if (i != broken) node(i).Crash();
  }
  ASSERT_TRUE(WaitForIsr(broken, "t", 1, seconds(20)));
  node(broken).Crash();
  node(broken).files().FlipBit("/data/t-0/00000000000000000000.log", 40, 3);
  RestartAndServe(broken);
  EXPECT_EQ(OpenReplicas(id), 0);
  EXPECT_EQ(Result(Call(broken, ProduceTo(id, 0, Batch()))).error_code,
            ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(CountFolders(broken, "t-0", ""), 1) << "it may be the only copy";
  EXPECT_EQ(CountFolders(broken, "t-0.", "-damaged"), 0);
  for (int i = 1; i <= 3; ++i) {
    if (i != broken) RestartAndServe(i);
  }
  const int leader = WaitForLeaderOtherThan(broken, "t");
  ASSERT_GT(leader, 0);
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(20)));
  EXPECT_EQ(Fetched(Call(leader, FetchFrom(id, 0, 0))).high_watermark, 1) << "nothing was lost";
  int64_t offset = -1;
  ASSERT_EQ(Produce(leader, id, 0, "more", &offset), ErrorCode::NONE);
  EXPECT_EQ(offset, 1);
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(20))) << "it learns all of it again";
  EXPECT_EQ(Replica(broken, "t")->log_end_offset, 2);
  EXPECT_EQ(CountFolders(broken, "t-0.", "-damaged"), 1) << "kept";
  // What it has now outlives a stop.
  node(broken).Crash();
  RestartAndServe(broken);
  ASSERT_TRUE(WaitForIsr(CurrentLeader("t"), "t", 3, seconds(20)));
  EXPECT_EQ(Replica(broken, "t")->log_end_offset, 2);
  EXPECT_EQ(CountFolders(broken, "t-0.", "-damaged"), 1);
}

// Nobody else has it: it stays as it is, and what may be done is said. What an operator gives up is
// declared before the rest is served.
TEST_F(DamagedReplicaTest, TheOnlyCopyWaitsForSomebodyToAcceptTheLoss) {
  Start(1);
  const Uuid id = CreateTopic("t", 1, 1, {});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Produce(1, id, 0, "v"), ErrorCode::NONE);
  world_.RunFor(seconds(6));
  node(1).Crash();
  const std::string path = "/data/t-0/00000000000000000000.log";
  sim::SimFileSystem& files = node(1).files();
  const auto bytes = ReadFile(files, path);
  ASSERT_TRUE(bytes.ok());
  files.FlipBit(path, static_cast<int64_t>(bytes->size()) - 2, 3);
  std::string said;
  SetLogSink([&](LogLevel, std::string_view line) { said += std::string(line) + "\n"; });
  RestartAndServe(1);
  world_.RunFor(seconds(3));
  SetLogSink(nullptr);
  EXPECT_EQ(Result(Call(1, ProduceTo(id, 0, Batch()))).error_code, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(CountFolders(1, "t-0", ""), 1) << "nothing is moved";
  for (const std::string_view part :
       {"/data/t-0/00000000000000000000.log at byte", "offset 2; records up to 3 were durable",
        "soliton log accept-loss /data/t-0 --yes"}) {
    EXPECT_NE(said.find(part), std::string::npos) << part << " is not in " << said;
  }

  node(1).Crash();
  Random random(1);
  const auto loss = segment::FindLoss(files, "/data/t-0");
  ASSERT_TRUE(loss.ok() && loss->has_value()) << loss.status();
  ASSERT_TRUE(segment::AcceptLoss(files, "/data/t-0", **loss, "now", random).ok());
  RestartAndServe(1);
  ASSERT_TRUE(WaitForIsr(1, "t", 1, seconds(20)));
  EXPECT_EQ(Replica(1, "t")->log_end_offset, 2);
  int64_t offset = -1;
  ASSERT_EQ(Produce(1, id, 0, "more", &offset), ErrorCode::NONE);
  EXPECT_EQ(offset, 2);
  EXPECT_FALSE(files.Exists("/data/t-0/loss-accepted")) << "declared";
}

// An operator was too quick: others have what he gave up, so this replica must not lead.
TEST_F(DamagedReplicaTest, AnAcceptedLossIsNoLossWhereOthersHaveTheRecords) {
  Start();
  const Uuid id = CreateTopic("t");
  const int hasty = LeaderOf("t");
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Produce(hasty, id, 0, "acked"), ErrorCode::NONE);
  ASSERT_TRUE(WaitForIsr(hasty, "t", 3, seconds(20)));
  world_.RunFor(seconds(6));  // until what is durable is written down
  // Nobody sees the damage, so nobody but the folder tells of it.
  for (int i = 1; i <= 3; ++i) node(i).Crash();
  sim::SimFileSystem& files = node(hasty).files();
  const std::string path = "/data/t-0/00000000000000000000.log";
  files.FlipBit(path, static_cast<int64_t>(ReadFile(files, path)->size()) - 2, 3);
  Random random(1);
  const auto loss = segment::FindLoss(files, "/data/t-0");
  ASSERT_TRUE(loss.ok() && loss->has_value()) << loss.status();
  ASSERT_TRUE(segment::AcceptLoss(files, "/data/t-0", **loss, "now", random).ok());
  RestartAndServe(hasty);
  world_.RunFor(seconds(3));
  EXPECT_FALSE(Replica(hasty, "t")->leader);
  for (int i = 1; i <= 3; ++i) {
    if (i != hasty) RestartAndServe(i);
  }
  const int leader = WaitForLeaderOtherThan(hasty, "t");
  ASSERT_GT(leader, 0);
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(20)));
  EXPECT_EQ(Replica(hasty, "t")->log_end_offset, 3);
}

// The declaration of the loss comes first: a stop at any moment in between leaves the folder or
// finds it set aside, and the replica joins again all the same.
TEST_F(DamagedReplicaTest, FetchingAgainSurvivesACrashAtEveryOperation) {
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  const int broken = leader % 3 + 1;
  int64_t records = 0;
  bool survived_at_last = false;
  for (uint64_t operation = 1; !survived_at_last; ++operation) {
    ASSERT_LT(operation, 60u);
    ASSERT_EQ(Produce(CurrentLeader("t"), id, 0, "acked"), ErrorCode::NONE);
    ++records;
    ASSERT_TRUE(world_.RunUntil(
        [&] {
          auto replica = Replica(broken, "t");
          return replica && replica->high_watermark == records;
        },
        seconds(20)));
    node(broken).Crash();
    sim::SimFileSystem& files = node(broken).files();
    files.FlipBit("/data/t-0/00000000000000000000.log", 40, 3);
    bool crashed = false;
    files.SetCrashAtOperation(files.operation_count() + operation, [&] { crashed = true; });
    node(broken).Restart();
    const auto joined = [&] {
      const auto own = Replica(broken, "t");
      const auto leading = Replica(CurrentLeader("t"), "t");
      return crashed || (own && own->log_end_offset == records && leading->isr.size() == 3);
    };
    ASSERT_TRUE(world_.RunUntil(joined, seconds(30))) << operation;
    survived_at_last = !crashed;
    if (crashed) {
      node(broken).Crash();
      node(broken).Restart();
      crashed = false;
      ASSERT_TRUE(world_.RunUntil(joined, seconds(30))) << operation;
    }
  }
  EXPECT_GT(CountFolders(broken, "t-0.", "-damaged"), 1);
}

}  // namespace
}  // namespace soliton::broker
