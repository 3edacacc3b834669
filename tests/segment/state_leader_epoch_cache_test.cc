#include "segment/state/leader_epoch_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::segment {
namespace {

using Entry = LeaderEpochCache::Entry;
using Entries = std::vector<Entry>;

Entries EntriesOf(const LeaderEpochCache& cache) {
  return {cache.entries().begin(), cache.entries().end()};
}

LeaderEpochCache Make(const Entries& entries) {
  LeaderEpochCache cache;
  for (const Entry& entry : entries) cache.Assign(entry.leader_epoch, entry.start_offset);
  return cache;
}

TEST(LeaderEpochCache, EmptyKnowsNothing) {
  const LeaderEpochCache cache;
  EXPECT_EQ(cache.LatestEpoch(), -1);
  EXPECT_EQ(cache.EpochOf(0), -1);
  EXPECT_EQ(cache.EndOffsetFor(0, 100), (EpochEndOffset{-1, -1}));
  EXPECT_EQ(cache.EndOffsetFor(-1, 100), (EpochEndOffset{-1, -1}));
}

TEST(LeaderEpochCache, AnswersEndOffsets) {
  const LeaderEpochCache cache = Make({{2, 10}, {5, 20}, {7, 30}});
  const struct {
    int32_t asked;
    EpochEndOffset expected;
  } kCases[] = {
      {-1, {-1, -1}}, {0, {0, 10}}, {1, {1, 10}}, {2, {2, 20}}, {3, {2, 20}},
      {4, {2, 20}},   {5, {5, 30}}, {6, {5, 30}}, {7, {7, 99}}, {8, {-1, -1}},
  };
  for (const auto& [asked, expected] : kCases) {
    EXPECT_EQ(cache.EndOffsetFor(asked, 99), expected) << "epoch " << asked;
  }
  EXPECT_EQ(cache.EpochOf(9), -1);
  EXPECT_EQ(cache.EpochOf(10), 2);
  EXPECT_EQ(cache.EpochOf(19), 2);
  EXPECT_EQ(cache.EpochOf(20), 5);
  EXPECT_EQ(cache.EpochOf(1000), 7);
}

TEST(LeaderEpochCache, AssignIsIdempotentAndDropsContradictions) {
  LeaderEpochCache cache;
  EXPECT_TRUE(cache.Assign(1, 0));
  EXPECT_FALSE(cache.Assign(1, 0));
  EXPECT_FALSE(cache.Assign(1, 50)) << "the epoch goes on";
  EXPECT_TRUE(cache.Assign(3, 50));
  EXPECT_TRUE(cache.Assign(4, 50)) << "epoch 3 wrote nothing";
  EXPECT_EQ(EntriesOf(cache), (Entries{{1, 0}, {4, 50}}));
  EXPECT_TRUE(cache.Assign(4, 40)) << "an earlier start wins";
  EXPECT_EQ(EntriesOf(cache), (Entries{{1, 0}, {4, 40}}));
  EXPECT_TRUE(cache.Assign(2, 45));
  EXPECT_EQ(EntriesOf(cache), (Entries{{1, 0}, {2, 45}}));
}

TEST(LeaderEpochCache, ALeaderThatWroteNothingIsKnown) {
  LeaderEpochCache cache = Make({{1, 0}});
  cache.Assign(2, 100);
  EXPECT_EQ(cache.LatestEpoch(), 2);
  EXPECT_EQ(cache.EndOffsetFor(1, 100), (EpochEndOffset{1, 100}));
  EXPECT_EQ(cache.EndOffsetFor(2, 100), (EpochEndOffset{2, 100}));
}

TEST(LeaderEpochCache, TruncatesFromTheEnd) {
  LeaderEpochCache cache = Make({{2, 10}, {5, 20}, {7, 30}});
  EXPECT_FALSE(cache.TruncateFromEnd(31));
  EXPECT_TRUE(cache.TruncateFromEnd(30));
  EXPECT_EQ(EntriesOf(cache), (Entries{{2, 10}, {5, 20}}));
  EXPECT_TRUE(cache.TruncateFromEnd(11));
  EXPECT_EQ(EntriesOf(cache), (Entries{{2, 10}}));
  EXPECT_TRUE(cache.TruncateFromEnd(0));
  EXPECT_TRUE(cache.entries().empty());
}

TEST(LeaderEpochCache, TruncatesFromTheStartKeepingOneRebasedEntry) {
  LeaderEpochCache cache = Make({{2, 10}, {5, 20}, {7, 30}});
  EXPECT_FALSE(cache.TruncateFromStart(5));
  EXPECT_FALSE(cache.TruncateFromStart(10));
  EXPECT_TRUE(cache.TruncateFromStart(15));
  EXPECT_EQ(EntriesOf(cache), (Entries{{2, 15}, {5, 20}, {7, 30}}));
  EXPECT_TRUE(cache.TruncateFromStart(20));
  EXPECT_EQ(EntriesOf(cache), (Entries{{5, 20}, {7, 30}}));
  EXPECT_TRUE(cache.TruncateFromStart(1000));
  EXPECT_EQ(EntriesOf(cache), (Entries{{7, 1000}}));
  EXPECT_EQ(cache.EndOffsetFor(7, 1000), (EpochEndOffset{7, 1000}));
}

TEST(LeaderEpochCache, TextRoundTrips) {
  const LeaderEpochCache cache = Make({{0, 0}, {5, 20}, {2147483647, 9223372036854775807}});
  EXPECT_EQ(cache.Encode(), "0\n3\n0 0\n5 20\n2147483647 9223372036854775807\n");
  const auto decoded = LeaderEpochCache::Decode(cache.Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, cache);
  const auto empty = LeaderEpochCache::Decode(LeaderEpochCache().Encode());
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_TRUE(empty->entries().empty());
}

TEST(LeaderEpochCache, RefusesDamagedText) {
  for (std::string_view text :
       {"", "0\n", "1\n0\n", "0\n2\n0 0\n", "0\n1\n0 0\n1 5\n", "0\n1\n0\n", "0\n1\n0 0 0\n",
        "0\n1\nx 0\n", "0\n1\n0 -1\n", "0\n1\n-1 0\n", "0\n2\n1 0\n1 5\n", "0\n2\n1 5\n2 5\n",
        "0\n1\n2147483648 0\n", "0\n1\n0 9223372036854775808\n", "0\n-1\n"}) {
    EXPECT_TRUE(absl::IsDataLoss(LeaderEpochCache::Decode(text).status())) << text;
  }
}

// A log as the epoch of each offset; what the cache should say can be read off it.
struct ModelLog {
  int64_t start = 0;
  std::vector<int32_t> epochs;  // of offsets start, start+1, ...

