// Voters that come and go while the cluster runs: AddRaftVoter and RemoveRaftVoter (KIP-853).
#include "controller/voter_change.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "controller/quorum/quorum_batches.h"
#include "tests/controller/controller_quorum_fixture.h"
#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- what is decided ----

class VoterDecisionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.RunFor(seconds(1));
    leader_ = world_.leader();
    ASSERT_GE(leader_, 0);
    for (int node = 0; node < 3; ++node) endpoints_[world_.voter(node).node_id] = {"c", 9093};
  }
  ControllerResult Decide(bool add, const Voter& voter, const Endpoint& endpoint = {"c4", 9093},
                          std::optional<Endpoint> connected_at = Endpoint{"c4", 9093}) {
    pb::ChangeVotersRequest request;
    request.set_add(add);
    request.mutable_voter()->set_node_id(voter.node_id);
    ToPb(voter.directory_id, request.mutable_voter()->mutable_directory_id());
    request.mutable_voter()->set_host(endpoint.host);
    request.mutable_voter()->set_port(endpoint.port);
    return DecideVoterChange(world_.core(leader_), endpoints_, request, connected_at);
  }
  // The refusal's text, after its code.
  static std::string Why(const ControllerResult& result) {
    EXPECT_THAT(result.records, IsEmpty());
    return std::string(kafka::ErrorName(ErrorFromPb(result.response.error()))) + ": " +
           result.response.error_message();
  }

  QuorumWorld world_{{.spares = 1}, 1};
  std::map<int32_t, Endpoint> endpoints_;
  int leader_ = -1;
};

TEST_F(VoterDecisionTest, OneThatIsConnectedAndHasTheLogIsAdded) {
  const Voter spare = world_.voter(3);
  const ControllerResult result = Decide(true, spare);
  EXPECT_EQ(ErrorFromPb(result.response.error()), ErrorCode::NONE);
  ASSERT_THAT(result.records, SizeIs(1));
  const auto voters = VotersOf(result.records[0].voters());
  ASSERT_TRUE(voters.ok());
  EXPECT_EQ(voters->size(), 4u);
  EXPECT_TRUE(voters->Contains(spare));
  const auto endpoints = EndpointsOf(result.records[0].voters());
  EXPECT_EQ(endpoints.at(spare.node_id), (Endpoint{"c4", 9093}));
  EXPECT_EQ(endpoints.at(world_.voter(1).node_id), (Endpoint{"c", 9093})) << "kept";
}

TEST_F(VoterDecisionTest, WhoCannotBeAdded) {
  const Voter spare = world_.voter(3);
  EXPECT_THAT(Why(Decide(true, world_.voter(1))),
              HasSubstr("DUPLICATE_VOTER: controller 2 is a voter already"));
  EXPECT_THAT(Why(Decide(true, {world_.voter(1).node_id, Uuid{9, 9}})),
              HasSubstr("DUPLICATE_VOTER: controller 2 is a voter with another disk"));
  EXPECT_THAT(Why(Decide(true, spare, {"c4", 9093}, std::nullopt)),
              HasSubstr("REQUEST_TIMED_OUT: controller 4 with disk"));
  EXPECT_THAT(Why(Decide(true, spare, {"c4", 9094})),
              HasSubstr("INVALID_REQUEST: controller 4 is reached at c4:9093, not at c4:9094"));
  for (const Endpoint& nowhere : {Endpoint{"", 9093}, Endpoint{"0.0.0.0", 9093}, Endpoint{"c", 0}})
    EXPECT_THAT(Why(Decide(true, spare, nowhere)), HasSubstr("INVALID_REQUEST: no address"));
}

TEST_F(VoterDecisionTest, OneThatLacksTheLogIsNotAddedYet) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(world_.Propose(leader_, 5));
  world_.RunFor(milliseconds(100));
  EXPECT_THAT(Why(Decide(true, world_.voter(3))), HasSubstr("still lacks"));
}

TEST_F(VoterDecisionTest, WhoCannotBeRemoved) {
  EXPECT_THAT(Why(Decide(false, world_.voter(3))),
              HasSubstr("VOTER_NOT_FOUND: controller 4 is no voter"));
  EXPECT_THAT(Why(Decide(false, {world_.voter(1).node_id, Uuid{9, 9}})),
              HasSubstr("VOTER_NOT_FOUND: controller 2 votes with disk"));
}

