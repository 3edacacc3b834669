#include "broker/partition/replica_core.h"

#include <gtest/gtest.h>

#include "runtime/base/random.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

constexpr int64_t kEpochOf1 = 101, kEpochOf2 = 102, kEpochOf3 = 103;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

CommittedState State(int32_t leader, int32_t leader_epoch, int32_t partition_epoch,
                     std::vector<int32_t> isr, int32_t min_isr = 2) {
  return {leader, leader_epoch, partition_epoch, {1, 2, 3}, std::move(isr), min_isr};
}

std::map<int32_t, ReplicaCore::BrokerView> AllUsable() {
  return {{1, {kEpochOf1, true}}, {2, {kEpochOf2, true}}, {3, {kEpochOf3, true}}};
}

class ReplicaCoreTest : public testing::Test {
 protected:
  // Broker 1 leads epoch 5 with `log_end` records, all flushed.
  void Lead(std::vector<int32_t> isr, int64_t log_end = 0, int32_t min_isr = 2) {
    core_.OnLocalPosition(log_end, log_end);
    ASSERT_TRUE(core_.Apply(State(1, 5, 10, std::move(isr), min_isr), log_end, At(0)));
  }
  void Append(int64_t log_end, int64_t flushed) { core_.OnLocalPosition(log_end, flushed); }
  FetchVerdict Fetch(int32_t broker, int64_t offset, int64_t flushed, int64_t ms = 1) {
    return core_.OnFollowerFetch({broker, 100 + broker}, offset, flushed, At(ms));
  }

  ReplicaCoreOptions options_{.replica_lag_time_max = milliseconds(1000), .count_flushed = true};
  ReplicaCore core_{1, options_};
};

TEST_F(ReplicaCoreTest, HighWatermarkIsTheLowestFlushedOffsetOfTheIsr) {
  Lead({1, 2, 3});
  Append(10, 10);
  Fetch(2, 10, 8);
  EXPECT_FALSE(core_.AdvanceHighWatermark()) << "3 has not fetched in this epoch";
  Fetch(3, 10, 9);
  EXPECT_TRUE(core_.AdvanceHighWatermark());
  EXPECT_EQ(core_.high_watermark(), 8);
}

TEST_F(ReplicaCoreTest, LeadersOwnUnflushedRecordsDoNotCount) {
  Lead({1, 2, 3});
  Append(10, 4);
  Fetch(2, 10, 10);
  Fetch(3, 10, 10);
  EXPECT_TRUE(core_.AdvanceHighWatermark());
  EXPECT_EQ(core_.high_watermark(), 4);
}

TEST_F(ReplicaCoreTest, FlushedOffsetBeyondTheFetchOffsetIsNotBelieved) {
  Lead({1, 2, 3});
  Append(10, 10);
  Fetch(2, 3, 99);
  Fetch(3, 10, 10);
  EXPECT_TRUE(core_.AdvanceHighWatermark());
  EXPECT_EQ(core_.high_watermark(), 3);
}

TEST_F(ReplicaCoreTest, PageCacheModeCountsLogEnds) {
  ReplicaCore core(1, {.replica_lag_time_max = milliseconds(1000), .count_flushed = false});
  core.OnLocalPosition(0, 0);
  core.Apply(State(1, 5, 10, {1, 2}), 0, At(0));
  core.OnLocalPosition(10, 0);
  core.OnFollowerFetch({2, kEpochOf2}, 7, -1, At(1));
  EXPECT_TRUE(core.AdvanceHighWatermark());
  EXPECT_EQ(core.high_watermark(), 7);
}

// S10: nothing is committed on fewer copies than min.insync.replicas promises.
TEST_F(ReplicaCoreTest, HighWatermarkStandsStillBelowMinInsyncReplicas) {
  Lead({1});
  Append(10, 10);
  EXPECT_FALSE(core_.has_enough_replicas());
  EXPECT_FALSE(core_.AdvanceHighWatermark());
}

TEST_F(ReplicaCoreTest, NonMembersDoNotHoldTheHighWatermark) {
  Lead({1, 2});
  Append(10, 10);
  Fetch(2, 10, 10);
  Fetch(3, 1, 1);
  EXPECT_TRUE(core_.AdvanceHighWatermark());
  EXPECT_EQ(core_.high_watermark(), 10);
}

