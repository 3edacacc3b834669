// Giving up what is damaged: what is right stays, what is not is kept elsewhere, and a crash on the
// way leaves a folder that is refused until the work is finished.
#include "segment/accept_loss.h"
#include "segment/find_loss.h"

#include <gmock/gmock.h>

#include "segment/damage_mark.h"
#include "segment/recovery_point_file.h"
#include "segment/segment.h"
#include "tests/segment/log_recovery_fixture.h"

namespace soliton::segment {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class AcceptLossTest : public LogRecoveryTest {
 protected:
  // Twenty durable batches of two records, in several segments.
  void Write() {
    MustOpen();
    Fill(20);
    while (Flush()) {
    }
    before = ReadAll(*log);
    ASSERT_GT(log->segment_count(), 3);
    log.reset();
    fs.ProcessExited();
  }
  std::optional<Loss> Find() {
    auto loss = FindLoss(fs, directory);
    EXPECT_TRUE(loss.ok()) << loss.status();
    return loss.ok() ? *loss : std::nullopt;
  }
  absl::StatusOr<std::string> Accept(const Loss& loss) {
    return AcceptLoss(fs, directory, loss, "2023-11-14T22:13:20Z", random);
  }
  // Opens the log, and expects the first `count` batches of before.
  void ExpectKept(size_t count) {
    MustOpen();
    ASSERT_NE(log, nullptr);
    const auto left = ReadAll(*log);
    EXPECT_EQ(left, std::vector<StoredBatch>(before.begin(),
                                             before.begin() + static_cast<std::ptrdiff_t>(count)));
    EXPECT_EQ(log->flushed_offset(), log->log_end_offset());
    EXPECT_EQ(Append({}, 1).base_offset, static_cast<int64_t>(2 * count));
    log.reset();
  }
  std::vector<std::string> NamesIn(const std::string& folder) const {
    std::vector<std::string> names;
    const auto entries = fs.List(folder);
    if (!entries.ok()) return names;
    for (const DirectoryEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }

  std::vector<StoredBatch> before;
  Random random{1};
};

TEST_F(AcceptLossTest, NothingIsFoundInAGoodLogOrATornTail) {
  Write();
  EXPECT_FALSE(Find().has_value());
  const std::string last = PathOf(Names(".log").back());
  Overwrite(last, *ReadFile(fs, last) + "torn");
  EXPECT_FALSE(Find().has_value());
  ExpectKept(20);
}

TEST_F(AcceptLossTest, DamageInTheMiddleIsCutAndKept) {
  Write();
  const std::vector<std::string> segments = Names(".log");
  const std::string damaged = PathOf(segments[1]);
  const std::string bytes = *ReadFile(fs, damaged);

  fs.FlipBit(damaged, static_cast<int64_t>(bytes.rfind("xxx")), 3);
  ASSERT_EQ(Open().code(), absl::StatusCode::kOk) << "a durable segment is not read at a start";
  log.reset();

  MarkDamaged(fs, directory, absl::DataLossError("was read"));

  const std::optional<Loss> loss = Find();
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->path, damaged);
  EXPECT_GT(loss->position, 0);
  EXPECT_THAT(loss->why, HasSubstr("CRC mismatch"));
  EXPECT_EQ(loss->durable_end_offset, 40);
  EXPECT_EQ(loss->log_start_offset, 0);
  const auto kept = Accept(*loss);
  ASSERT_TRUE(kept.ok()) << kept.status();

  EXPECT_FALSE(Find().has_value());
  EXPECT_TRUE(fs.Exists(PathOf(kLossAcceptedName)));
  EXPECT_THAT(*ReadFile(fs, JoinPath("/data", kAcceptedLossesName)), HasSubstr(*kept));
  const std::string tail =
      *ReadFile(fs, JoinPath(*kept, segments[1] + ".from-byte-" + std::to_string(loss->position)));
  EXPECT_EQ(tail.size(), bytes.size() - static_cast<size_t>(loss->position));
  for (size_t i = 2; i < segments.size(); ++i) {
    EXPECT_TRUE(fs.Exists(JoinPath(*kept, segments[i]))) << segments[i];
    EXPECT_FALSE(fs.Exists(PathOf(segments[i]))) << segments[i];
  }
  ExpectKept(static_cast<size_t>(loss->log_end_offset / 2));
}

TEST_F(AcceptLossTest, AMissingSegmentEndsTheLogOrMovesItsStart) {
  Write();
  const std::vector<std::string> segments = Names(".log");
  const int64_t second = *ParseSegmentFileName(segments[1], kLogSuffix);
  const int64_t third = *ParseSegmentFileName(segments[2], kLogSuffix);
  Remove(PathOf(segments[1]));
  std::optional<Loss> loss = Find();
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->log_end_offset, second);
  EXPECT_EQ(loss->path, PathOf(segments[2]));
  // Without the first two, the log begins at the third.
  Remove(PathOf(segments[0]));
  ASSERT_TRUE(absl::IsDataLoss(Open()));
  loss = Find();
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->log_start_offset, third);
  EXPECT_EQ(loss->log_end_offset, 40);
  ASSERT_TRUE(Accept(*loss).ok());
  MustOpen();
  EXPECT_EQ(log->log_start_offset(), third);
  EXPECT_EQ(log->log_end_offset(), 40);
}

