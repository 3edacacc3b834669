// Random conversations with the brain. After every batch CoreHarness checks the cluster's
// invariants; here, besides: the log replayed from nothing, and a snapshot at any point plus the
// rest, give the same image.
#include <gtest/gtest.h>

#include "controller/metadata/image_records.h"
#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

constexpr int kBrokers = 5;

class RandomConversation {
 public:
  explicit RandomConversation(uint64_t seed) : random_(seed), harness_(Options(seed), seed) {}

  void Step() {
    harness_.Advance(milliseconds(random_.Between(0, 1500)));
    const auto id = static_cast<int32_t>(random_.Between(1, kBrokers));
    switch (random_.Below(18)) {
      case 0:
        return Restart(id);
      case 1:
        return LoseConnection(id);
      case 2:
        return CreateTopic();
      case 3:
        return DeleteTopic();
      case 4:
      case 5:
      case 6:
        return AlterPartition();
      case 7:
        return harness_.FenceExpired();
      case 12:
        return AlterConfigs();
      case 13:
        return CreatePartitions();
      case 14:
      case 15:
        return Reassign();
      case 16:
        return Elect();
      case 17:
        if (random_.Chance(1, 2)) return harness_.Perform(harness_.core().BalanceLeaders());
        if (random_.Chance(1, 4)) Unregister(id);
        return;
      case 8:
        Heartbeat(id, /*shutdown=*/random_.Chance(1, 4));
        return;
      default:
        for (int32_t each = 1; each <= kBrokers; ++each) {
          if (random_.Chance(3, 4)) Heartbeat(each, false);
        }
        harness_.FenceExpired();
    }
  }

  CoreHarness& harness() { return harness_; }
  int isr_changes() const { return isr_changes_; }
  int moves_begun() const { return moves_begun_; }
  int moves_done() const { return moves_done_; }

