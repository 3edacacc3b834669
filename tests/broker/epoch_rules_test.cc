// Every request that carries a leader epoch is fenced by it, on leaders and followers: an older one
// by FENCED_LEADER_EPOCH, a newer one by UNKNOWN_LEADER_EPOCH (KIP-320); -1 is not checked. The
// fence comes before anything else is looked at.
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class EpochRulesTest : public BrokerClusterTest {
 public:
  // A topic with a record whose leader has been elected anew, so that there is an older epoch.
  void SetUp() override {
    Start(3);
    id_ = CreateTopic("t");
    const int first = LeaderOf("t");
    ASSERT_EQ(Produce(first, id_, 0, "value"), ErrorCode::NONE);
    StopCleanly(first);
    RestartAndServe(first);
    ASSERT_TRUE(world_.RunUntil(
        [&] {
          for (int broker = 1; broker <= 3; ++broker) {
            auto topic = Describe(broker, "t");
            if (topic.partitions.at(0).isr_nodes.size() != 3) return false;
            epoch_ = topic.partitions[0].leader_epoch;
            leader_ = topic.partitions[0].leader_id;
            auto replica = Replica(broker, "t");
            if (!replica || replica->leader_epoch != epoch_) return false;
          }
          return true;
        },
        seconds(30)));
    ASSERT_GT(epoch_, 0);
    follower_ = leader_ % 3 + 1;
  }

  ErrorCode Fetch(int to, int32_t epoch, int16_t version) {
    kafka::FetchRequest request = FetchFrom(id_, 0, 0);
    request.topics[0].topic = "t";
    request.topics[0].partitions[0].current_leader_epoch = epoch;
    return Fetched(Call(to, request, version)).error_code;
  }
  ErrorCode ListOffsets(int to, int32_t epoch, int16_t version) {
    kafka::ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.current_leader_epoch = epoch;
    partition.timestamp = -1;
    auto response = Call(to, request, version);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->topics.at(0).partitions.at(0).error_code;
  }
  ErrorCode OffsetForLeaderEpoch(int to, int32_t epoch, int16_t version) {
    kafka::OffsetForLeaderEpochRequest request;
    auto& topic = request.topics.emplace_back();
    topic.topic = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.current_leader_epoch = epoch;
    partition.leader_epoch = 0;
    auto response = Call(to, request, version);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->topics.at(0).partitions.at(0).error_code;
  }

  Uuid id_;
  int32_t epoch_ = -1;
  int leader_ = -1;
  int follower_ = -1;
};

TEST_F(EpochRulesTest, OlderIsFencedNewerIsUnknown) {
  using Ask = ErrorCode (EpochRulesTest::*)(int to, int32_t epoch, int16_t version);
  struct Row {
    const char* api;
    Ask ask;
    int16_t first_version;  // that carries an epoch
    int16_t last_version;
    int16_t first_served_by_followers;
  };
  constexpr int16_t kNever = 100;
  const Row rows[] = {
      {"Fetch", &EpochRulesTest::Fetch, 9, 18, 11},
      {"ListOffsets", &EpochRulesTest::ListOffsets, 4, 11, kNever},
      {"OffsetForLeaderEpoch", &EpochRulesTest::OffsetForLeaderEpoch, 2, 4, kNever},
  };
  for (const Row& row : rows) {
    for (int16_t version = row.first_version; version <= row.last_version; ++version) {
      for (int to : {leader_, follower_}) {
        SCOPED_TRACE(fmt::format("{} v{} to the {}", row.api, version,
                                 to == leader_ ? "leader" : "follower"));
        const ErrorCode served = to == leader_ || version >= row.first_served_by_followers
                                     ? ErrorCode::NONE
                                     : ErrorCode::NOT_LEADER_OR_FOLLOWER;
        EXPECT_EQ((this->*row.ask)(to, -1, version), served);
        EXPECT_EQ((this->*row.ask)(to, epoch_, version), served);
        for (int32_t older : {0, -2, std::numeric_limits<int32_t>::min()}) {
          EXPECT_EQ((this->*row.ask)(to, older, version), ErrorCode::FENCED_LEADER_EPOCH);
        }
        EXPECT_EQ((this->*row.ask)(to, epoch_ - 1, version), ErrorCode::FENCED_LEADER_EPOCH);
        EXPECT_EQ((this->*row.ask)(to, epoch_ + 1, version), ErrorCode::UNKNOWN_LEADER_EPOCH);
      }
    }
  }
}

// An epoch that an older version cannot carry is not looked at.
TEST_F(EpochRulesTest, OlderVersionsAreNotFenced) {
  for (int16_t version = 4; version < 9; ++version) {
    EXPECT_EQ(Fetch(leader_, 0, version), ErrorCode::NONE) << version;
    EXPECT_EQ(Fetch(follower_, 0, version), ErrorCode::NOT_LEADER_OR_FOLLOWER) << version;
  }
  for (int16_t version = 1; version < 4; ++version) {
    EXPECT_EQ(ListOffsets(leader_, 0, version), ErrorCode::NONE) << version;
    EXPECT_EQ(ListOffsets(follower_, 0, version), ErrorCode::NOT_LEADER_OR_FOLLOWER) << version;
  }
}

}  // namespace
}  // namespace soliton::broker