// Each segment is right by itself, and durable: the second begins before the first one ends.
TEST_F(AcceptLossTest, SegmentsThatOverlap) {
  Write();
  const std::vector<std::string> segments = Names(".log");
  const int64_t second = *ParseSegmentFileName(segments[1], kLogSuffix);
  const int64_t end = *ParseSegmentFileName(segments[2], kLogSuffix);
  Overwrite(LogName(0), *ReadFile(fs, LogName(0)) + *ReadFile(fs, LogName(second)));
  for (size_t i = 2; i < segments.size(); ++i) Remove(PathOf(segments[i]));
  // As if this were all that was ever written.
  auto point = RecoveryPointFile::Open(fs, directory);
  ASSERT_TRUE(point.ok());
  ASSERT_TRUE(point->AppendDurably({.durable_end_offset = second}).ok());
  ASSERT_TRUE(absl::IsDataLoss(Open()));
  const std::optional<Loss> loss = Find();
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->path, LogName(second));
  EXPECT_EQ(loss->log_end_offset, end);
  ASSERT_TRUE(Accept(*loss).ok());
  ExpectKept(static_cast<size_t>(end / 2));
}

TEST_F(AcceptLossTest, NoSegmentIsLeft) {
  Write();
  for (const std::string& name : Names(".log")) Remove(PathOf(name));
  const std::optional<Loss> loss = Find();
  ASSERT_TRUE(loss.has_value());
  EXPECT_EQ(loss->log_end_offset, 0);
  ASSERT_TRUE(Accept(*loss).ok());
  ExpectKept(0);
}

TEST_F(AcceptLossTest, AMarkWithoutDamageIsTakenAway) {
  Write();
  MarkDamaged(fs, directory, absl::DataLossError("a cable was loose"));
  ASSERT_TRUE(absl::IsDataLoss(Open()));
  const std::optional<Loss> loss = Find();
  ASSERT_TRUE(loss.has_value());
  EXPECT_THAT(loss->why, HasSubstr("a cable was loose"));
  EXPECT_EQ(loss->log_end_offset, 40);
  const auto kept = Accept(*loss);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_THAT(NamesIn(*kept), SizeIs(1));
  ExpectKept(20);
}

// After a power loss at any operation: either brokers refuse the folder, as before, or all is done.
TEST_F(AcceptLossTest, ACrashAtEveryOperation) {
  bool done = false;
  for (uint64_t operation = 1; !done; ++operation) {
    ASSERT_LT(operation, 100u);
    for (const sim::CrashModel model : {sim::CrashModel::kLoseUnsynced, sim::CrashModel::kRandom}) {
      SCOPED_TRACE(testing::Message() << "operation " << operation);
      ASSERT_TRUE(fs.RemoveTree("/data").ok());
      ASSERT_TRUE(fs.CreateDirectories("/data").ok());
      ASSERT_TRUE(fs.SyncDirectory("/").ok());
      Write();
      const std::string damaged = PathOf(Names(".log")[1]);
      fs.FlipBit(damaged, 200, 3);
      MarkDamaged(fs, directory, absl::DataLossError("was read"));
      const std::optional<Loss> loss = Find();
      ASSERT_TRUE(loss.has_value());
      bool crashed = false;
      fs.SetCrashAtOperation(fs.operation_count() + operation, [&] { crashed = true; });
      const auto kept = Accept(*loss);
      if (!crashed) {
        ASSERT_TRUE(kept.ok()) << kept.status();
        done = true;
      }
      fs.CrashAndRecover(model);
      const std::optional<Loss> left = Find();
      if (left.has_value()) {
        EXPECT_TRUE(absl::IsDataLoss(Open())) << "it must not be taken for a log";
        EXPECT_EQ(left->log_end_offset, loss->log_end_offset);
        const auto again = Accept(*left);
        ASSERT_TRUE(again.ok()) << again.status();
      }
      EXPECT_TRUE(fs.Exists(PathOf(kLossAcceptedName)));
      ExpectKept(static_cast<size_t>(loss->log_end_offset / 2));
      // Nothing of what was taken away is gone.
      size_t logs = Names(".log").size();
      for (const std::string& folder : NamesIn("/data")) {
        if (!folder.ends_with("-damaged")) continue;
        for (const std::string& name : NamesIn(JoinPath("/data", folder))) {
          logs += name.ends_with(".log");
        }
      }
      EXPECT_EQ(logs, 5u);
    }
  }
}

}  // namespace
}  // namespace soliton::segment
