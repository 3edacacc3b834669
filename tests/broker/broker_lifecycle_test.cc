// Brokers that come, go, lose things and meet what they should not: in the simulated world.
#include <map>

#include "segment/checkpoint_file.h"
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

// S14: the new topic's folder is the old one's, which may still be flushed or removed.
TEST_F(BrokerLifecycleTest, TopicIsDeletedAndCreatedAgain) {
  Start();
  for (int round = 0; round < 5; ++round) {
    const Uuid id = CreateTopic("t", 4);
    for (int32_t partition = 0; partition < 4; ++partition) {
      const int32_t leader = Describe(1, "t").partitions[static_cast<size_t>(partition)].leader_id;
      int64_t offset = -1;
      for (int i = 0; i <= round; ++i) {
        ASSERT_EQ(Produce(leader, id, partition, "v", &offset), ErrorCode::NONE);
        ASSERT_EQ(offset, i) << "nothing is left of the old one";
      }
      // Something is under way when it goes.
      kafka::ProduceRequest last = ProduceTo(id, partition, Batch(), 1);
      SendRequest(Connect(leader), 13, 1, last);
    }
    for (int broker = 1; broker <= 3; ++broker) node(broker).StallDisk(milliseconds(300));
    ASSERT_EQ(DeleteTopic("t"), ErrorCode::NONE);
  }
  const Uuid id = CreateTopic("t", 4);
  ASSERT_EQ(Produce(Describe(1, "t").partitions[0].leader_id, id, 0, "v"), ErrorCode::NONE);
  world_.RunFor(seconds(2));
  for (int broker = 1; broker <= 3; ++broker) {
    EXPECT_EQ(CountFolders(broker, "t-", ""), 4) << "no other folder is left on " << broker;
    node(broker).Crash();
    RestartAndServe(broker);
    ASSERT_TRUE(world_.RunUntil([&] { return OpenReplicas(id) == 12; }, seconds(10)));
    EXPECT_EQ(Replica(broker, "t")->log_end_offset, 1);
    ASSERT_TRUE(WaitForIsr(CurrentLeader("t"), "t", 3, seconds(20)));
  }
}

TEST_F(BrokerLifecycleTest, TopicIsCreatedAgainWhileABrokerIsAway) {
  Start();
  const Uuid old_id = CreateTopic("t");
  ASSERT_EQ(Produce(LeaderOf("t"), old_id, 0, "old"), ErrorCode::NONE);
  world_.RunFor(seconds(6));  // its high watermark is in the checkpoint
  node(3).Crash();
  ASSERT_EQ(DeleteTopic("t"), ErrorCode::NONE);
  world_.RunFor(seconds(1));
  kafka::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.num_partitions = -1;
  topic.replication_factor = -1;
  auto& assignment = topic.assignments.emplace_back();
  assignment.broker_ids = {1, 2, 3};
  request.timeout_ms = 5000;
  auto created = Call(1, request);
  ASSERT_EQ(created->topics.at(0).error_code, ErrorCode::NONE) << created->ToString();
  const Uuid id = created->topics.at(0).topic_id;
  ASSERT_TRUE(world_.RunUntil([&] { return CurrentLeader("t") > 0; }, seconds(10)));
  ASSERT_EQ(Produce(CurrentLeader("t"), id, 0, "new"), ErrorCode::NONE);
  RestartAndServe(3);
  ASSERT_TRUE(WaitForIsr(CurrentLeader("t"), "t", 3, seconds(20)));
  EXPECT_EQ(Replica(3, "t")->topic_id, id);
  EXPECT_EQ(Replica(3, "t")->log_end_offset, 1);
  EXPECT_EQ(CountFolders(3, "t-0.", "-stray"), 1) << "set aside, not deleted";
}