// With one of three away: without the other the leader could commit nothing any more.
TEST_F(VoterDecisionTest, AMajorityOfThoseThatStayMustFollow) {
  const int away = (leader_ + 1) % 3;
  const int follows = (leader_ + 2) % 3;
  ASSERT_TRUE(world_.Crash(away, 0, true));
  world_.RunFor(milliseconds(300));
  ASSERT_EQ(world_.leader(), leader_);
  EXPECT_THAT(Why(Decide(false, world_.voter(follows))),
              HasSubstr("REQUEST_TIMED_OUT: no majority of the 2 voters that would be left"));
  EXPECT_THAT(Decide(false, world_.voter(away)).records, SizeIs(1));
}

TEST(LastVoterTest, StaysOne) {
  QuorumWorld world({.voters = 1}, 1);
  ASSERT_TRUE(world.Timeout(0));
  world.RunFor(milliseconds(200));
  ASSERT_EQ(world.leader(), 0);
  pb::ChangeVotersRequest request;
  request.mutable_voter()->set_node_id(world.voter(0).node_id);
  ToPb(world.voter(0).directory_id, request.mutable_voter()->mutable_directory_id());
  const ControllerResult result = DecideVoterChange(world.core(0), {}, request, std::nullopt);
  EXPECT_EQ(ErrorFromPb(result.response.error()), ErrorCode::INVALID_REQUEST);
  EXPECT_THAT(result.response.error_message(), HasSubstr("the last voter"));
}

TEST_F(VoterDecisionTest, OneChangeAtATime) {
  const ControllerResult first = Decide(true, world_.voter(3));
  ASSERT_THAT(first.records, SizeIs(1));
  // Written down, and not committed: nothing is delivered.
  std::vector<Voter> four = world_.core(leader_).voters().voters();
  four.push_back(world_.voter(3));
  ASSERT_TRUE(world_.ProposeVoters(leader_, VoterSet(four)));
  EXPECT_THAT(Why(Decide(false, world_.voter(1))),
              HasSubstr("REQUEST_TIMED_OUT: another change of the voters"));
}

// ---- what becomes of it ----

class VoterChangeTest : public ControllerQuorumTest {
 protected:
  template <typename T, typename Call>
  absl::StatusOr<T> Ask(int i, Call call) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<T>>>();
    broker_node(i).Post([asked = &broker(i), answer, call]() mutable {
      call(asked->client(), [answer](absl::StatusOr<T> result) { *answer = std::move(result); });
    });
    if (!Await([&] { return answer->has_value(); }, seconds(40))) {
      return absl::InternalError("the client never answered");
    }
    return **answer;
  }
  absl::StatusOr<QuorumDescription> Describe(int i = 1) {
    return Ask<QuorumDescription>(
        i, [](ControllerClient& client, auto done) { client.DescribeQuorum(done); });
  }
  // Brokers alone are left out.
  static std::vector<int32_t> Ids(const std::vector<QuorumDescription::Replica>& replicas) {
    std::vector<int32_t> ids;
    for (const auto& replica : replicas) {
      if (replica.node_id > 100) ids.push_back(replica.node_id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  Uuid DirectoryOf(const std::vector<QuorumDescription::Replica>& replicas, int id) {
    for (const auto& replica : replicas) {
      if (replica.node_id == 100 + id) return replica.directory_id;
    }
    ADD_FAILURE() << "controller " << id << " is not listed";
    return {};
  }
  ErrorCode Change(bool add, int id, const Uuid& directory_id) {
    auto result = Ask<WholeResult>(1, [&](ControllerClient& client, auto done) {
      client.ChangeVoter({.add = add,
                          .node_id = 100 + id,
                          .directory_id = directory_id,
                          .endpoint = {fmt::format("controller-{}", id), kControllerPort}},
                         seconds(5), done);
    });
    if (!result.ok()) {
      why_ = result.status().ToString();
      return ErrorCode::UNKNOWN_SERVER_ERROR;
    }
    why_ = result->error_message;
    return result->error;
  }
  // One that follows is there, with its disk; no more than it needs.
  void AwaitObserver(int id) {
    ASSERT_TRUE(Await([&] {
      const auto quorum = Describe();
      if (!quorum.ok()) return false;
      for (const auto& replica : quorum->observers) {
        if (replica.node_id == 100 + id) return replica.log_end_offset >= quorum->high_watermark;
      }
      return false;
    }));
  }
  void AddOne(int id) {
    AwaitObserver(id);
    const auto quorum = Describe();
    ASSERT_TRUE(quorum.ok());
    ASSERT_EQ(Change(true, id, DirectoryOf(quorum->observers, id)), ErrorCode::NONE) << why_;
  }

  std::string why_;
};

TEST_F(VoterChangeTest, OneMoreFollowsThenVotesAndCounts) {
  Start();
  AddController(4);
  controller(4).Restart();
  AwaitObserver(4);
  auto quorum = Describe();
  ASSERT_TRUE(quorum.ok());
  EXPECT_THAT(Ids(quorum->voters), ElementsAre(101, 102, 103));
  EXPECT_THAT(Ids(quorum->observers), ElementsAre(104));
  EXPECT_TRUE(std::any_of(quorum->nodes.begin(), quorum->nodes.end(), [](const auto& node) {
    return node.node_id == 104 && node.endpoint == Endpoint{"controller-4", kControllerPort};
  })) << "where it is reached is known";
  EXPECT_EQ(node(4)->cluster_id(), node(1)->cluster_id());
  AddOne(4);
  quorum = Describe();
  ASSERT_TRUE(quorum.ok());
  EXPECT_THAT(Ids(quorum->voters), ElementsAre(101, 102, 103, 104));
  EXPECT_THAT(Ids(quorum->observers), IsEmpty());
  EXPECT_EQ(Change(true, 4, DirectoryOf(quorum->voters, 4)), ErrorCode::DUPLICATE_VOTER);
  ASSERT_TRUE(Await([&] { return broker(2).image()->voters.contains(104); }));
  EXPECT_EQ(broker(2).image()->voters.at(104), (Endpoint{"controller-4", kControllerPort}));
  // Three of four are a majority: without the new one there is none now.
  const int leader = Leader();
  controller(leader).Crash();
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(5)));
  controller(Leader()).Crash();
  world_.RunFor(seconds(2));
  EXPECT_EQ(Leader(), 0);
  controller(leader).Restart();
  EXPECT_TRUE(CreateAtLast(1, "u", seconds(5)));
  EXPECT_EQ(Complaint(), "");
}