 private:
  static CoreOptions Options(uint64_t seed) {
    CoreOptions options = CoreHarness::DefaultOptions();
    options.default_min_insync_replicas = 1 + static_cast<int32_t>(seed % 3);
    options.unclean_leader_election_enable = seed % 5 == 0;
    return options;
  }
  ConnectionId Connection(int32_t id) { return CoreHarness::ConnectionOf(id, incarnation_[id]); }
  void Restart(int32_t id) {
    if (random_.Chance(4, 5)) harness_.core().Disconnected(Connection(id));
    const uint64_t incarnation = incarnation_[id] + 1;
    const int64_t previous = random_.Chance(1, 2) ? harness_.EpochOf(id) : -1;
    const auto response = harness_.Handle(CoreHarness::RegisterRequest(id, incarnation, previous),
                                          CoreHarness::ConnectionOf(id, incarnation));
    if (response.error() == 0) incarnation_[id] = incarnation;
  }
  void LoseConnection(int32_t id) {
    const auto suspect = harness_.core().Disconnected(Connection(id));
    if (suspect && random_.Chance(2, 3)) {
      harness_.Perform(harness_.core().FenceUnreachable(*suspect));
    }
  }
  void Heartbeat(int32_t id, bool shutdown) {
    if (incarnation_[id] == 0) return;
    harness_.Heartbeat(id, harness_.EpochOf(id), static_cast<int64_t>(harness_.log().size()) - 1,
                       true, shutdown, incarnation_[id]);
  }
  void CreateTopic() {
    pb::NewTopic topic;
    topic.set_name(fmt::format("t{}", random_.Below(12)));
    topic.set_partition_count(static_cast<int32_t>(random_.Between(1, 6)));
    topic.set_replication_factor(static_cast<int32_t>(random_.Between(1, 4)));
    if (random_.Chance(1, 3)) {
      AddSetting("min.insync.replicas", std::to_string(random_.Between(1, 4)), &topic);
    }
    harness_.Create(topic);
  }
  void DeleteTopic() {
    if (random_.Chance(2, 3)) return;
    pb::ControlRequest request;
    request.mutable_delete_topics()->add_topics()->set_name(fmt::format("t{}", random_.Below(12)));
    harness_.Handle(request);
  }
  void AlterConfigs() {
    std::map<std::string, std::string> set;
    std::vector<std::string> remove;
    const auto change = [&](const char* name, std::string value) {
      if (random_.Chance(1, 3)) {
        remove.emplace_back(name);
      } else {
        set[name] = std::move(value);
      }
    };
    change("min.insync.replicas", std::to_string(random_.Between(0, 4)));
    change("unclean.leader.election.enable", random_.Chance(1, 5) ? "true" : "false");
    const bool topic = random_.Chance(2, 3);
    const std::string name = topic ? fmt::format("t{}", random_.Below(12))
                             : random_.Chance(1, 4)
                                 ? fmt::format("{}", random_.Between(1, kBrokers))
                                 : "";
    harness_.Alter(topic ? kTopicResource : kBrokerResource, name, set, remove);
  }
  void CreatePartitions() {
    pb::ControlRequest request;
    pb::MorePartitions* topic = request.mutable_create_partitions()->add_topics();
    topic->set_name(fmt::format("t{}", random_.Below(12)));
    topic->set_count(static_cast<int32_t>(random_.Between(1, 9)));
    harness_.Handle(request);
  }
  void Reassign() {
    std::optional<std::vector<int32_t>> target;
    if (!random_.Chance(1, 4)) {
      target.emplace();
      for (int32_t id = 1; id <= kBrokers; ++id) {
        if (random_.Chance(1, 2)) target->push_back(id);
      }
      if (random_.Chance(1, 2)) std::reverse(target->begin(), target->end());
    }
    const auto result = harness_.Reassign(fmt::format("t{}", random_.Below(12)),
                                          static_cast<int32_t>(random_.Below(4)), target);
    if (result.error() == 0 && !harness_.last().replica_moves.empty()) ++moves_begun_;
  }
  void Elect() {
    pb::ControlRequest request;
    pb::ElectLeadersRequest* body = request.mutable_elect_leaders();
    body->set_election_type(random_.Chance(1, 4) ? 1 : 0);
    body->set_all(random_.Chance(1, 3));
    pb::TopicPartitionName* asked = body->add_partitions();
    asked->set_topic(fmt::format("t{}", random_.Below(12)));
    asked->set_partition(static_cast<int32_t>(random_.Below(4)));
    harness_.Handle(request);
  }
  void Unregister(int32_t id) {
    // Its next process knows what the last one's epoch was.
    harness_.Unregister(id);
  }
  // What a leader, current or deposed, may ask for.
  void AlterPartition() {
    const MetadataImage& image = harness_.image();
    if (image.topics_by_id.empty()) return;
    auto it = image.topics_by_id.begin();
    std::advance(it, static_cast<int64_t>(random_.Below(image.topics_by_id.size())));
    const TopicInfo& topic = *it->second;
    const auto index = random_.Below(topic.partitions.size());
    const PartitionInfo& partition = topic.partitions[index];
    const int32_t sender = random_.Chance(4, 5) && partition.leader != kNoLeader
                               ? partition.leader
                               : static_cast<int32_t>(random_.Between(1, kBrokers));
    pb::ControlRequest request;
    pb::AlterPartitionRequest* body = request.mutable_alter_partition();
    body->set_broker_id(sender);
    body->set_broker_epoch(harness_.EpochOf(sender));
    pb::IsrChange* change = body->add_changes();
    ToPb(topic.id, change->mutable_topic_id());
    change->set_partition(static_cast<int32_t>(index));
    change->set_leader_epoch(partition.leader_epoch - (random_.Chance(1, 10) ? 1 : 0));
    change->set_partition_epoch(partition.partition_epoch - (random_.Chance(1, 10) ? 1 : 0));
    const bool everybody = random_.Chance(1, 3);
    for (const int32_t id : partition.replicas) {
      if (!everybody && id != sender && random_.Chance(1, 3)) continue;
      pb::IsrMember* member = change->add_new_isr();
      member->set_broker_id(id);
      member->set_broker_epoch(harness_.EpochOf(id) - (random_.Chance(1, 20) ? 1 : 0));
    }
    const auto response = harness_.Handle(request);
    if (!harness_.last().records.empty()) ++isr_changes_;
    for (const ReplicaMove& move : harness_.last().replica_moves) {
      if (move.adding.empty() && move.removing.empty()) ++moves_done_;
    }
  }

  Random random_;
  CoreHarness harness_;
  std::map<int32_t, uint64_t> incarnation_;
  int isr_changes_ = 0;
  int moves_begun_ = 0;
  int moves_done_ = 0;
};

MetadataImage Replayed(const std::vector<pb::MetadataRecord>& log) {
  MetadataBuilder builder;
  for (size_t i = 0; i < log.size(); ++i) {
    const absl::Status applied = builder.Apply(log[i], static_cast<int64_t>(i));
    EXPECT_TRUE(applied.ok()) << applied.ToString();
  }
  return builder.state();
}

TEST(ControllerPropertyTest, InvariantsHoldThroughRandomConversations) {
  int isr_changes = 0, moves_begun = 0, moves_done = 0;
  size_t records = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomConversation conversation(seed);
    for (int step = 0; step < 600; ++step) {
      conversation.Step();
      if (::testing::Test::HasFatalFailure()) return;
    }
    EXPECT_TRUE(SameImages(conversation.harness().image(), Replayed(conversation.harness().log())));
    isr_changes += conversation.isr_changes();
    moves_begun += conversation.moves_begun();
    moves_done += conversation.moves_done();
    records += conversation.harness().log().size();
  }
  EXPECT_GT(isr_changes, 500) << "the conversations do not reach what they should test";
  EXPECT_GT(moves_begun, 100);
  EXPECT_GT(moves_done, 20) << "completed by a leader's word that all are in sync";
  EXPECT_GT(records, 10000u);
}