// A high watermark of the old topic must not pass for one of the new.
TEST_F(BrokerLifecycleTest, HighWatermarksAreRememberedByTopicId) {
  Start(1);
  const Uuid old_id = CreateTopic("t", 1, 1, {});
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Produce(1, old_id, 0, "v"), ErrorCode::NONE);
  world_.RunFor(seconds(6));
  ASSERT_EQ(DeleteTopic("t"), ErrorCode::NONE);
  const Uuid id = CreateTopic("t", 1, 1, {{"min.insync.replicas", "1"}});
  ASSERT_EQ(Produce(1, id, 0, "v"), ErrorCode::NONE);
  node(1).Crash();
  RestartAndServe(1);
  ASSERT_TRUE(world_.RunUntil([&] { return Replica(1, "t").has_value(); }, seconds(5)));
  EXPECT_EQ(Replica(1, "t")->log_end_offset, 1);
  ASSERT_EQ(Produce(1, id, 0, "v"), ErrorCode::NONE);
  EXPECT_EQ(Replica(1, "t")->high_watermark, 2);
  world_.RunFor(seconds(6));
  const auto checkpoint = ReadFile(node(1).files(), "/data/replication-offset-checkpoint");
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_NE(checkpoint->find(id.ToString()), std::string::npos) << *checkpoint;
  EXPECT_EQ(checkpoint->find(old_id.ToString()), std::string::npos) << *checkpoint;
}

// S51: a disk that failed once is not trusted again. The leader goes, and with it nothing acked.
TEST_F(BrokerLifecycleTest, LeaderWithAFailedDiskGivesUp) {
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  ASSERT_EQ(Produce(leader, id, 0, "acked"), ErrorCode::NONE);
  node(leader).files().FailNext(sim::FileOperation::kSync, "t-0", absl::DataLossError("EIO"));
  EXPECT_EQ(Produce(leader, id, 0, "lost"), ErrorCode::KAFKA_STORAGE_ERROR);
  ASSERT_TRUE(world_.RunUntil([&] { return fatal_.contains(leader); }, seconds(1)));
  EXPECT_NE(fatal_[leader].message().find("t-0"), std::string::npos) << fatal_[leader];
  EXPECT_EQ(Produce(leader, id, 0, "refused"), ErrorCode::KAFKA_STORAGE_ERROR);
  node(leader).Crash();  // as its process would end
  const MonotonicTime ended = world_.Now();
  const int next = WaitForLeaderOtherThan(leader, "t");
  EXPECT_LT(world_.Now() - ended, seconds(1));
  int64_t offset = -1;
  ASSERT_EQ(Produce(next, id, 0, "after", &offset), ErrorCode::NONE);
  EXPECT_GE(offset, 1);
  RestartAndServe(leader);
  EXPECT_TRUE(WaitForIsr(next, "t", 3, seconds(20)));
}

// S59: a folder that went missing looks like a new replica; the checkpoint knows better.
TEST_F(BrokerLifecycleTest, LostFolderIsNoticed) {
  Start();
  const Uuid id = CreateTopic("t");
  ASSERT_EQ(Produce(LeaderOf("t"), id, 0, "acked"), ErrorCode::NONE);
  world_.RunFor(seconds(7));
  for (int i = 1; i <= 3; ++i) node(i).Crash();
  ASSERT_TRUE(node(1).files().RemoveTree("/data/t-0").ok());
  serving_ = 0;
  node(1).Restart();
  ASSERT_TRUE(world_.RunUntil([&] { return serving_ == 1; }, seconds(20)));
  world_.RunFor(seconds(3));
  node(2).Restart();
  node(3).Restart();
  const int leader = WaitForLeaderOtherThan(1, "t");
  ASSERT_GT(leader, 1);
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(30))) << "1 learns it all again";
  EXPECT_EQ(Replica(1, "t")->log_end_offset, 1);
}