  int64_t end() const { return start + static_cast<int64_t>(epochs.size()); }
  Entries Runs() const {
    Entries runs;
    for (size_t i = 0; i < epochs.size(); ++i) {
      if (i == 0 || epochs[i] != epochs[i - 1]) {
        runs.push_back({epochs[i], start + static_cast<int64_t>(i)});
      }
    }
    return runs;
  }
};

TEST(LeaderEpochCache, FollowsAModelThroughRandomHistories) {
  Random random(41);
  for (int round = 0; round < 300; ++round) {
    ModelLog log;
    LeaderEpochCache cache;
    int32_t epoch = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random.Below(6)) {
        case 0:
          epoch += static_cast<int32_t>(random.Between(1, 3));
          break;
        case 1: {
          const int64_t to = random.Between(log.start, log.end());
          log.epochs.resize(static_cast<size_t>(to - log.start));
          cache.TruncateFromEnd(to);
          break;
        }
        case 2: {
          // Up to the last record: an emptied log is covered by a case of its own.
          if (log.epochs.empty()) break;
          const int64_t to = random.Between(log.start, log.end() - 1);
          log.epochs.erase(log.epochs.begin(), log.epochs.begin() + (to - log.start));
          log.start = to;
          cache.TruncateFromStart(to);
          break;
        }
        case 3: {
          auto decoded = LeaderEpochCache::Decode(cache.Encode());
          ASSERT_TRUE(decoded.ok()) << decoded.status();
          cache = *decoded;
          break;
        }
        default:
          cache.Assign(epoch, log.end());
          log.epochs.insert(log.epochs.end(), 1 + random.Below(5), epoch);
      }
      ASSERT_EQ(EntriesOf(cache), log.Runs()) << "round " << round << " step " << step;
      for (int64_t offset = log.start; offset < log.end(); ++offset) {
        ASSERT_EQ(cache.EpochOf(offset), log.epochs[static_cast<size_t>(offset - log.start)]);
      }
    }
  }
}

