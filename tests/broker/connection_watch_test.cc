#include "broker/server/connection_watch.h"

#include <gtest/gtest.h>

#include <functional>

namespace soliton::broker {
namespace {

using Verdict = ConnectionWatch::Verdict;
using View = ConnectionWatch::View;

constexpr ConnectionTimeouts kTimeouts{.frame_grace = seconds(30),
                                       .min_frame_bytes_per_second = 1024,
                                       .no_progress = seconds(60),
                                       .idle = seconds(600)};

class ConnectionWatchTest : public testing::Test {
 protected:
  // Looks once a second for `duration`; the view may change with the second. The second of the
  // first verdict, -1 if all is well.
  int64_t FirstVerdict(int64_t duration, const std::function<View(int64_t)>& view,
                       Verdict* verdict = nullptr) {
    for (int64_t second = 1; second <= duration; ++second) {
      now_ += seconds(1);
      const Verdict said = watch_.Look(now_, view(second));
      if (said == Verdict::kKeep) continue;
      if (verdict != nullptr) *verdict = said;
      return second;
    }
    return -1;
  }
  MonotonicTime now_{};
  ConnectionWatch watch_{kTimeouts, now_};
};

TEST_F(ConnectionWatchTest, QuietOnesGoWhenTheirTimeIsUp) {
  Verdict verdict{};
  EXPECT_EQ(FirstVerdict(1000, [](int64_t) { return View{}; }, &verdict), 600);
  EXPECT_EQ(verdict, Verdict::kIdle);
}

TEST_F(ConnectionWatchTest, RequestsInFlightAndBusyOnesAreNotIdle) {
  EXPECT_EQ(FirstVerdict(5000, [](int64_t) { return View{.in_flight = 1}; }), -1);
  EXPECT_EQ(
      FirstVerdict(
          5000, [](int64_t second) { return View{.frames = static_cast<uint64_t>(second / 500)}; }),
      -1);
}

TEST_F(ConnectionWatchTest, IdleTimeCanBeSwitchedOff) {
  ConnectionTimeouts never = kTimeouts;
  never.idle = Duration::zero();
  ConnectionWatch watch(never, now_);
  EXPECT_EQ(watch.Look(now_ + seconds(1'000'000), {}), Verdict::kKeep);
}

TEST_F(ConnectionWatchTest, HalfARequestGoesAfterTheGrace) {
  Verdict verdict{};
  EXPECT_EQ(
      FirstVerdict(100, [](int64_t) { return View{.partial_frame_bytes = 7}; }, &verdict), 31);
  EXPECT_EQ(verdict, Verdict::kSlowFrame);
}

TEST_F(ConnectionWatchTest, ATrickleIsNotEnough) {
  EXPECT_EQ(
      FirstVerdict(100, [](int64_t second) { return View{.partial_frame_bytes = second * 900}; }),
      31);
}

TEST_F(ConnectionWatchTest, ALargeRequestMayComeOverASlowLine) {
  EXPECT_EQ(FirstVerdict(10'000,
                         [](int64_t second) { return View{.partial_frame_bytes = second * 1024}; }),
            -1)
      << "10 MB over a line of 1 KiB/s";
}

TEST_F(ConnectionWatchTest, EveryFrameHasATimeOfItsOwn) {
  EXPECT_EQ(FirstVerdict(5000,
                         [](int64_t second) {
                           return View{.frames = static_cast<uint64_t>(second / 20),
                                       .partial_frame_bytes = 1 + second % 20};
                         }),
            -1);
}

TEST_F(ConnectionWatchTest, TimeInWhichItIsNotReadIsNotHeldAgainstIt) {
  EXPECT_EQ(FirstVerdict(
                5000, [](int64_t) { return View{.reading = false, .partial_frame_bytes = 100}; }),
            -1);
  EXPECT_EQ(FirstVerdict(100, [](int64_t) { return View{.partial_frame_bytes = 100}; }), 31);
}

TEST_F(ConnectionWatchTest, NoMemoryIsNotWaitedForLongerThanItsClientWaits) {
  Verdict verdict{};
  const auto waits = [](int64_t) {
    return View{.reading = false, .waits_for_memory = true, .partial_frame_bytes = 100};
  };
  EXPECT_EQ(FirstVerdict(29, waits), -1);
  EXPECT_EQ(FirstVerdict(1, [](int64_t) { return View{.partial_frame_bytes = 200}; }), -1);
  EXPECT_EQ(FirstVerdict(100, waits, &verdict), 31) << "the time begins anew";
  EXPECT_EQ(verdict, Verdict::kNoMemory);
}

TEST_F(ConnectionWatchTest, WhoTakesNoAnswersGoes) {
  Verdict verdict{};
  EXPECT_EQ(
      FirstVerdict(
          100, [](int64_t) { return View{.queued_bytes = 1000, .unsent_bytes = 900}; }, &verdict),
      61);
  EXPECT_EQ(verdict, Verdict::kSlowReader);
}

TEST_F(ConnectionWatchTest, WhoTakesLittleStays) {
  EXPECT_EQ(FirstVerdict(5000,
                         [](int64_t second) {
                           return View{.queued_bytes = 100'000,
                                       .unsent_bytes = 90'000 - second / 50};
                         }),
            -1);
}

TEST_F(ConnectionWatchTest, MoreAnswersAreNoProgress) {
  EXPECT_EQ(FirstVerdict(100,
                         [](int64_t second) {
                           return View{.frames = static_cast<uint64_t>(second),
                                       .queued_bytes = 1000 * second,
                                       .unsent_bytes = 1000 * second - 100};
                         }),
            61);
}

}  // namespace
}  // namespace soliton::broker