// All of the first voters go one after the other: brokers know the new ones only from the metadata.
TEST_F(VoterChangeTest, AllVotersAreReplaced) {
  Start();
  for (int id = 4; id <= 6; ++id) {
    AddController(id);
    controller(id).Restart();
    ASSERT_NO_FATAL_FAILURE(AddOne(id));
    const auto quorum = Describe();
    ASSERT_TRUE(quorum.ok());
    ASSERT_EQ(Change(false, id - 3, DirectoryOf(quorum->voters, id - 3)), ErrorCode::NONE) << why_;
    controller(id - 3).Crash();
    ASSERT_TRUE(CreateAtLast(1, fmt::format("t{}", id), seconds(5)));
  }
  const auto quorum = Describe();
  ASSERT_TRUE(quorum.ok());
  EXPECT_THAT(Ids(quorum->voters), ElementsAre(104, 105, 106));
  controller(Leader()).Crash();
  EXPECT_TRUE(CreateAtLast(2, "u", seconds(5)));
  EXPECT_TRUE(AllUsable());
  EXPECT_EQ(Complaint(), "");
}

TEST_F(VoterChangeTest, TheLeaderRemovesItself) {
  Start();
  const int leader = Leader();
  const auto quorum = Describe();
  ASSERT_TRUE(quorum.ok());
  EXPECT_EQ(Change(false, leader, DirectoryOf(quorum->voters, leader)), ErrorCode::NONE) << why_;
  ASSERT_TRUE(Await([&] { return Leader() != 0 && Leader() != leader; }, seconds(1)));
  EXPECT_TRUE(CreateAtLast(1, "t", seconds(1)));
  AwaitObserver(leader);
  const auto after = Describe();
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->voters.size(), 2u);
  EXPECT_THAT(Ids(after->observers), ElementsAre(100 + leader));
  EXPECT_TRUE(AllUsable());
  EXPECT_EQ(Complaint(), "");
}