// Replicas under random leader changes, with followers that find where to cut as a diverging fetch
// does (KIP-595). Whatever happened before, a follower that has caught up holds the leader's log
// exactly.
class Replicas {
 public:
  struct Replica {
    std::vector<std::pair<int32_t, uint64_t>> log;  // (epoch, identity) of each offset
    LeaderEpochCache cache;
    int64_t end() const { return static_cast<int64_t>(log.size()); }
  };

  explicit Replicas(uint64_t seed) : random_(seed) {}

  void Elect() {
    leader_ = random_.Below(replicas_.size());
    Leader().cache.Assign(++epoch_, Leader().end());
  }
  void Write() {
    for (uint64_t i = 1 + random_.Below(4); i > 0; --i)
      Leader().log.emplace_back(epoch_, ++identity_);
  }
  // The follower cuts until the leader finds no divergence, then copies some records. Returns false
  // when it did not settle.
  bool Follow(size_t which, bool all) {
    Replica& follower = replicas_[which];
    for (int tries = 0; tries < 100; ++tries) {
      if (!Cut(follower)) {
        const int64_t limit =
            all ? Leader().end() : random_.Between(follower.end(), Leader().end());
        while (follower.end() < limit) {
          const auto& record = Leader().log[follower.log.size()];
          follower.cache.Assign(record.first, follower.end());
          follower.log.push_back(record);
        }
        return true;
      }
    }
    return false;
  }

  size_t count() const { return replicas_.size(); }
  Replica& Leader() { return replicas_[leader_]; }
  size_t leader() const { return leader_; }
  Replica& At(size_t i) { return replicas_[i]; }

 private:
  // One diverging answer; false when the leader sees no divergence.
  bool Cut(Replica& follower) {
    const int32_t last_epoch = follower.cache.LatestEpoch();
    if (last_epoch < 0) return false;
    const EpochEndOffset leader_end = Leader().cache.EndOffsetFor(last_epoch, Leader().end());
    if (leader_end.leader_epoch == last_epoch && leader_end.end_offset >= follower.end())
      return false;
    const EpochEndOffset own_end =
        follower.cache.EndOffsetFor(leader_end.leader_epoch, follower.end());
    const int64_t to = std::min({leader_end.end_offset, own_end.end_offset, follower.end()});
    follower.log.resize(static_cast<size_t>(std::max<int64_t>(to, 0)));
    follower.cache.TruncateFromEnd(to);
    return true;
  }

  Random random_;
  std::vector<Replica> replicas_ = std::vector<Replica>(3);
  size_t leader_ = 0;
  int32_t epoch_ = 0;
  uint64_t identity_ = 0;
};

TEST(LeaderEpochCache, FollowersEndUpWithTheLeadersLog) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed * 7 + 1);
    Replicas replicas(seed);
    replicas.Elect();
    for (int step = 0; step < 40; ++step) {
      if (random.Chance(1, 5)) replicas.Elect();
      if (random.Chance(2, 3)) replicas.Write();
      const size_t which = random.Below(replicas.count());
      if (which == replicas.leader()) continue;
      ASSERT_TRUE(replicas.Follow(which, false)) << "seed " << seed;
      const auto& follower = replicas.At(which).log;
      ASSERT_LE(follower.size(), replicas.Leader().log.size());
      ASSERT_TRUE(std::equal(follower.begin(), follower.end(), replicas.Leader().log.begin()))
          << "seed " << seed << " step " << step;
    }
    for (size_t i = 0; i < replicas.count(); ++i) {
      if (i == replicas.leader()) continue;
      ASSERT_TRUE(replicas.Follow(i, true));
      ASSERT_EQ(replicas.At(i).log, replicas.Leader().log) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace soliton::segment
