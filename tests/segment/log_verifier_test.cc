// Damage of every kind is found and told from what the next start puts right; nothing is written.
#include "segment/verify/log_verifier.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "segment/segment.h"
#include "segment/segment_checkpoint.h"
#include "segment/verify/directory_verifier.h"
#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class LogVerifierTest : public LogTest {
 protected:
  // Three segments with indexes, two epochs, one idempotent producer; cleanly closed.
  void MakeLog() {
    options.segment_bytes = 1500;
    options.index_interval_bytes = 200;
    MustOpen();
    for (int i = 0; i < 12; ++i) {
      const AppendResult appended = Append({.records = 2,
                                            .timestamp_ms = 1'700'000'000'000 + i,
                                            .value = std::string(120, 'v'),
                                            .producer_id = 7,
                                            .producer_epoch = 0,
                                            .base_sequence = 2 * i},
                                           i < 6 ? 3 : 5);
      ASSERT_EQ(appended.error, kafka::ErrorCode::NONE) << appended.error_message;
      clock.wall_ms += 1000;
    }
    ASSERT_TRUE(Flush());
    ASSERT_TRUE(log->CloseCleanly().ok());
    log.reset();
  }

  LogReport Verify() {
    auto report = VerifyLog(fs, directory);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : LogReport();
  }

  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto entries = fs.List(directory);
    for (const DirectoryEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }

  void Overwrite(const std::string& path, std::string_view content) {
    ASSERT_TRUE(WriteFileAtomically(fs, path, content).ok());
  }

  std::string LogName(int64_t base) { return PathOf(SegmentFileName(base, kLogSuffix)); }
};

TEST_F(LogVerifierTest, AGoodLogHasNoFindings) {
  MakeLog();
  const std::vector<std::string> before = Names();
  const LogReport report = Verify();
  for (const Finding& finding : report.findings) ADD_FAILURE() << ToText(finding);
  EXPECT_EQ(report.batches, 12);
  EXPECT_EQ(report.records, 24);
  EXPECT_GE(report.segments, 3);
  EXPECT_EQ(report.log_start_offset, 0);
  EXPECT_EQ(report.log_end_offset, 24);
  EXPECT_EQ(report.durable_end_offset, 24);
  EXPECT_EQ(Names(), before);
}

// One flipped bit in any byte of the data files and the indexes: each byte means something.
TEST_F(LogVerifierTest, NoFlippedByteGoesUnseen) {
  MakeLog();
  std::vector<std::string> unseen;
  int64_t flips = 0;
  for (const std::string& name : Names()) {
    const bool checked = name.ends_with(kLogSuffix) || name.ends_with(kOffsetIndexSuffix) ||
                         name.ends_with(kTimeIndexSuffix);
    if (!checked) continue;
    const std::string path = PathOf(name);
    const auto content = ReadFile(fs, path);
    ASSERT_TRUE(content.ok());
    for (size_t at = 0; at < content->size(); ++at) {
      ++flips;
      fs.FlipBit(path, static_cast<int64_t>(at), static_cast<int>(at % 8));
      const LogReport report = Verify();
      // A batch's epoch may also contradict the checkpoint. The newest segment may have grown since
      // its indexes were written, so theirs is no damage.
      const bool found = name.ends_with(kLogSuffix)
                             ? FirstDamage(report.findings) != nullptr
                             : std::any_of(report.findings.begin(), report.findings.end(),
                                           [&](const Finding& f) { return f.path == path; });
      if (!found) unseen.push_back(fmt::format("{} byte {}", name, at));
      fs.FlipBit(path, static_cast<int64_t>(at), static_cast<int>(at % 8));
    }
  }
  EXPECT_GT(flips, 4000);
  EXPECT_THAT(unseen, IsEmpty());
  EXPECT_THAT(Verify().findings, IsEmpty());
}

