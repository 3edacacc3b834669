// S62: a leader that was stopped and goes on when others lead. What was sent to it meanwhile waits
// in its sockets, and it takes itself for the leader.
#include "tests/broker/broker_lifecycle_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class PausedLeaderTest : public BrokerLifecycleTest {
 protected:
  void SetUp() override {
    Start();
    id_ = CreateTopic("t");
    leader_ = LeaderOf("t");
    ASSERT_GT(leader_, 0);
    old_ = &Connect(leader_);
    ASSERT_EQ(Send(*old_, 1), ErrorCode::NONE);
  }
  void Sends(RawClient& to, int16_t acks) {
    SendRequest(to, NewestOf<kafka::ProduceRequest>(), 9, ProduceTo(id_, 0, Batch("v"), acks));
  }
  ErrorCode Answer(RawClient& from, Duration patience = seconds(30)) {
    absl::StatusOr<Buffer> frame = NextFrame(from, patience);
    if (!frame.ok()) {
      ADD_FAILURE() << frame.status();
      return ErrorCode::UNKNOWN_SERVER_ERROR;
    }
    return Result(kafka::DecodeResponse<kafka::ProduceResponse>(
                      *frame, NewestOf<kafka::ProduceRequest>(), 9))
        .error_code;
  }
  ErrorCode Send(RawClient& to, int16_t acks) {
    Sends(to, acks);
    return Answer(to);
  }
  int64_t EndOf(int id) { return Replica(id, "t")->log_end_offset; }

  Uuid id_;
  int leader_ = -1;
  RawClient* old_ = nullptr;  // to the leader
};

TEST_F(PausedLeaderTest, AcknowledgesNothingThatOnlyItHas) {
  RawClient& without_acks = Connect(leader_);
  node(leader_).Pause();
  // It does not hear of that either when it goes on.
  network_.CutOneWay(controller_.id(), node(leader_).id());
  const int successor = WaitForLeaderOtherThan(leader_, "t");
  ASSERT_GT(successor, 0);
  Sends(*old_, 1);
  Sends(without_acks, 0);
  world_.RunFor(milliseconds(100));
  const int64_t end = EndOf(leader_);
  node(leader_).Resume();
  EXPECT_EQ(Answer(*old_), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  // An error closes the connection where there is no answer: the client looks for the leader.
  EXPECT_TRUE(world_.RunUntil([&] { return without_acks.closed; }, seconds(1)));
  ASSERT_TRUE(Replica(leader_, "t")->leader) << "it takes itself for the leader";
  EXPECT_EQ(EndOf(leader_), end) << "nothing was written";
  EXPECT_EQ(Send(*old_, 1), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  network_.Heal(controller_.id(), node(leader_).id());
  ASSERT_TRUE(WaitForIsr(CurrentLeader("t"), "t", 3, seconds(20))) << "it follows";
}

TEST_F(PausedLeaderTest, GoesOnWhenItStillLeads) {
  // Too short for the controller, long enough not to be sure.
  node(leader_).Pause();
  world_.RunFor(milliseconds(250));
  Sends(*old_, 1);
  world_.RunFor(milliseconds(20));
  node(leader_).Resume();
  const ErrorCode first = Answer(*old_);
  EXPECT_TRUE(first == ErrorCode::NONE || first == ErrorCode::NOT_LEADER_OR_FOLLOWER)
      << kafka::ErrorName(first);
  world_.RunFor(milliseconds(100));
  EXPECT_EQ(CurrentLeader("t"), leader_);
  EXPECT_EQ(Send(*old_, 1), ErrorCode::NONE);
}

TEST_F(PausedLeaderTest, WithoutAnyControllerItServesWhatItLeads) {
  controller_.Crash();
  node(leader_).Pause();
  world_.RunFor(seconds(1));
  node(leader_).Resume();
  EXPECT_EQ(Send(*old_, 1), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(Send(*old_, -1), ErrorCode::NONE) << "others are asked";
  world_.RunFor(seconds(9));
  EXPECT_EQ(Send(*old_, 1), ErrorCode::NONE);
}

}  // namespace
}  // namespace soliton::broker