TEST_F(ReplicaCoreTest, StrangersAndOldIncarnationsAreNotCounted) {
  Lead({1, 2, 3});
  EXPECT_EQ(core_.OnFollowerFetch({9, 109}, 0, 0, At(1)), FetchVerdict::kNotReplica);
  Fetch(2, 0, 0);
  EXPECT_EQ(core_.OnFollowerFetch({2, kEpochOf2 - 1}, 50, 50, At(2)),
            FetchVerdict::kStaleIncarnation);
}

// A client that sets a replica id, without an incarnation, must not acknowledge records.
TEST_F(ReplicaCoreTest, FetchWithoutAnIncarnationIsNotCounted) {
  Lead({1, 2});
  Append(10, 10);
  EXPECT_EQ(core_.OnFollowerFetch({2, -1}, 10, 10, At(1)), FetchVerdict::kStaleIncarnation);
  EXPECT_FALSE(core_.AdvanceHighWatermark());
}

// KAFKA-9491: a follower that starts over at the leader's log start has a high watermark there.
TEST_F(ReplicaCoreTest, LogStartLiftsTheHighWatermark) {
  core_.OnLocalPosition(5, 5);
  core_.Apply(State(2, 5, 10, {1, 2, 3}), 5, At(0));
  core_.OnLocalPosition(100, 100);
  core_.OnLogStart(100);
  EXPECT_EQ(core_.high_watermark(), 100);
}

// S61: a leader that was stopped itself must not drop the followers that it did not hear.
TEST_F(ReplicaCoreTest, StalledLeaderBlamesNobodyForItsOwnSilence) {
  Lead({1, 2, 3});
  Append(10, 10);
  core_.OnStalled(At(5000));
  EXPECT_FALSE(core_.ProposeIsrChange(AllUsable(), At(5001)));
  EXPECT_TRUE(core_.ProposeIsrChange(AllUsable(), At(6002))) << "but for what comes after it";
}

// S9: a joiner counts for the high watermark from the moment it is proposed.
TEST_F(ReplicaCoreTest, ProposedJoinerHoldsTheHighWatermark) {
  Lead({1, 2});
  Fetch(2, 0, 0);
  Fetch(3, 0, 0);
  auto proposal = core_.ProposeIsrChange(AllUsable(), At(2));
  ASSERT_TRUE(proposal);
  EXPECT_EQ(proposal->new_isr.size(), 3u);
  Append(10, 10);
  Fetch(2, 10, 10);
  EXPECT_FALSE(core_.AdvanceHighWatermark()) << "3 may be in the ISR already";
  Fetch(3, 10, 6);
  EXPECT_TRUE(core_.AdvanceHighWatermark());
  EXPECT_EQ(core_.high_watermark(), 6);
}

// S9, KAFKA-7128: at the high watermark but before the epoch's start is not enough.
TEST_F(ReplicaCoreTest, JoinerNeedsTheWholePrefixOfThisEpoch) {
  Lead({1, 2}, 20);  // the epoch starts at 20, the high watermark is still 0
  Fetch(3, 10, 10);
  EXPECT_FALSE(core_.ProposeIsrChange(AllUsable(), At(2)));
  Fetch(3, 20, 20);
  EXPECT_TRUE(core_.ProposeIsrChange(AllUsable(), At(3)));
}

TEST_F(ReplicaCoreTest, JoinerMustBeUsableAndOfTheRegisteredIncarnation) {
  struct Case {
    const char* name;
    ReplicaCore::BrokerView view;
    bool joins;
  };
  for (const Case& c :
       {Case{"usable", {kEpochOf3, true}, true}, Case{"fenced", {kEpochOf3, false}, false},
        Case{"restarted since", {kEpochOf3 + 1, true}, false}}) {
    ReplicaCore core(1, options_);
    core.OnLocalPosition(0, 0);
    core.Apply(State(1, 5, 10, {1, 2}), 0, At(0));
    core.OnFollowerFetch({3, kEpochOf3}, 0, 0, At(1));
    auto brokers = AllUsable();
    brokers[3] = c.view;
    EXPECT_EQ(core.ProposeIsrChange(brokers, At(2)).has_value(), c.joins) << c.name;
  }
}