TEST_F(LogVerifierTest, DamageNamesFileByteAndOffset) {
  MakeLog();
  fs.FlipBit(LogName(0), 400, 3);
  const LogReport report = Verify();
  const Finding* damage = FirstDamage(report.findings);
  ASSERT_NE(damage, nullptr);
  EXPECT_EQ(damage->path, LogName(0));
  EXPECT_GT(damage->position, 0);
  EXPECT_LE(damage->position, 400);
  EXPECT_EQ(damage->offset, 2);
  EXPECT_THAT(damage->what, HasSubstr("CRC"));
  // What follows is looked at all the same, and is no damage by itself.
  EXPECT_EQ(report.findings.size(), 1u)
      << report.findings.back().path << ": " << report.findings.back().what;
  EXPECT_EQ(report.log_end_offset, 24);
}

TEST_F(LogVerifierTest, ACutBelowTheDurableMarkIsDamageAboveItATornTail) {
  MustOpen();
  Append({.records = 2});
  ASSERT_TRUE(Flush());
  const auto durable = ReadFile(fs, LogName(0));
  Append({.records = 3});
  log.reset();
  const auto all = ReadFile(fs, LogName(0));
  ASSERT_TRUE(durable.ok() && all.ok());

  Overwrite(LogName(0), all->substr(0, all->size() - 1));
  LogReport report = Verify();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, Finding::Kind::kTornTail);
  EXPECT_EQ(report.findings[0].position, static_cast<int64_t>(durable->size()));
  EXPECT_THAT(report.findings[0].what,
              HasSubstr(fmt::format("cuts {} bytes", all->size() - 1 - durable->size())));
  EXPECT_EQ(report.log_end_offset, 2);

  // Garbage and zeros behind the mark are the same to the next start.
  Overwrite(LogName(0), *durable + std::string(300, '\0'));
  report = Verify();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, Finding::Kind::kTornTail);

  Overwrite(LogName(0), durable->substr(0, durable->size() - 1));
  EXPECT_NE(FirstDamage(Verify().findings), nullptr);
  Overwrite(LogName(0), "");
  report = Verify();
  const Finding* damage = FirstDamage(report.findings);
  ASSERT_NE(damage, nullptr);
  EXPECT_THAT(damage->what, HasSubstr("records up to offset 2 were durable"));
}

TEST_F(LogVerifierTest, AMissingSegmentIsDamage) {
  MakeLog();
  std::vector<std::string> logs;
  for (const std::string& name : Names()) {
    if (name.ends_with(kLogSuffix)) logs.push_back(name);
  }
  ASSERT_GE(logs.size(), 3u);
  for (const std::string& name : logs) {
    const auto content = ReadFile(fs, PathOf(name));
    ASSERT_TRUE(content.ok());
    ASSERT_TRUE(fs.Remove(PathOf(name)).ok());
    EXPECT_NE(FirstDamage(Verify().findings), nullptr) << name;
    Overwrite(PathOf(name), *content);
  }
  EXPECT_THAT(Verify().findings, IsEmpty());
}

TEST_F(LogVerifierTest, DerivedFilesAreHeldAgainstTheBatches) {
  MakeLog();
  const std::string epochs = PathOf("leader-epoch-checkpoint");
  const auto good = ReadFile(fs, epochs);
  ASSERT_TRUE(good.ok());
  for (const char* text : {"0\n2\n3 0\n5 10\n", "0\n1\n3 0\n", "0\n2\n2 0\n5 12\n", "nonsense"}) {
    Overwrite(epochs, text);
    const LogReport report = Verify();
    const Finding* damage = FirstDamage(report.findings);
    ASSERT_NE(damage, nullptr) << text;
    EXPECT_EQ(damage->path, epochs);
  }
  Overwrite(epochs, *good);

  std::string snapshot;
  for (const std::string& name : Names()) {
    if (name.ends_with(kSnapshotSuffix)) snapshot = PathOf(name);
  }
  ASSERT_NE(snapshot, "");
  const auto bytes = ReadFile(fs, snapshot);
  ASSERT_TRUE(bytes.ok());
  fs.FlipBit(snapshot, static_cast<int64_t>(bytes->size()) - 1, 0);
  const LogReport report = Verify();
  const Finding* damage = FirstDamage(report.findings);
  ASSERT_NE(damage, nullptr);
  EXPECT_EQ(damage->path, snapshot);
}

