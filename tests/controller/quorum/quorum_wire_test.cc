#include "controller/quorum/quorum_wire.h"

#include <gtest/gtest.h>

namespace soliton::controller {
namespace {

class QuorumWireTest : public testing::Test {
 protected:
  int64_t Number() { return random_.Between(0, 1'000'000); }
  LogPosition Position() { return {static_cast<int32_t>(random_.Between(-1, 50)), Number()}; }
  bool Flag() { return random_.Chance(1, 2); }
  QuorumMessage Draw() {
    QuorumMessage message{.from = {static_cast<int32_t>(random_.Below(9)), Uuid::Generate(random_)},
                          .to = {static_cast<int32_t>(random_.Below(9)), Uuid::Generate(random_)},
                          .epoch = static_cast<int32_t>(random_.Below(1000))};
    const int64_t from = Number();
    switch (random_.Below(6)) {
      case 0:
        message.body = VoteRequest{Flag(), Flag(), Position()};
        break;
      case 1:
        message.body = VoteAnswer{Flag(), Flag()};
        break;
      case 2:
        message.body = AppendRequest{{3, from}, from + Number(), Number()};
        break;
      case 3:
        message.body = AppendAnswer{Flag(), Flag(), Number(), from + 5, from, Position()};
        break;
      case 4:
        message.body = SnapshotRequest{Position()};
        break;
      default:
        message.body = TransferNow{};
        break;
    }
    return message;
  }
  Random random_{5};
};

bool Same(const QuorumMessage& a, const QuorumMessage& b) {
  return ToFrame(a).SerializeAsString() == ToFrame(b).SerializeAsString() && a.from == b.from &&
         a.to == b.to && a.epoch == b.epoch && a.body.index() == b.body.index();
}

TEST_F(QuorumWireTest, MessagesComeBack) {
  for (int i = 0; i < 2000; ++i) {
    const QuorumMessage message = Draw();
    pb::QuorumFrame frame;
    ASSERT_TRUE(frame.ParseFromString(ToFrame(message).SerializeAsString()));
    const auto read = FromFrame(frame);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_TRUE(Same(message, *read)) << frame.ShortDebugString();
  }
}

TEST_F(QuorumWireTest, WhatNoVoterSendsIsRefused) {
  const QuorumMessage good{.from = {1, Uuid{1, 1}}, .to = {2, Uuid{1, 2}}, .epoch = 3};
  const auto refused = [&](auto body, int32_t epoch = 3) {
    QuorumMessage message = good;
    message.epoch = epoch;
    message.body = body;
    return !FromFrame(ToFrame(message)).ok();
  };
  EXPECT_FALSE(refused(VoteRequest{}));
  EXPECT_TRUE(refused(VoteRequest{}, -1));
  EXPECT_TRUE(refused(VoteRequest{.log_end = {1, -1}}));
  EXPECT_TRUE(refused(VoteRequest{.log_end = {-2, 1}}));
  EXPECT_TRUE(refused(AppendRequest{.after = {1, 5}, .end_offset = 4}));
  EXPECT_TRUE(refused(AppendRequest{.committed_end = -1}));
  EXPECT_TRUE(refused(AppendAnswer{.verified_end = 3, .flushed_end = 4}));
  EXPECT_TRUE(refused(AppendAnswer{.flushed_end = -1}));
  EXPECT_TRUE(refused(AppendAnswer{.after_offset = -1}));
  EXPECT_TRUE(refused(SnapshotRequest{.end = {0, -5}}));
  EXPECT_FALSE(FromFrame(pb::QuorumFrame()).ok());
  pb::QuorumFrame hello;
  hello.mutable_hello();
  EXPECT_FALSE(FromFrame(hello).ok());
}

}  // namespace
}  // namespace soliton::controller