TEST_F(ReplicaCoreTest, LaggingMemberIsProposedForRemovalButStillCounts) {
  Lead({1, 2, 3});
  Append(10, 10);
  Fetch(2, 10, 10, 900);
  EXPECT_FALSE(core_.ProposeIsrChange(AllUsable(), At(1000)));
  Append(20, 20);
  Fetch(2, 20, 20, 1900);
  auto proposal = core_.ProposeIsrChange(AllUsable(), At(2000));
  ASSERT_TRUE(proposal);
  EXPECT_EQ(proposal->new_isr, (std::vector<IsrMember>{{1, kEpochOf1}, {2, kEpochOf2}}));
  EXPECT_FALSE(core_.AdvanceHighWatermark()) << "3 is a member until the controller says otherwise";
  ASSERT_TRUE(core_.Apply(State(1, 5, 11, {1, 2}), 20, At(2100)));
  EXPECT_TRUE(core_.AdvanceHighWatermark());
  EXPECT_EQ(core_.high_watermark(), 20);
}

// Or it would be put out and taken in again with every fetch.
TEST_F(ReplicaCoreTest, WhoWasPutOutForLaggingComesBackWhenItHasCaughtUp) {
  Lead({1, 2, 3}, 0, 3);
  Append(10, 10);
  Fetch(2, 10, 10, 10);
  Fetch(3, 10, 6, 10);
  ASSERT_TRUE(core_.AdvanceHighWatermark());
  Fetch(2, 10, 10, 2000);
  ASSERT_TRUE(core_.ProposeIsrChange(AllUsable(), At(2000)));
  ASSERT_TRUE(core_.Apply(State(1, 5, 11, {1, 2}, 3), 10, At(2001)));
  Fetch(3, 10, 6, 2002);
  EXPECT_EQ(core_.high_watermark(), 6) << "which 3 has";
  EXPECT_FALSE(core_.ProposeIsrChange(AllUsable(), At(2002))) << "but it has not moved for 2 s";
  Fetch(3, 10, 10, 2003);
  EXPECT_TRUE(core_.ProposeIsrChange(AllUsable(), At(2003)));
}

// A follower that always trails by a flush under constant load is caught up all the same.
TEST_F(ReplicaCoreTest, SteadilyTrailingMemberDoesNotLag) {
  Lead({1, 2, 3});
  for (int64_t ms = 0; ms < 5000; ms += 10) {
    Append(ms + 10, ms + 10);
    Fetch(2, ms + 10, ms, ms);
    Fetch(3, ms + 10, std::max<int64_t>(0, ms - 50), ms);
    EXPECT_FALSE(core_.ProposeIsrChange(AllUsable(), At(ms))) << ms;
  }
}

TEST_F(ReplicaCoreTest, RejectionRollsBackOnlyWhenItProvesNothingHappened) {
  Lead({1, 2});
  Fetch(2, 0, 0);
  Fetch(3, 0, 0);
  ASSERT_TRUE(core_.ProposeIsrChange(AllUsable(), At(1)));
  core_.OnIsrRejected(ErrorCode::INELIGIBLE_REPLICA);
  EXPECT_FALSE(core_.isr_change_pending());

  auto first = core_.ProposeIsrChange(AllUsable(), At(2));
  ASSERT_TRUE(first);
  core_.OnIsrRejected(ErrorCode::REQUEST_TIMED_OUT);
  EXPECT_TRUE(core_.isr_change_pending()) << "it may have been applied";
  auto again = core_.ProposeIsrChange(AllUsable(), At(3));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->partition_epoch, first->partition_epoch);
  EXPECT_EQ(again->new_isr, first->new_isr);
  EXPECT_FALSE(core_.ProposeIsrChange(AllUsable(), At(4))) << "one at a time";
}