TEST_F(LogVerifierTest, MissingDerivedFilesAreNotes) {
  MakeLog();
  for (const std::string& name : Names()) {
    if (name.ends_with(kOffsetIndexSuffix) || name.ends_with(kTimeIndexSuffix) ||
        name == "leader-epoch-checkpoint") {
      ASSERT_TRUE(fs.Remove(PathOf(name)).ok());
    }
  }
  const LogReport report = Verify();
  EXPECT_EQ(FirstDamage(report.findings), nullptr);
  EXPECT_GE(report.findings.size(), 5u);
}

TEST_F(LogVerifierTest, TheCheckpointIsHeldAgainstTheBatches) {
  options.checkpoint_step_bytes = 300;
  options.index_interval_bytes = 200;
  MustOpen();
  for (int i = 0; i < 6; ++i) {
    Append({.records = 2, .timestamp_ms = 1'700'000'000'000 + i, .value = std::string(120, 'v')});
    ASSERT_TRUE(Flush());
  }
  log.reset();
  const std::string path = PathOf(kSegmentCheckpointName);
  const auto bytes = ReadFile(fs, path);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto good = SegmentCheckpoint::Decode(*bytes);
  ASSERT_TRUE(good.ok());
  ASSERT_GT(good->end_position, 0);
  ASSERT_GE(good->offset_index.entry_count(), 1u);
  EXPECT_THAT(Verify().findings, IsEmpty());

  using Lie = std::function<void(SegmentCheckpoint&)>;
  const std::vector<Lie> lies = {
      [](SegmentCheckpoint& c) { c.max_timestamp_ms += 1; },
      [](SegmentCheckpoint& c) { c.end_offset -= 1; },
      [](SegmentCheckpoint& c) { c.end_position -= 1; },
      [](SegmentCheckpoint& c) { c.end_position += 1'000'000; },
      [](SegmentCheckpoint& c) {
        const OffsetIndex::Entry first = c.offset_index.entry(0);
        c.offset_index = OffsetIndex(0);
        c.offset_index.Append(first.offset, first.position + 1);
      },
  };
  for (size_t i = 0; i < lies.size(); ++i) {
    SegmentCheckpoint lying = *good;
    lies[i](lying);
    Overwrite(path, lying.Encode());
    const LogReport report = Verify();
    const Finding* damage = FirstDamage(report.findings);
    ASSERT_NE(damage, nullptr) << i;
    EXPECT_EQ(damage->path, path) << i;
  }
  Overwrite(path, *bytes + "x");
  EXPECT_NE(FirstDamage(Verify().findings), nullptr);
}

TEST_F(LogVerifierTest, OneSegmentFileByItself) {
  MakeLog();
  auto report = VerifySegmentFile(fs, LogName(0));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_GT(report->batches, 1);
  fs.FlipBit(LogName(0), 500, 0);
  report = VerifySegmentFile(fs, LogName(0));
  ASSERT_TRUE(report.ok());
  EXPECT_NE(FirstDamage(report->findings), nullptr);
  EXPECT_FALSE(VerifySegmentFile(fs, PathOf("leader-epoch-checkpoint")).ok());
}

TEST_F(LogVerifierTest, ADirectoryChecksItsOwnFilesToo) {
  MakeLog();
  Overwrite("/data/meta.properties", "version=1\ncluster.id=c\nnode.id=1\ndirectory.id=d\n");
  Overwrite("/data/replication-offset-checkpoint", "0\n2\ntopic 0 24\ngone 3 9\n");
  auto report = VerifyDirectory(fs, "/data");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->logs.size(), 1u);
  EXPECT_THAT(report->findings, IsEmpty());

  Overwrite("/data/replication-offset-checkpoint", "0\n1\ntopic 0 25\n");
  report = VerifyDirectory(fs, "/data");
  ASSERT_TRUE(report.ok());
  ASSERT_NE(FirstDamage(report->findings), nullptr);
  EXPECT_THAT(ToText(report->findings[0]),
              HasSubstr("(offset 25): the high watermark of topic-0 was here, its log ends at 24"));

  Overwrite("/data/meta.properties", "version=1\n");
  report = VerifyDirectory(fs, "/data");
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->findings.size(), 4u);
}

}  // namespace
}  // namespace soliton::segment
