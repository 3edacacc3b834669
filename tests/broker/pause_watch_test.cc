#include "broker/pause_watch.h"

#include <gmock/gmock.h>

#include <vector>

namespace soliton::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

class PauseWatchTest : public testing::Test {
 protected:
  PauseWatchTest() {
    watch_.OnGrant({.grace = milliseconds(200), .patience = milliseconds(9000)}, At(1000));
  }
  // Looks, as the shard's timer does, from `from` until before `until`.
  void Run(int64_t from, int64_t until) {
    for (int64_t ms = from; ms < until; ms += 50) watch_.Look(At(ms));
  }

  std::vector<uint64_t> doubts_;
  PauseWatch watch_{[this](uint64_t doubt) { doubts_.push_back(doubt); }};
};

TEST_F(PauseWatchTest, WhoRunsMayAct) {
  Run(1050, 60'000);
  EXPECT_TRUE(watch_.MayActAlone(At(60'000)));
  EXPECT_THAT(doubts_, IsEmpty());
}

TEST_F(PauseWatchTest, ARequestThatComesBeforeTheTimerAfterAPauseIsNoticed) {
  Run(1050, 2001);
  EXPECT_TRUE(watch_.MayActAlone(At(2149)));
  EXPECT_FALSE(watch_.MayActAlone(At(2151)));
  EXPECT_THAT(doubts_, ElementsAre(1));
  // The timer that follows makes nothing good.
  watch_.Look(At(2152));
  EXPECT_FALSE(watch_.MayActAlone(At(2153)));
  watch_.OnConfirmed(1, At(2160));
  EXPECT_TRUE(watch_.MayActAlone(At(2161)));
  EXPECT_THAT(doubts_, ElementsAre(1));
}

TEST_F(PauseWatchTest, TheTimerNoticesToo) {
  watch_.Look(At(5000));
  EXPECT_THAT(doubts_, ElementsAre(1));
  EXPECT_FALSE(watch_.MayActAlone(At(5000)));
}

TEST_F(PauseWatchTest, AnAnswerFromBeforeThePauseProvesNothing) {
  watch_.Look(At(5000));
  // Asked, and stopped again before the answer came.
  watch_.OnConfirmed(1, At(8000));
  EXPECT_FALSE(watch_.MayActAlone(At(8001)));
  EXPECT_THAT(doubts_, ElementsAre(1, 2));
  watch_.OnConfirmed(1, At(8010));
  EXPECT_FALSE(watch_.MayActAlone(At(8011)));
  watch_.OnConfirmed(2, At(8020));
  EXPECT_TRUE(watch_.MayActAlone(At(8021)));
}

TEST_F(PauseWatchTest, WithoutAnyControllerItGoesOn) {
  watch_.Look(At(5000));
  Run(5050, 14'000);
  EXPECT_FALSE(watch_.MayActAlone(At(14'000)));
  EXPECT_TRUE(watch_.MayActAlone(At(14'001)));
  EXPECT_THAT(doubts_, ElementsAre(1));
}

TEST(PauseWatchWithoutGrantTest, NothingIsDoubted) {
  PauseWatch watch([](uint64_t) { FAIL(); });
  EXPECT_EQ(watch.look_interval(), Duration::zero());
  EXPECT_TRUE(watch.MayActAlone(At(1)));
  watch.Look(At(2));
  EXPECT_TRUE(watch.MayActAlone(At(1'000'000)));
}

}  // namespace
}  // namespace soliton::broker