// A copy whose answer was lost may be applied yet, whatever becomes of the next copy on this side.
TEST_F(ReplicaCoreTest, UnsentCopyProvesNothingAboutASentOne) {
  Lead({1, 2});
  Fetch(2, 0, 0);
  Fetch(3, 0, 0);
  ASSERT_TRUE(core_.ProposeIsrChange(AllUsable(), At(1)));
  core_.OnIsrRejected(ErrorCode::OPERATION_NOT_ATTEMPTED);
  EXPECT_FALSE(core_.isr_change_pending()) << "never sent";

  ASSERT_TRUE(core_.ProposeIsrChange(AllUsable(), At(2)));
  core_.OnIsrRejected(ErrorCode::REQUEST_TIMED_OUT);
  ASSERT_TRUE(core_.ProposeIsrChange(AllUsable(), At(3)));
  core_.OnIsrRejected(ErrorCode::OPERATION_NOT_ATTEMPTED);
  EXPECT_TRUE(core_.isr_change_pending());
  Append(10, 10);
  Fetch(2, 10, 10);
  EXPECT_FALSE(core_.AdvanceHighWatermark()) << "3 may be a member by now";
}

TEST_F(ReplicaCoreTest, OlderStatesChangeNothing) {
  Lead({1, 2, 3});
  EXPECT_FALSE(core_.Apply(State(2, 4, 99, {2}), 0, At(1)));
  EXPECT_FALSE(core_.Apply(State(1, 5, 9, {1}), 0, At(1)));
  EXPECT_EQ(core_.isr().size(), 3u);
  EXPECT_EQ(core_.role(), ReplicaCore::Role::kLeader);
}

TEST_F(ReplicaCoreTest, NewEpochForgetsPositionsOfTheOldOne) {
  Lead({1, 2, 3});
  Append(10, 10);
  Fetch(2, 10, 10);
  Fetch(3, 10, 10);
  ASSERT_TRUE(core_.AdvanceHighWatermark());
  ASSERT_TRUE(core_.Apply(State(1, 6, 11, {1, 2, 3}), 10, At(5)));
  Append(12, 12);
  EXPECT_FALSE(core_.AdvanceHighWatermark()) << "nobody has fetched in epoch 6";
  EXPECT_TRUE(core_.end_offset_known());
}

// KIP-207: a new leader's high watermark may be behind what clients have seen.
TEST_F(ReplicaCoreTest, EndOffsetIsUnknownUntilTheHighWatermarkReachesTheEpochStart) {
  Lead({1, 2, 3}, 10);
  EXPECT_FALSE(core_.end_offset_known());
  Fetch(2, 10, 10);
  Fetch(3, 10, 10);
  core_.AdvanceHighWatermark();
  EXPECT_TRUE(core_.end_offset_known());
}

TEST_F(ReplicaCoreTest, FollowerTakesTheLeadersHighWatermarkUpToItsOwnEnd) {
  core_.OnLocalPosition(5, 5);
  core_.Apply(State(2, 5, 10, {1, 2, 3}), 5, At(0));
  EXPECT_EQ(core_.role(), ReplicaCore::Role::kFollower);
  EXPECT_TRUE(core_.AdoptHighWatermark(9));
  EXPECT_EQ(core_.high_watermark(), 5);
  EXPECT_FALSE(core_.AdoptHighWatermark(3)) << "never back";
}

