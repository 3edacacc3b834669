// When a broker that shuts down may go (S27).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class ControlledShutdownTest : public ::testing::Test {
 protected:
  // Another process on the same log.
  class Successor {
   public:
    explicit Successor(const CoreHarness& before) : random_(9), core_(Options(), random_) {
      int64_t offset = 0;
      for (const pb::MetadataRecord& record : before.log()) Replay(record, offset++);
      Perform(core_.Activate(Context(0), 2, "cluster"));
    }
    pb::HeartbeatResponse Heartbeat(int32_t id, int64_t applied, bool shutdown) {
      pb::ControlRequest request;
      pb::HeartbeatRequest* body = request.mutable_heartbeat();
      body->set_broker_id(id);
      body->set_broker_epoch(core_.image().FindBroker(id)->broker_epoch);
      body->set_applied_offset(applied);
      body->set_wants_unfence(!shutdown);
      body->set_wants_shutdown(shutdown);
      const ControllerResult result = core_.Handle(request, Context(static_cast<uint64_t>(id)));
      Perform(result);
      EXPECT_EQ(result.response.error(), 0);
      return result.response.heartbeat();
    }
    int64_t end_offset() const { return core_.image().offset + 1; }

   private:
    static CoreOptions Options() { return CoreHarness::DefaultOptions(); }
    RequestContext Context(ConnectionId connection) const {
      return {
          .now = MonotonicTime(seconds(1)), .next_offset = end_offset(), .connection = connection};
    }
    void Replay(const pb::MetadataRecord& record, int64_t offset) {
      const absl::Status replayed = core_.Replay(record, offset);
      ASSERT_TRUE(replayed.ok()) << replayed.ToString();
    }
    void Perform(const ControllerResult& result) {
      int64_t offset = end_offset();
      for (const pb::MetadataRecord& record : result.records) Replay(record, offset++);
    }

    Random random_;
    ControllerCore core_;
  };

  CoreHarness harness_;
};

TEST_F(ControlledShutdownTest, LeavesNoLeaderBehind) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}, {2, 1, 3}, {3, 2, 1}});
  const Uuid alone = harness_.CreateAssigned("alone", {{1}});
  const auto ask = [&](int64_t applied) {
    return harness_.Heartbeat(1, harness_.EpochOf(1), applied, false, true).heartbeat().may_stop();
  };
  EXPECT_FALSE(ask(0));
  for (int p = 0; p < 3; ++p) {
    EXPECT_NE(harness_.Partition(topic, p).leader, 1);
    EXPECT_THAT(harness_.Partition(topic, p).isr, Not(Contains(1)));
  }
  EXPECT_EQ(harness_.Partition(alone).leader, kNoLeader);
  EXPECT_THAT(harness_.Partition(alone).isr, ElementsAre(1)) << "it alone has the data";
  EXPECT_FALSE(ask(0)) << "2 and 3 do not know yet";
  const auto end = static_cast<int64_t>(harness_.log().size()) - 1;
  harness_.Heartbeat(2, harness_.EpochOf(2), end);
  EXPECT_FALSE(ask(0));
  harness_.Heartbeat(3, harness_.EpochOf(3), end);
  EXPECT_TRUE(ask(0));
  EXPECT_EQ(harness_.log().size(), static_cast<size_t>(end) + 1) << "asking again adds nothing";
}

TEST_F(ControlledShutdownTest, TheNextControllerWaitsForTheOthersToo) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}});
  const auto applied_before = static_cast<int64_t>(harness_.log().size()) - 1;
  EXPECT_FALSE(harness_.Heartbeat(1, harness_.EpochOf(1), applied_before, false, true)
                   .heartbeat()
                   .may_stop());
  EXPECT_EQ(harness_.Partition(topic).leader, 2) << "the first in-sync follower";

  Successor next(harness_);
  for (const int32_t id : {2, 3}) next.Heartbeat(id, applied_before, false);
  EXPECT_FALSE(next.Heartbeat(1, applied_before, true).may_stop())
      << "2 does not know that it leads";
  next.Heartbeat(2, next.end_offset() - 1, false);
  EXPECT_FALSE(next.Heartbeat(1, applied_before, true).may_stop()) << "3 would send clients to 1";
  next.Heartbeat(3, next.end_offset() - 1, false);
  EXPECT_TRUE(next.Heartbeat(1, applied_before, true).may_stop());
}

}  // namespace
}  // namespace soliton::controller