// The start that finds the folder missing is cut short after each of its disk operations. Whatever
// the next one finds, it leads nobody into losing what was acknowledged. There is no checkpoint to
// tell (the topic may be younger).
TEST_F(BrokerLifecycleTest, LostFolderIsRememberedThroughACrash) {
  Start();
  const Uuid id = CreateTopic("t");
  bool cut_short = true;
  for (uint64_t step = 1; cut_short; ++step) {
    ASSERT_EQ(Produce(CurrentLeader("t"), id, 0, "acked"), ErrorCode::NONE);
    for (int other = 2; other <= 3; ++other) {
      node(other).Crash();
      world_.RunUntil([&] { return CurrentLeader("t") == 1; }, milliseconds(200));
    }
    ASSERT_TRUE(WaitForIsr(1, "t", 1, seconds(20)));
    node(1).Crash();
    sim::SimFileSystem& files = node(1).files();
    ASSERT_TRUE(files.RemoveTree("/data/t-0").ok());
    if (files.Exists("/data/replication-offset-checkpoint")) {
      ASSERT_TRUE(files.Remove("/data/replication-offset-checkpoint").ok());
    }
    ASSERT_TRUE(files.SyncDirectory("/data").ok());

    cut_short = RestartCutShort(1, step);
    RestartAndServe(1);
    RestartAndServe(2);
    RestartAndServe(3);
    const int leader = WaitForLeaderOtherThan(1, "t");
    ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(30))) << "step " << step;
    ASSERT_EQ(Replica(leader, "t")->log_end_offset, static_cast<int64_t>(step)) << step;
  }
}

// Likewise, but what is looked at is the rest of that disk: it keeps its place.
TEST_F(BrokerLifecycleTest, OneLostFolderIsNoLossOfTheOthersThroughACrash) {
  Start();
  const Uuid id = CreateTopic("kept");
  CreateTopic("lost");
  bool cut_short = true;
  for (uint64_t step = 1; cut_short; ++step) {
    ASSERT_EQ(Produce(CurrentLeader("kept"), id, 0, "acked"), ErrorCode::NONE);
    for (int other = 2; other <= 3; ++other) {
      node(other).Crash();
      world_.RunUntil([&] { return CurrentLeader("kept") == 1; }, milliseconds(200));
    }
    ASSERT_TRUE(WaitForIsr(1, "kept", 1, seconds(20)));
    ASSERT_TRUE(WaitForIsr(1, "lost", 1, seconds(20)));
    node(1).Crash();
    sim::SimFileSystem& files = node(1).files();
    ASSERT_TRUE(files.RemoveTree("/data/lost-0").ok());
    ASSERT_TRUE(files.SyncDirectory("/data").ok());

    cut_short = RestartCutShort(1, step);
    RestartAndServe(1);
    ASSERT_TRUE(world_.RunUntil([&] { return CurrentLeader("kept") == 1; }, seconds(5)))
        << "step " << step;
    EXPECT_EQ(CurrentLeader("lost"), -1) << "step " << step;
    RestartAndServe(2);
    RestartAndServe(3);
    ASSERT_TRUE(WaitForIsr(CurrentLeader("kept"), "kept", 3, seconds(30))) << "step " << step;
    ASSERT_TRUE(WaitForIsr(WaitForLeaderOtherThan(1, "lost"), "lost", 3, seconds(30)));
    EXPECT_FALSE(files.Exists("/data/lost-replicas")) << "step " << step;
  }
}

// S59: a folder out of an older backup is a good log. Only what lies beside it knows that it was
// longer.
TEST_F(BrokerLifecycleTest, AnOlderBackupIsNoticed) {
  Start();
  const Uuid id = CreateTopic("t");
  ASSERT_EQ(Produce(LeaderOf("t"), id, 0, "acked"), ErrorCode::NONE);
  world_.RunFor(seconds(2));
  node(1).Crash();
  sim::SimFileSystem& files = node(1).files();
  std::map<std::string, std::string> backup;
  const std::vector<DirectoryEntry> entries = *files.List("/data/t-0");
  for (const DirectoryEntry& entry : entries) {
    backup[entry.name] = *ReadFile(files, JoinPath("/data/t-0", entry.name));
  }
  RestartAndServe(1);
  ASSERT_TRUE(WaitForIsr(WaitForLeaderOtherThan(1, "t"), "t", 3, seconds(20)));
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Produce(CurrentLeader("t"), id, 0, "acked"), ErrorCode::NONE);
  }
  world_.RunFor(seconds(7));  // until all that is in the checkpoint
  for (int other = 2; other <= 3; ++other) {
    node(other).Crash();
    world_.RunUntil([&] { return CurrentLeader("t") == 1; }, milliseconds(200));
  }
  ASSERT_TRUE(WaitForIsr(1, "t", 1, seconds(20)));
  node(1).Crash();
  ASSERT_TRUE(files.RemoveTree("/data/t-0").ok());
  ASSERT_TRUE(files.CreateDirectories("/data/t-0").ok());
  for (const auto& [name, content] : backup) {
    ASSERT_TRUE(WriteFileAtomically(files, JoinPath("/data/t-0", name), content).ok());
  }
  for (int i = 1; i <= 3; ++i) RestartAndServe(i);
  const int leader = WaitForLeaderOtherThan(1, "t");
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(30)));
  EXPECT_EQ(Replica(leader, "t")->log_end_offset, 6);
  EXPECT_EQ(Replica(1, "t")->log_end_offset, 6) << "1 learns it all again";
}

