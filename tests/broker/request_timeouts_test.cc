// Requests that wait are given up when their time has come, in order, and never after they left.
#include "broker/server/request_timeouts.h"

#include <gmock/gmock.h>

#include <vector>

#include "tests/broker/partition_fixture.h"

namespace soliton::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Timers fire when the test says what time it is.
class TimerShard final : public Shard {
 public:
  int index() const override { return 0; }
  void Post(Task task) override { task(); }
  bool IsCurrent() const override { return true; }
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  TimerId ScheduleAt(MonotonicTime deadline, Task task) override {
    timers_[++last_id_] = {deadline, std::move(task)};
    ++scheduled;
    return last_id_;
  }
  bool CancelTimer(TimerId id) override { return timers_.erase(id) > 0; }

  void Advance(Duration by) {
    clock_.now += by;
    for (auto it = timers_.begin(); it != timers_.end();) {
      if (it->second.first > clock_.Now()) {
        ++it;
        continue;
      }
      Task due = std::move(it->second.second);
      timers_.erase(it);
      due();
      it = timers_.begin();
    }
  }
  size_t timers() const { return timers_.size(); }
  int scheduled = 0;

 private:
  ManualClock clock_;
  Random random_{1};
  std::map<TimerId, std::pair<MonotonicTime, Task>> timers_;
  TimerId last_id_ = 0;
};

class RequestTimeoutsTest : public testing::Test {
 protected:
  struct Waiting final : TimedRequest {
    Waiting(std::vector<int>& out, int name) : out(out), name(name) {}
    void OnTimeout() override {
      place = {};
      out.push_back(name);
      if (then) then();
    }
    std::vector<int>& out;
    const int name;
    RequestTimeouts::Place place;
    std::function<void()> then;
  };
  std::shared_ptr<Waiting> Enter(int name, Duration timeout) {
    auto waiting = std::make_shared<Waiting>(given_up_, name);
    waiting->place = timeouts_.Enter(timeout, waiting);
    return waiting;
  }

  TimerShard shard_;
  RequestTimeouts timeouts_{shard_};
  std::vector<int> given_up_;
};

TEST_F(RequestTimeoutsTest, EachIsGivenUpWhenItsTimeHasCome) {
  Enter(1, seconds(30));
  shard_.Advance(seconds(10));
  Enter(2, seconds(30));
  Enter(3, seconds(5));
  shard_.Advance(seconds(5));
  EXPECT_THAT(given_up_, ElementsAre(3));
  shard_.Advance(seconds(15));
  EXPECT_THAT(given_up_, ElementsAre(3, 1));
  EXPECT_EQ(timeouts_.size(), 1u);
  shard_.Advance(seconds(10) - Duration(1));
  EXPECT_THAT(given_up_, ElementsAre(3, 1));
  shard_.Advance(Duration(1));
  EXPECT_THAT(given_up_, ElementsAre(3, 1, 2));
  EXPECT_EQ(timeouts_.size(), 0u);
  EXPECT_EQ(shard_.timers(), 0u);
}

TEST_F(RequestTimeoutsTest, WhoLeavesIsNotCalledAndNotKept) {
  auto first = Enter(1, seconds(30));
  auto second = Enter(2, seconds(30));
  auto third = Enter(3, seconds(30));
  const std::weak_ptr<Waiting> gone = second;
  timeouts_.Leave(second->place);
  timeouts_.Leave(second->place);  // no place any more
  second.reset();
  EXPECT_TRUE(gone.expired());
  timeouts_.Leave(first->place);
  EXPECT_EQ(timeouts_.size(), 1u);
  shard_.Advance(seconds(30));
  EXPECT_THAT(given_up_, ElementsAre(3));
}

TEST_F(RequestTimeoutsTest, ComingAndGoingTakesNoTimer) {
  for (int i = 0; i < 1000; ++i) {
    auto request = Enter(i, seconds(30));
    shard_.Advance(milliseconds(1));
    timeouts_.Leave(request->place);
  }
  EXPECT_EQ(shard_.scheduled, 1);
  EXPECT_EQ(timeouts_.size(), 0u);
  shard_.Advance(seconds(60));
  EXPECT_THAT(given_up_, IsEmpty());
  EXPECT_EQ(shard_.timers(), 0u);
  // The line was given up; the next one begins anew.
  Enter(7, seconds(30));
  shard_.Advance(seconds(30));
  EXPECT_THAT(given_up_, ElementsAre(7));
}

TEST_F(RequestTimeoutsTest, AnAnswerMayEnterAndLeave) {
  auto first = Enter(1, seconds(1));
  auto second = Enter(2, seconds(1));
  auto other = Enter(3, seconds(2));
  std::shared_ptr<Waiting> later;
  first->then = [&] {
    timeouts_.Leave(second->place);  // whose time has come, too
    timeouts_.Leave(other->place);
    later = Enter(4, seconds(1));
  };
  shard_.Advance(seconds(1));
  EXPECT_THAT(given_up_, ElementsAre(1));
  shard_.Advance(seconds(5));
  EXPECT_THAT(given_up_, ElementsAre(1, 4));
}

// Clients choose the timeouts: as many as they like must not stay here.
TEST_F(RequestTimeoutsTest, ManyDifferentTimeoutsLeaveNothingBehind) {
  std::vector<std::shared_ptr<Waiting>> requests;
  for (int i = 0; i < 1000; ++i) requests.push_back(Enter(i, seconds(1 * 3600) + milliseconds(i)));
  EXPECT_EQ(shard_.timers(), 1000u);
  for (auto& request : requests) timeouts_.Leave(request->place);
  EXPECT_LE(shard_.timers(), 16u);
  for (int i = 0; i < 1000; ++i)
    timeouts_.Leave(Enter(i, seconds(2 * 3600) + milliseconds(i))->place);
  EXPECT_LE(shard_.timers(), 17u);
  shard_.Advance(seconds(3 * 3600));
  EXPECT_EQ(shard_.timers(), 0u);
  EXPECT_THAT(given_up_, IsEmpty());
}

}  // namespace
}  // namespace soliton::broker
