#include "segment/recovery_point_file.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_file_system.h"

namespace soliton::segment {
namespace {

class RecoveryPointTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs.CreateDirectories("/log").ok());
    ASSERT_TRUE(fs.SyncDirectory("/").ok());
  }
  RecoveryPointFile Open() {
    auto file = RecoveryPointFile::Open(fs, "/log");
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    return *std::move(file);
  }
  static RecoveryPoint Point(int64_t n) { return {n, n / 2, n / 3, n / 4}; }

  sim::SimFileSystem fs{5};
};

TEST_F(RecoveryPointTest, LastEntryCounts) {
  RecoveryPointFile file = Open();
  EXPECT_FALSE(file.last());
  for (int64_t n = 1; n <= 5; ++n) ASSERT_TRUE(file.Append(Point(n * 10)).ok());
  EXPECT_EQ(Open().last(), Point(50));
}

TEST_F(RecoveryPointTest, DurableEntriesSurvivePowerLoss) {
  {
    RecoveryPointFile file = Open();
    ASSERT_TRUE(file.Append(Point(10)).ok());
    ASSERT_TRUE(file.AppendDurably(Point(20)).ok());
    ASSERT_TRUE(file.Append(Point(30)).ok());
  }
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  EXPECT_EQ(Open().last(), Point(20));
}

// Whatever a power loss leaves, it is an entry that was written, and no older than the last synced
// one; also while the two files take turns.
TEST_F(RecoveryPointTest, NeverOlderThanTheLastSyncedEntry) {
  Random random(9);
  int64_t next = 1;
  for (int round = 0; round < 60; ++round) {
    int64_t synced = 0;
    {
      RecoveryPointFile file = Open();
      if (file.last()) synced = file.last()->durable_end_offset;
      for (int64_t n = random.Between(1, 2500); n > 0; --n) {
        if (random.Chance(1, file.wants_sync() ? 100 : 2000)) {
          ASSERT_TRUE(file.AppendDurably(Point(next)).ok());
          synced = next;
        } else {
          ASSERT_TRUE(file.Append(Point(next)).ok());
        }
        ++next;
      }
    }
    fs.CrashAndRecover();
    const RecoveryPointFile file = Open();
    const int64_t found = file.last() ? file.last()->durable_end_offset : 0;
    ASSERT_GE(found, synced) << "round " << round;
    ASSERT_LT(found, next) << "round " << round;
    if (file.last()) {
      EXPECT_EQ(*file.last(), Point(found));
    }
  }
  EXPECT_LT(fs.used_bytes(), 6 * 1024 * 64) << "the files do not grow without bound";
}

TEST_F(RecoveryPointTest, RottenEntriesAreIgnored) {
  {
    RecoveryPointFile file = Open();
    ASSERT_TRUE(file.Append(Point(10)).ok());
    ASSERT_TRUE(file.AppendDurably(Point(20)).ok());
  }
  fs.FlipBit("/log/recovery-point.0", 64 + 20, 3);
  EXPECT_EQ(Open().last(), Point(10));
  fs.FlipBit("/log/recovery-point.0", 2, 0);
  EXPECT_FALSE(Open().last());
  // A torn last entry does not shift those that follow.
  {
    auto raw = fs.Open("/log/recovery-point.0", OpenMode::kReadWrite);
    const Buffer piece = Buffer::CopyOf("torn");
    ASSERT_TRUE((*raw)->Append(std::span(&piece, 1)).ok());
    RecoveryPointFile file = Open();
    ASSERT_TRUE(file.Append(Point(30)).ok());
  }
  EXPECT_EQ(Open().last(), Point(30));
}

TEST_F(RecoveryPointTest, IsOpenOnlyWhileSomethingIsNotSynced) {
  RecoveryPointFile file = Open();
  EXPECT_EQ(file.file(), nullptr);
  ASSERT_TRUE(file.Append(Point(10)).ok());
  ASSERT_NE(file.file(), nullptr);
  EXPECT_FALSE(file.is_named());
  const std::shared_ptr<File> first = file.file();
  const int64_t seen = first->size_bytes();
  ASSERT_TRUE(file.Append(Point(20)).ok());
  ASSERT_TRUE(first->Sync().ok());
  file.NoteSynced(first, seen);
  EXPECT_TRUE(file.has_unsynced()) << "another entry came meanwhile";
  file.NoteSynced(first, first->size_bytes());
  EXPECT_EQ(file.file(), nullptr);
  EXPECT_TRUE(file.is_named());
  EXPECT_FALSE(file.has_unsynced());
  ASSERT_TRUE(file.Append(Point(30)).ok());
  EXPECT_TRUE(file.has_unsynced());
  EXPECT_TRUE(file.is_named());
  ASSERT_TRUE(file.AppendDurably(Point(40)).ok());
  EXPECT_EQ(file.file(), nullptr);
  EXPECT_EQ(Open().last(), Point(40));
}

}  // namespace
}  // namespace soliton::segment