// Invariants under random conversations: the high watermark never falls while leading, never passes
// what any member of the committed ISR has flushed, and proposals name only replicas.
TEST(ReplicaCoreProperty, HighWatermarkIsAlwaysCovered) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    ReplicaCore core(1, {.replica_lag_time_max = milliseconds(50), .count_flushed = true});
    core.OnLocalPosition(0, 0);
    core.Apply(State(1, 1, 1, {1, 2, 3}), 0, At(0));
    int64_t end = 0, flushed = 0, now = 0, high_watermark = 0;
    int32_t partition_epoch = 1;
    std::map<int32_t, int64_t> on_disk = {{2, 0}, {3, 0}};
    std::optional<IsrProposal> open;
    for (int step = 0; step < 200; ++step) {
      now += random.Between(0, 20);
      const int32_t follower = static_cast<int32_t>(random.Between(2, 3));
      switch (random.Below(5)) {
        case 0:
          end += random.Between(1, 5);
          break;
        case 1:
          flushed = random.Between(flushed, end);
          break;
        case 2: {
          on_disk[follower] = random.Between(on_disk[follower], end);
          core.OnFollowerFetch({follower, 100 + follower}, on_disk[follower], on_disk[follower],
                               At(now));
          break;
        }
        case 3:
          if (auto proposal = core.ProposeIsrChange(AllUsable(), At(now))) open = proposal;
          break;
        case 4:
          if (open && random.Chance(1, 2)) {
            std::vector<int32_t> isr;
            for (const IsrMember& member : open->new_isr) isr.push_back(member.broker_id);
            if (open->partition_epoch == partition_epoch) {
              core.Apply(State(1, 1, ++partition_epoch, isr), end, At(now));
            }
            open.reset();
          }
          break;
      }
      core.OnLocalPosition(end, flushed);
      core.AdvanceHighWatermark();
      ASSERT_GE(core.high_watermark(), high_watermark) << "seed " << seed << " step " << step;
      if (core.high_watermark() > high_watermark) {
        ASSERT_LE(core.high_watermark(), flushed);
        for (int32_t member : core.isr()) {
          if (member != 1) ASSERT_LE(core.high_watermark(), on_disk[member]) << "seed " << seed;
        }
        ASSERT_GE(core.isr().size(), 2u);
      }
      high_watermark = core.high_watermark();
    }
  }
}

// KIP-107: replicas on brokers that are not usable are not waited for.
TEST_F(ReplicaCoreTest, LowWatermarkIsTheLowestLogStartOfLiveReplicas) {
  Lead({1, 2, 3}, 10);
  auto brokers = AllUsable();
  EXPECT_EQ(core_.LowWatermark(7, brokers), -1) << "nobody has said where its log begins";
  core_.OnFollowerView(2, 5, 10);
  core_.OnFollowerView(3, 2, 10);
  core_.OnFollowerView(9, 0, 10);
  EXPECT_EQ(core_.LowWatermark(7, brokers), 2);
  EXPECT_EQ(core_.LowWatermark(1, brokers), 1);
  brokers[3].usable = false;
  EXPECT_EQ(core_.LowWatermark(7, brokers), 5);
  brokers.erase(2);
  EXPECT_EQ(core_.LowWatermark(7, brokers), 7);
}

// KIP-392
TEST_F(ReplicaCoreTest, ReadersAreSentToTheFurthestInSyncFollowerThatHasTheirOffset) {
  Lead({1, 2}, 10);
  EXPECT_EQ(core_.FollowerToRead({1, 2, 3}, 4), -1) << "none has been heard of";
  Fetch(2, 8, 8);
  Fetch(3, 10, 10);
  EXPECT_EQ(core_.FollowerToRead({1, 2, 3}, 4), -1) << "their log starts are not known";
  ASSERT_TRUE(core_.AdvanceHighWatermark());
  ASSERT_EQ(core_.high_watermark(), 8);
  core_.OnFollowerView(2, 3, 8);
  core_.OnFollowerView(3, 3, 8);
  EXPECT_EQ(core_.FollowerToRead({1, 2, 3}, 4), 2) << "3 is not in sync";
  EXPECT_EQ(core_.FollowerToRead({3}, 4), -1);
  EXPECT_EQ(core_.FollowerToRead({2}, 8), 2) << "to wait there";
  EXPECT_EQ(core_.FollowerToRead({2}, 9), -1) << "it does not have that";
  EXPECT_EQ(core_.FollowerToRead({2}, 2), -1) << "it does not have that any more";
  ASSERT_TRUE(core_.Apply(State(1, 5, 11, {1, 2, 3}), 10, At(2)));
  EXPECT_EQ(core_.FollowerToRead({2, 3}, 4), 3);
  // Behind with what it knows to be committed, it would look empty to a reader.
  core_.OnFollowerView(3, 3, 4);
  EXPECT_EQ(core_.FollowerToRead({3}, 3), 3);
  EXPECT_EQ(core_.FollowerToRead({3}, 4), -1);
  EXPECT_EQ(core_.FollowerToRead({2, 3}, 4), 2);
}

}  // namespace
}  // namespace soliton::broker