TEST(ControllerPropertyTest, ASnapshotAnywhereAndTheRestGiveTheSameImage) {
  RandomConversation conversation(77);
  for (int step = 0; step < 300; ++step) conversation.Step();
  const std::vector<pb::MetadataRecord>& log = conversation.harness().log();
  ASSERT_GT(log.size(), 100u);
  MetadataBuilder followed;
  for (size_t i = 0; i < log.size(); ++i) {
    ASSERT_TRUE(followed.Apply(log[i], static_cast<int64_t>(i)).ok());
    if (i % 17 != 0) continue;
    MetadataBuilder from_snapshot;
    ImageToRecords(followed.state(), [&](const pb::MetadataRecord& record) {
      const absl::Status applied = from_snapshot.Apply(record, followed.state().offset);
      ASSERT_TRUE(applied.ok()) << applied.ToString();
    });
    ASSERT_TRUE(SameImages(followed.state(), from_snapshot.state())) << "at offset " << i;
    for (size_t rest = i + 1; rest < log.size(); ++rest) {
      ASSERT_TRUE(from_snapshot.Apply(log[rest], static_cast<int64_t>(rest)).ok());
    }
    ASSERT_TRUE(SameImages(conversation.harness().image(), from_snapshot.state()));
  }
}

// Requests with flipped, cut and repeated bytes: whatever still decodes is answered, and the
// invariants hold.
TEST(ControllerPropertyTest, DamagedRequestsDoNoHarm) {
  CoreOptions options = CoreHarness::DefaultOptions();
  options.max_partitions_per_request = 50;
  CoreHarness harness(options);
  for (int id = 1; id <= 3; ++id) harness.Join(id);
  const Uuid topic = harness.CreateAssigned("t", {{1, 2, 3}, {2, 3, 1}}, 2);

  std::vector<pb::ControlRequest> seeds(11);
  seeds[0] = CoreHarness::RegisterRequest(2, 9, 3);
  seeds[1].mutable_heartbeat()->set_broker_id(1);
  seeds[1].mutable_heartbeat()->set_broker_epoch(harness.EpochOf(1));
  seeds[1].mutable_heartbeat()->set_wants_shutdown(true);
  pb::AlterPartitionRequest* alter = seeds[2].mutable_alter_partition();
  alter->set_broker_id(1);
  alter->set_broker_epoch(harness.EpochOf(1));
  ToPb(topic, alter->add_changes()->mutable_topic_id());
  for (const int32_t id : {1, 2}) {
    pb::IsrMember* member = alter->mutable_changes(0)->add_new_isr();
    member->set_broker_id(id);
    member->set_broker_epoch(harness.EpochOf(id));
  }
  pb::NewTopic* created = seeds[3].mutable_create_topics()->add_topics();
  created->set_name("n");
  created->set_partition_count(2);
  created->set_replication_factor(2);
  AddSetting("min.insync.replicas", "2", created);
  for (const int32_t id : {1, 2}) {
    seeds[4].mutable_create_topics()->add_topics()->set_name(fmt::format("m{}", id));
    seeds[4].mutable_create_topics()->mutable_topics(id - 1)->add_assignments()->add_replicas(id);
  }
  seeds[5].mutable_delete_topics()->add_topics()->set_name("n");

  pb::ResourceChange* change = seeds[6].mutable_alter_configs()->add_resources();
  change->set_type(kTopicResource);
  change->set_name("t");
  change->add_changes()->set_name("min.insync.replicas");
  change->mutable_changes(0)->set_value("1");
  pb::MorePartitions* more = seeds[7].mutable_create_partitions()->add_topics();
  more->set_name("t");
  more->set_count(4);
  more->set_manual(true);
  for (const int32_t id : {1, 2, 3}) {
    more->mutable_assignments()->Add()->add_replicas(id);
    more->mutable_assignments()->rbegin()->add_replicas(1 + id % 3);
  }

  for (const int32_t partition : {0, 1}) {
    pb::Reassignment* moved = seeds[8].mutable_alter_reassignments()->add_partitions();
    moved->set_topic("t");
    moved->set_partition(partition);
    if (partition == 0) moved->mutable_replicas()->add_replicas(2);
    pb::TopicPartitionName* led = seeds[9].mutable_elect_leaders()->add_partitions();
    led->set_topic("t");
    led->set_partition(partition);
  }
  seeds[10].mutable_unregister_broker()->set_broker_id(3);

  Random random(9);
  int decoded = 0;
  for (int i = 0; i < 30000; ++i) {
    std::string bytes = seeds[random.Below(seeds.size())].SerializeAsString();
    for (uint64_t flips = random.Between(1, 3); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    if (random.Chance(1, 8)) bytes += bytes;
    pb::ControlRequest request;
    if (!request.ParseFromString(bytes)) continue;
    ++decoded;
    harness.Handle(request, 1 + random.Below(3));
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(decoded, 3000);
  EXPECT_TRUE(SameImages(harness.image(), Replayed(harness.log())));
}

}  // namespace
}  // namespace soliton::controller