// A replaced disk: nobody counts it before it is admitted, and nothing but its node id is old.
TEST_F(VoterChangeTest, ANewDiskJoinsAsAnotherVoter) {
  Start();
  const auto before = Describe();
  ASSERT_TRUE(before.ok());
  const Uuid old_directory = DirectoryOf(before->voters, 3);
  controller(3).Crash();
  controller_options_[2].data_directory = "another-disk";
  controller(3).Restart();
  AwaitObserver(3);
  auto quorum = Describe();
  ASSERT_TRUE(quorum.ok());
  EXPECT_EQ(DirectoryOf(quorum->voters, 3), old_directory);
  const Uuid new_directory = DirectoryOf(quorum->observers, 3);
  EXPECT_NE(new_directory, old_directory);
  EXPECT_EQ(Change(true, 3, new_directory), ErrorCode::DUPLICATE_VOTER);
  EXPECT_THAT(why_, HasSubstr("with another disk"));
  EXPECT_EQ(Change(false, 3, old_directory), ErrorCode::NONE) << why_;
  EXPECT_EQ(Change(true, 3, new_directory), ErrorCode::NONE) << why_;
  const int leader = Leader();
  if (leader != 3) controller(leader).Crash();
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(3))) << "the third vote counts again";
  EXPECT_EQ(Complaint(), "");
}

// A voter's machine is set up anew as a cluster of its own: it must not take the others over, nor
// stop them.
TEST_F(VoterChangeTest, AForeignClusterAtAVotersAddress) {
  Start();
  const std::string cluster = node(1)->cluster_id();
  const std::map<int32_t, Endpoint> voters = controller_options_[2].voters;
  for (int round = 0; round < 20; ++round) {
    controller(3).Crash();
    controller_options_[2].data_directory = fmt::format("foreign-{}", round);
    controller_options_[2].voters = {{103, voters.at(103)}};
    controller(3).Restart();
    world_.RunFor(milliseconds(round * 7));
    ASSERT_TRUE(CreateAtLast(1, fmt::format("t{}", round), seconds(5))) << round;
    world_.RunFor(milliseconds(300));
    for (const int id : {1, 2}) {
      ASSERT_EQ(node(id)->cluster_id(), cluster) << round;
      ASSERT_TRUE(controller(id).app<ControllerProcess>()->fatal().ok()) << round << Complaint();
      EXPECT_NE(node(id)->committed_image().FindTopic(fmt::format("t{}", round)), nullptr);
    }
    ASSERT_TRUE(AllUsable()) << round;
  }
  controller(3).Crash();
  controller_options_[2].data_directory = "meta";
  controller_options_[2].voters = voters;
  controller(3).Restart();
  const int leader = Leader();
  controller(leader == 3 ? 1 : leader).Crash();
  EXPECT_TRUE(CreateAtLast(1, "last", seconds(5))) << "with its own disk it is one of them again";
  EXPECT_EQ(Complaint(), "");
}

// Begun alone, grown to three; brokers and new voters learn from the log where the first is.
TEST_F(VoterChangeTest, OneGrowsToThree) {
  controller_options_[0].voters.clear();
  const Endpoint first = controller_options_[0].advertised;
  for (int id = 2; id <= 3; ++id)
    controller_options_[static_cast<size_t>(id - 1)].voters = {{101, first}};
  controller(1).Restart();
  for (int id = 1; id <= kBrokers; ++id) broker_node(id).Restart();
  ASSERT_TRUE(Await([&] { return Leader() == 1 && AllUsable(); }));
  for (int id = 2; id <= 3; ++id) {
    controller(id).Restart();
    ASSERT_NO_FATAL_FAILURE(AddOne(id));
  }
  controller(1).Crash();
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(3)));
  controller(1).Restart();
  const int leader = Leader();
  controller(leader).Crash();
  EXPECT_TRUE(CreateAtLast(2, "u", seconds(3)));
  EXPECT_EQ(Complaint(), "");
}

// A snapshot names the voters too: who comes after it knows them all the same.
TEST_F(VoterChangeTest, AfterASnapshotAndARestart) {
  for (ControllerOptions& options : controller_options_) options.snapshot_interval_bytes = 2000;
  Start();
  AddController(4);
  controller_options_[3].snapshot_interval_bytes = 2000;
  controller(4).Restart();
  ASSERT_NO_FATAL_FAILURE(AddOne(4));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(CreateAtLast(1, fmt::format("t{}", i), seconds(3)));
  broker_node(3).Crash();
  for (int id = 1; id <= 4; ++id) controller(id).Crash();
  for (int id = 1; id <= 4; ++id) controller(id).Restart();
  broker_node(3).Restart();
  ASSERT_TRUE(Await([&] { return Leader() != 0 && AllUsable(); }));
  EXPECT_TRUE(broker(3).image()->voters.contains(104));
  const auto quorum = Describe(3);
  ASSERT_TRUE(quorum.ok());
  EXPECT_THAT(Ids(quorum->voters), ElementsAre(101, 102, 103, 104));
  EXPECT_EQ(Complaint(), "");
}

}  // namespace
}  // namespace soliton::controller