// Without partition.metadata nobody knows whose records these are.
TEST_F(BrokerLifecycleTest, RecordsWithoutATopicIdAreNotAdopted) {
  Start(1);
  const Uuid id = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Produce(1, id, 0, "v"), ErrorCode::NONE);
  node(1).Crash();
  ASSERT_TRUE(node(1).files().Remove("/data/t-0/partition.metadata").ok());
  RestartAndServe(1);
  EXPECT_EQ(Result(Call(1, ProduceTo(id, 0, Batch()))).error_code, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(CountFolders(1, "t-0", ""), 1) << "still there for somebody to look at";
  // Deleting the topic clears it away, and the name may be used again.
  ASSERT_EQ(DeleteTopic("t"), ErrorCode::NONE);
  const Uuid again = CreateTopic("t", 1, 1, {});
  EXPECT_EQ(Produce(1, again, 0, "v"), ErrorCode::NONE);
}

TEST_F(BrokerLifecycleTest, DirectoryStaysWithItsCluster) {
  Start(1);
  CreateTopic("t", 1, 1, {});
  node(1).Crash();
  EXPECT_NE(ReadFile(node(1).files(), "/data/meta.properties")->find("cluster.id="),
            std::string::npos);
  SimNode other(world_, network_, "other-controller");
  SetControllerBoot(other);
  other.Restart();
  controller_name_ = "other-controller";
  node(1).Restart();
  ASSERT_TRUE(world_.RunUntil([&] { return fatal_.contains(1); }, seconds(20)));
  EXPECT_EQ(fatal_[1].code(), absl::StatusCode::kFailedPrecondition) << fatal_[1];
  EXPECT_EQ(serving_, 1) << "it never served there";
  EXPECT_EQ(CountFolders(1, "t-0", "-stray"), 0) << "nothing was touched";
  node(1).Crash();
  controller_name_ = "controller";
  fatal_.clear();
  RestartAndServe(1);
  EXPECT_TRUE(fatal_.empty());
}

// A clean stop waits for the flush that is under way, and what it says is true.
TEST_F(BrokerLifecycleTest, StopsCleanlyUnderLoad) {
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  for (int i = 0; i < 20; ++i) {
    SendRequest(Connect(leader), 13, 1, ProduceTo(id, 0, Batch(), 1));
  }
  node(leader).StallDisk(milliseconds(200));
  StopCleanly(leader);
  EXPECT_TRUE(node(leader).files().Exists("/data/.kafka_cleanshutdown"));
  const int next = WaitForLeaderOtherThan(leader, "t");
  ASSERT_GT(next, 0);
  ASSERT_EQ(Produce(next, id, 0, "v"), ErrorCode::NONE);
  RestartAndServe(leader);
  EXPECT_TRUE(WaitForIsr(next, "t", 3, seconds(20)));
}

TEST_F(BrokerLifecycleTest, StopsAtOnceWhenItNeverServed) {
  AddBroker(1);
  node(1).Restart();  // there is no controller
  world_.RunFor(seconds(1));
  ASSERT_TRUE(Runs(1));
  const MonotonicTime asked = world_.Now();
  StopCleanly(1);
  EXPECT_LT(world_.Now() - asked, seconds(1));
}

