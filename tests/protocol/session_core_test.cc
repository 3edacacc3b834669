#include "protocol/session/client_session_core.h"

#include <gtest/gtest.h>

#include "protocol/session/backoff.h"
#include "protocol/session/broker_directory.h"

namespace soliton::kafka {
namespace {

using State = ClientSessionCore::State;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

ApiVersionTable Table() {
  ApiVersionTable table;
  table.Set(18, {0, 4});
  table.Set(0, {3, 9});
  table.Set(1, {12, 16});
  return table;
}

// A session that has agreed on versions.
ClientSessionCore Ready() {
  ClientSessionCore core(4);
  const auto handshake = core.OnConnected();
  EXPECT_TRUE(core.OnAnswer(handshake.correlation_id)->is_handshake);
  EXPECT_EQ(*core.OnApiVersions(ErrorCode::NONE, Table()), ClientSessionCore::Handshake::kReady);
  return core;
}

ClientSessionCore::Outgoing Next(ClientSessionCore& core) {
  RequestToken rejected = 0;
  const auto next = core.NextToSend(&rejected);
  EXPECT_TRUE(next.ok() && next->has_value());
  return next.ok() && next->has_value() ? **next : ClientSessionCore::Outgoing{};
}

TEST(ApiVersionTableTest, PicksTheNewestCommonVersion) {
  const ApiVersionTable table = Table();
  EXPECT_EQ(*table.Negotiate(0, {0, 12}), 9);
  EXPECT_EQ(*table.Negotiate(0, {0, 7}), 7);
  EXPECT_TRUE(absl::IsUnimplemented(table.Negotiate(0, {0, 2}).status()));
  EXPECT_TRUE(absl::IsUnimplemented(table.Negotiate(1, {4, 11}).status()));
  EXPECT_TRUE(absl::IsUnimplemented(table.Negotiate(99, {0, 1}).status()));
}

TEST(ClientSessionCoreTest, RequestsWaitForTheHandshakeAndLeaveInOrder) {
  ClientSessionCore core(4);
  const RequestToken first = core.Submit(0, {3, 12}, At(100), true);
  const RequestToken second = core.Submit(1, {4, 17}, At(100), true);
  RequestToken rejected = 0;
  EXPECT_EQ(*core.NextToSend(&rejected), std::nullopt);
  const auto handshake = core.OnConnected();
  EXPECT_EQ(handshake.version, 4);
  EXPECT_EQ(*core.NextToSend(&rejected), std::nullopt);
  ASSERT_TRUE(core.OnAnswer(handshake.correlation_id).ok());
  ASSERT_TRUE(core.OnApiVersions(ErrorCode::NONE, Table()).ok());
  const auto one = Next(core);
  EXPECT_EQ(one.token, first);
  EXPECT_EQ(one.version, 9);
  const auto two = Next(core);
  EXPECT_EQ(two.token, second);
  EXPECT_EQ(two.version, 16);
  EXPECT_NE(one.correlation_id, two.correlation_id);
}

TEST(ClientSessionCoreTest, UnsupportedVersionAsksAgainWithWhatThePeerHas) {
  ClientSessionCore core(4);
  ASSERT_TRUE(core.OnAnswer(core.OnConnected().correlation_id).ok());
  ApiVersionTable old;
  old.Set(18, {0, 2});
  EXPECT_EQ(*core.OnApiVersions(ErrorCode::UNSUPPORTED_VERSION, old),
            ClientSessionCore::Handshake::kAskAgain);
  const auto again = core.RepeatHandshake();
  EXPECT_EQ(again.version, 2);
  ASSERT_TRUE(core.OnAnswer(again.correlation_id).ok());
  EXPECT_EQ(*core.OnApiVersions(ErrorCode::NONE, Table()), ClientSessionCore::Handshake::kReady);
  EXPECT_EQ(core.state(), State::kReady);
}

TEST(ClientSessionCoreTest, UnsupportedVersionWithoutAnEntryFallsToZeroAndThenGivesUp) {
  ClientSessionCore core(4);
  ASSERT_TRUE(core.OnAnswer(core.OnConnected().correlation_id).ok());
  EXPECT_EQ(*core.OnApiVersions(ErrorCode::UNSUPPORTED_VERSION, {}),
            ClientSessionCore::Handshake::kAskAgain);
  const auto again = core.RepeatHandshake();
  EXPECT_EQ(again.version, 0);
  ASSERT_TRUE(core.OnAnswer(again.correlation_id).ok());
  EXPECT_FALSE(core.OnApiVersions(ErrorCode::UNSUPPORTED_VERSION, {}).ok());
}

TEST(ClientSessionCoreTest, AnAnswerOutOfOrderIsABrokenPeer) {
  ClientSessionCore core = Ready();
  core.Submit(0, {3, 12}, At(100), true);
  core.Submit(0, {3, 12}, At(100), true);
  const auto one = Next(core);
  const auto two = Next(core);
  EXPECT_TRUE(absl::IsDataLoss(core.OnAnswer(two.correlation_id).status()));
  EXPECT_EQ(core.OnAnswer(one.correlation_id)->token, one.token);
  EXPECT_EQ(core.OnAnswer(two.correlation_id)->token, two.token);
  EXPECT_TRUE(absl::IsDataLoss(core.OnAnswer(77).status())) << "nobody asked";
}

TEST(ClientSessionCoreTest, ARequestWithoutACommonVersionFailsAlone) {
  ClientSessionCore core = Ready();
  const RequestToken bad = core.Submit(99, {0, 1}, At(100), true);
  const RequestToken good = core.Submit(0, {3, 12}, At(100), true);
  RequestToken rejected = 0;
  EXPECT_TRUE(absl::IsUnimplemented(core.NextToSend(&rejected).status()));
  EXPECT_EQ(rejected, bad);
  EXPECT_EQ(Next(core).token, good);
}

TEST(ClientSessionCoreTest, AnOverdueRequestInFlightCondemnsTheConnection) {
  ClientSessionCore core = Ready();
  core.Submit(0, {3, 12}, At(100), true);
  Next(core);
  EXPECT_EQ(core.NextDeadline(), At(100));
  EXPECT_FALSE(core.Expire(At(99)).must_close);
  EXPECT_TRUE(core.Expire(At(100)).must_close);
}

TEST(ClientSessionCoreTest, AnOverdueRequestThatNeverLeftFails) {
  ClientSessionCore core(4);
  core.OnConnected();
  const RequestToken early = core.Submit(0, {3, 12}, At(50), true);
  core.Submit(0, {3, 12}, At(100), true);
  const auto expired = core.Expire(At(60));
  EXPECT_EQ(expired.unsent, std::vector<RequestToken>{early});
  EXPECT_TRUE(expired.must_close) << "the handshake hangs";
}

TEST(ClientSessionCoreTest, OneWayRequestsAreNotWaitedFor) {
  ClientSessionCore core = Ready();
  core.Submit(0, {3, 12}, At(100), false);
  core.Submit(0, {3, 12}, At(200), true);
  const auto one_way = Next(core);
  const auto asked = Next(core);
  EXPECT_NE(one_way.correlation_id, asked.correlation_id);
  EXPECT_EQ(core.in_flight(), 1u);
  EXPECT_EQ(core.NextDeadline(), At(200));
  EXPECT_EQ(core.OnAnswer(asked.correlation_id)->token, asked.token);
}

TEST(ClientSessionCoreTest, CloseReturnsWhatIsUnansweredOldestFirst) {
  ClientSessionCore core = Ready();
  const RequestToken sent = core.Submit(0, {3, 12}, At(100), true);
  Next(core);
  const RequestToken waiting = core.Submit(0, {3, 12}, At(100), true);
  EXPECT_EQ(core.Close(), (std::vector<RequestToken>{sent, waiting}));
  EXPECT_EQ(core.state(), State::kClosed);
  EXPECT_TRUE(core.Close().empty());
}

TEST(BackoffTest, FirstAtOnceThenDoublingUpToTheLimit) {
  Random random(3);
  Backoff backoff(milliseconds(20), milliseconds(1000));
  EXPECT_EQ(backoff.Next(random), Duration::zero());
  int64_t expected_ms = 20;
  for (int i = 0; i < 20; ++i) {
    const Duration pause = backoff.Next(random);
    EXPECT_LE(pause, milliseconds(expected_ms));
    EXPECT_GE(pause, milliseconds(expected_ms) * 8 / 10);
    expected_ms = std::min<int64_t>(1000, expected_ms * 2);
  }
  backoff.Reset();
  EXPECT_EQ(backoff.Next(random), Duration::zero());
}

TEST(BrokerDirectoryTest, PrefersHealthyThenConnectedThenTheOneAskedLongestAgo) {
  const Endpoint a{"a", 1}, b{"b", 1}, c{"c", 1};
  BrokerDirectory directory({c});
  EXPECT_EQ(directory.Pick({}), c);
  directory.SetBrokers({a, b});
  EXPECT_EQ(directory.candidate_count(), 3u);
  EXPECT_EQ(directory.Pick({b}), b);
  EXPECT_EQ(directory.Pick({}), a);
  EXPECT_EQ(directory.Pick({}), b) << "a was asked later";
  directory.NoteFailure(a);
  directory.NoteFailure(b);
  EXPECT_EQ(directory.Pick({a}), c) << "the bootstrap address has not failed";
  EXPECT_TRUE(directory.has_healthy_candidate());
  directory.NoteFailure(c);
  EXPECT_FALSE(directory.has_healthy_candidate());
  directory.NoteFailure(c);
  directory.NoteSuccess(a);
  EXPECT_EQ(directory.Pick({}), a);
}

}  // namespace
}  // namespace soliton::kafka
