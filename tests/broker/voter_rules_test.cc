// AddRaftVoter and RemoveRaftVoter, as admin clients send them (KIP-853).
#include <gmock/gmock.h>

#include "protocol/messages/add_raft_voter.h"
#include "protocol/messages/describe_quorum.h"
#include "protocol/messages/remove_raft_voter.h"
#include "runtime/obs/logging.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using ::testing::HasSubstr;
using PartitionData = kafka::DescribeQuorumResponse::PartitionData;

constexpr int32_t kNew = 101;  // a controller without a vote

class VoterRulesTest : public BrokerClusterTest {
 protected:
  VoterRulesTest() {
    SetLogLevel(LogLevel::kOff);
    observer_.SetBoot([this](SimNode& self) -> std::shared_ptr<void> {
      auto holder = std::make_shared<std::unique_ptr<controller::ControllerNode>>();
      self.Post([this, &self, holder] {
        controller::ControllerOptions options;
        options.node_id = kNew;
        options.listen = {self.name(), 9100};
        options.voters = {{100, {controller_name_, 9100}}};
        options.data_directory = "/data";
        auto started = controller::ControllerNode::Start(self.ports(), options);
        ASSERT_TRUE(started.ok()) << started.status();
        *holder = std::move(*started);
      });
      return holder;
    });
  }

  PartitionData Quorum(int via = 1) {
    kafka::DescribeQuorumRequest request;
    auto& asked = request.topics.emplace_back();
    asked.topic_name = "__cluster_metadata";
    asked.partitions.emplace_back();
    auto response = Call(via, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->topics.at(0).partitions.at(0);
  }
  kafka::AddRaftVoterRequest Add(const Uuid& directory_id) {
    kafka::AddRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.timeout_ms = 5000;
    request.voter_id = kNew;
    request.voter_directory_id = directory_id;
    auto& listener = request.listeners.emplace_back();
    listener.name = "CONTROLLER";
    listener.host = observer_.name();
    listener.port = 9100;
    return request;
  }
  static kafka::RemoveRaftVoterRequest Remove(int32_t id, const Uuid& directory_id) {
    kafka::RemoveRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.voter_id = id;
    request.voter_directory_id = directory_id;
    return request;
  }
  template <typename Request>
  ErrorCode Ask(const Request& request, int16_t version = Request::kMaxVersion, int via = 1) {
    auto response = Call(via, request, version);
    EXPECT_TRUE(response.ok()) << response.status();
    why_ = response->error_message.value_or("");
    EXPECT_EQ(why_.empty(), response->error_code == ErrorCode::NONE);
    return response->error_code;
  }
  // The observer's directory id, once it has everything.
  Uuid AwaitObserver() {
    Uuid directory_id;
    EXPECT_TRUE(Eventually([&] {
      const PartitionData quorum = Quorum();
      for (const auto& replica : quorum.observers) {
        if (replica.replica_id != kNew) continue;
        directory_id = replica.replica_directory_id;
        return replica.log_end_offset >= quorum.high_watermark;
      }
      return false;
    }));
    return directory_id;
  }
  bool Eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 100; ++i) {
      if (holds()) return true;
      world_.RunFor(milliseconds(100));
    }
    return false;
  }

  SimNode observer_{world_, network_, "controller-101"};
  std::string why_;
};

TEST_F(VoterRulesTest, AControllerGetsAVoteAndLosesIt) {
  Start(3);
  observer_.Restart();
  const Uuid directory_id = AwaitObserver();
  ASSERT_FALSE(directory_id.is_zero());
  for (const int16_t version : {0, 1}) {
    // By whichever broker, in whichever version.
    auto request = Add(directory_id);
    request.ack_when_committed = version == 0;
    ASSERT_EQ(Ask(request, version, 2), ErrorCode::NONE) << why_;
    ASSERT_TRUE(Eventually([&] { return Quorum().current_voters.size() == 2; }));
    EXPECT_EQ(Quorum().current_voters[1].replica_directory_id, directory_id);
    EXPECT_EQ(Ask(request, version), ErrorCode::DUPLICATE_VOTER);
    ASSERT_EQ(Ask(Remove(kNew, directory_id), 0, 3), ErrorCode::NONE) << why_;
    EXPECT_EQ(Quorum().current_voters.size(), 1u);
    EXPECT_EQ(AwaitObserver(), directory_id) << "it goes on as an observer";
  }
}

// The codes of Apache Kafka 4.3.1, but that it calls the last voter not found.
TEST_F(VoterRulesTest, Errors) {
  Start(3);
  const Uuid voter = Quorum().current_voters.at(0).replica_directory_id;
  const Uuid other{1, 2};
  EXPECT_EQ(Ask(Remove(100, voter)), ErrorCode::INVALID_REQUEST);
  EXPECT_THAT(why_, HasSubstr("the last voter cannot be removed"));
  EXPECT_EQ(Ask(Remove(100, other)), ErrorCode::VOTER_NOT_FOUND);
  EXPECT_EQ(Ask(Remove(kNew, other)), ErrorCode::VOTER_NOT_FOUND);
  EXPECT_THAT(why_, HasSubstr("controller 101 is no voter"));
  EXPECT_EQ(Ask(Remove(-1, other)), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(Ask(Remove(100, Uuid())), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(Ask(Add(Uuid())), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(Ask(Add(other)), ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_THAT(why_, HasSubstr("is not connected to the leader"));
  auto nowhere = Add(other);
  nowhere.listeners.clear();
  EXPECT_EQ(Ask(nowhere), ErrorCode::INVALID_REQUEST);
  auto foreign = Add(other);
  foreign.cluster_id = "another";
  EXPECT_EQ(Ask(foreign), ErrorCode::INCONSISTENT_CLUSTER_ID);
  EXPECT_THAT(why_, HasSubstr("not another"));
  auto foreign_too = Remove(100, voter);
  foreign_too.cluster_id = "another";
  EXPECT_EQ(Ask(foreign_too), ErrorCode::INCONSISTENT_CLUSTER_ID);
}

}  // namespace
}  // namespace soliton::broker