// A stop on the way, before the controller was met again, keeps the promises of before.
TEST_F(BrokerLifecycleTest, StopWithoutAControllerForgetsNothing) {
  Start(1);
  const Uuid id = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Produce(1, id, 0, "v"), ErrorCode::NONE);
  StopCleanly(1);
  const auto marker = ReadFile(node(1).files(), "/data/.kafka_cleanshutdown");
  controller_.Crash();
  node(1).Restart();
  world_.RunFor(seconds(1));
  StopCleanly(1);
  EXPECT_EQ(*ReadFile(node(1).files(), "/data/.kafka_cleanshutdown"), *marker);
}

// An unclean stop with durability=page-cache may lose records, even if the next start flushes.
TEST_F(BrokerLifecycleTest, PageCacheModeLeavesNoPromiseBehind) {
  Start(1);
  EXPECT_TRUE(node(1).files().Exists("/data/broker-epoch"));
  node(1).Crash();
  adjust_ = [](BrokerOptions& options) { options.flush_before_ack = false; };
  RestartAndServe(1);
  EXPECT_FALSE(node(1).files().Exists("/data/broker-epoch"));
}

// The empty image would say that no topic exists; clients believe that.
TEST_F(BrokerLifecycleTest, ClientsWaitForTheFirstMetadata) {
  Start(1);
  CreateTopic("t", 1, 1, {});
  node(1).Crash();
  controller_.Crash({.lose_unsynced = false});
  node(1).Restart();
  world_.RunFor(milliseconds(200));
  RawClient& client = Connect(1);
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = "t";
  request.allow_auto_topic_creation = false;
  SendRequest(client, 12, 1, request);
  world_.RunFor(seconds(2));
  EXPECT_TRUE(client.frames.empty());
  controller_.Restart();
  auto frame = NextFrame(client);
  ASSERT_TRUE(frame.ok()) << frame.status();
  auto response = kafka::DecodeResponse<kafka::MetadataResponse>(*frame, 12, 1);
  EXPECT_EQ(response->topics.at(0).name, "t");
  EXPECT_NE(response->topics.at(0).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

// KIP-951: "not here" comes with "there".
TEST_F(BrokerLifecycleTest, ErrorsNameTheNewLeaderAndItsAddress) {
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  const int other = leader == 1 ? 2 : 1;
  auto produced = Call(other, ProduceTo(id, 0, Batch()));
  ASSERT_EQ(Result(produced).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(Result(produced).current_leader.leader_id, leader);
  EXPECT_EQ(Result(produced).current_leader.leader_epoch, 0);
  ASSERT_EQ(produced->node_endpoints.size(), 1u);
  EXPECT_EQ(produced->node_endpoints[0].node_id, leader);
  EXPECT_EQ(produced->node_endpoints[0].host, fmt::format("broker-{}", leader));
  EXPECT_EQ(produced->node_endpoints[0].port, 9092);
  // Versions without the tags are answered without them.
  kafka::ProduceRequest old = ProduceTo({}, 0, Batch());
  old.topic_data[0].name = "t";
  EXPECT_EQ(Result(Call(other, old, 9)).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  // Consumers that do not know of followers are sent to the leader too.
  kafka::FetchRequest fetch = FetchFrom({}, 0, 0);
  fetch.topics[0].topic = "t";
  EXPECT_EQ(Fetched(Call(other, fetch, 4)).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(Fetched(Call(other, fetch, 11)).error_code, ErrorCode::NONE);
  node(leader).Crash();
  const int next = WaitForLeaderOtherThan(leader, "t");
  const int follower = 6 - leader - next;
  kafka::FetchRequest fenced = FetchFrom(id, 0, 0);
  fenced.topics[0].partitions[0].current_leader_epoch = 0;
  auto fetched = Call(follower, fenced);
  EXPECT_EQ(Fetched(fetched).error_code, ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(Fetched(fetched).current_leader.leader_id, next);
  ASSERT_EQ(fetched->node_endpoints.size(), 1u);
  EXPECT_EQ(fetched->node_endpoints[0].node_id, next);
}

TEST_F(BrokerLifecycleTest, TooFewReplicasAndTimeouts) {
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  // A record that two followers cannot confirm in time: written, outcome unknown.
  for (int i = 1; i <= 3; ++i) {
    if (i != leader) node(i).Pause();
  }
  kafka::ProduceRequest request = ProduceTo(id, 0, Batch());
  request.timeout_ms = 300;
  const MonotonicTime asked = world_.Now();
  EXPECT_EQ(Result(Call(leader, request)).error_code, ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_GE(world_.Now() - asked, milliseconds(300));
  EXPECT_EQ(Replica(leader, "t")->log_end_offset, 1);
  EXPECT_EQ(Replica(leader, "t")->high_watermark, 0);
  // Once they are known to be gone nothing is written.
  for (int i = 1; i <= 3; ++i) {
    if (i != leader) node(i).Crash();
  }
  ASSERT_TRUE(WaitForIsr(leader, "t", 1, seconds(20)));
  EXPECT_EQ(Produce(leader, id, 0, "v"), ErrorCode::NOT_ENOUGH_REPLICAS);
  EXPECT_EQ(Replica(leader, "t")->log_end_offset, 1);
  EXPECT_EQ(Replica(leader, "t")->high_watermark, 0) << "S10: not on fewer copies than promised";
  for (int i = 1; i <= 3; ++i) {
    if (i != leader) RestartAndServe(i);
  }
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(20)));
  int64_t offset = -1;
  EXPECT_EQ(Produce(leader, id, 0, "v", &offset), ErrorCode::NONE);
  EXPECT_EQ(offset, 1);
}

// A leader deposed before it wrote anything in its epoch comes back as a follower.
TEST_F(BrokerLifecycleTest, LeaderThatNeverWroteFollowsAgain) {
  Start();
  const Uuid id = CreateTopic("t");
  int leader = LeaderOf("t");
  ASSERT_EQ(Produce(leader, id, 0, "v"), ErrorCode::NONE);
  for (int round = 0; round < 4; ++round) {
    // Not a crash: a crash would tidy up its epochs.
    network_.Isolate(node(leader).id());
    const int next = WaitForLeaderOtherThan(leader, "t");
    ASSERT_NE(next, leader);
    network_.HealAll();
    ASSERT_TRUE(WaitForIsr(next, "t", 3, seconds(30))) << "round " << round;
    leader = next;
  }
  int64_t offset = -1;
  ASSERT_EQ(Produce(leader, id, 0, "v", &offset), ErrorCode::NONE);
  EXPECT_EQ(offset, 1);
}

// S61, S62: a leader that was stopped for longer than followers may lag keeps them.
TEST_F(BrokerLifecycleTest, PausedLeaderDoesNotDropItsFollowers) {
  adjust_ = [](BrokerOptions& options) { options.replica_lag_time_max = milliseconds(800); };
  Start();
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  SendRequest(Connect(leader), 13, 1, ProduceTo(id, 0, Batch(), 1));
  world_.RunFor(milliseconds(1));
  node(leader).Pause();
  world_.RunFor(milliseconds(1500));
  node(leader).Resume();
  bool shrank = false;
  world_.RunUntil(
      [&] {
        auto replica = Replica(leader, "t");
        shrank = shrank || (replica && replica->leader && replica->isr.size() < 3);
        return false;
      },
      seconds(1));
  EXPECT_FALSE(shrank);
}

// Whatever the limits, a follower that is behind never waits at the leader for what is there.
TEST_F(BrokerLifecycleTest, FollowerCatchesUpOneBatchAtATime) {
  adjust_ = [](BrokerOptions& options) { options.replica_fetch_max_bytes = 1; };
  Start();
  const Uuid id = CreateTopic("t", 1, 3, {});
  CreateTopic("other", 6, 3, {});
  const int leader = LeaderOf("t");
  const int away = leader == 1 ? 2 : 1;
  node(away).Crash();
  ASSERT_TRUE(WaitForIsr(leader, "t", 2, seconds(20)));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(Produce(leader, id, 0, "v"), ErrorCode::NONE);
  RestartAndServe(away);
  const MonotonicTime began = world_.Now();
  ASSERT_TRUE(WaitForIsr(leader, "t", 3, seconds(100)));
  EXPECT_LT(world_.Now() - began, seconds(5));
}

}  // namespace
}  // namespace soliton::broker
