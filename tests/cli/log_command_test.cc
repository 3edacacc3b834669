// soliton log dump and verify over files on a real file system.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "protocol/record/batch_builder.h"
#include "protocol/record/record_batch.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/process.h"
#include "segment/index/offset_index.h"
#include "segment/index/time_index.h"
#include "segment/recovery_point_file.h"
#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kTimeMs = 1'700'000'000'000;

class LogCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    data = JoinPath(testing::TempDir(),
                    fmt::format("soliton-log-{}",
                                testing::UnitTest::GetInstance()->current_test_info()->name()));
    partition = JoinPath(data, "orders-0");
    ASSERT_TRUE(fs.RemoveTree(data).ok());
    ASSERT_TRUE(fs.CreateDirectories(partition).ok());
    Buffer first = Batch(0, 1, {{"k1", "v1"}, {std::nullopt, "\xff\xfe"}});
    Buffer second = Batch(2, 2, {{"k3", std::nullopt}});
    second_position = static_cast<int64_t>(first.size());
    log_path = JoinPath(partition, "00000000000000000000.log");
    Write(log_path, std::string(first.view()) + std::string(second.view()));
    Write(JoinPath(partition, "leader-epoch-checkpoint"), "0\n2\n1 0\n2 2\n");
    Write(JoinPath(data, "meta.properties"),
          "version=1\ncluster.id=c\nnode.id=1\ndirectory.id=d\n");
    Write(JoinPath(data, ".lock"), "");
  }
  void TearDown() override { EXPECT_TRUE(fs.RemoveTree(data).ok()); }

  using KeyValue = std::pair<std::optional<std::string_view>, std::optional<std::string_view>>;
  static Buffer Batch(int64_t base_offset, int32_t epoch, const std::vector<KeyValue>& records) {
    kafka::BatchOptions options;
    options.base_offset = base_offset;
    options.leader_epoch = epoch;
    kafka::BatchBuilder builder(options);
    for (const auto& [key, value] : records) builder.Append(kTimeMs, key, value);
    return builder.Build();
  }
  void Write(const std::string& path, std::string_view content) {
    ASSERT_TRUE(WriteFileAtomically(fs, path, content).ok());
  }
  std::string Content(const std::string& path) const { return *ReadFile(fs, path); }

  PosixFileSystem fs;
  std::string data, partition, log_path;
  int64_t second_position = 0;
};

TEST_F(LogCommandTest, ALossIsShownAndAccepted) {
  const Ran nothing = RunWords({"log", "accept-loss", partition, "--yes"});
  EXPECT_EQ(nothing.code, ExitCode::kOk) << nothing.err;
  EXPECT_THAT(nothing.err, HasSubstr("nothing was done"));
  EXPECT_EQ(RunWords({"log", "accept-loss", log_path}).code, ExitCode::kUsage);
  EXPECT_EQ(RunWords({"log", "accept-loss", data}).code, ExitCode::kUsage);

  auto point = segment::RecoveryPointFile::Open(fs, partition);
  ASSERT_TRUE(point.ok());
  ASSERT_TRUE(point->AppendDurably({.durable_end_offset = 3}).ok());
  std::string bytes = Content(log_path);
  bytes.back() ^= 1;
  Write(log_path, bytes);
  const Ran shown = RunWords({"log", "accept-loss", partition});
  EXPECT_EQ(shown.code, ExitCode::kUsage);
  EXPECT_THAT(shown.err, HasSubstr("records lost: 2 to 2; records that stay: 0 to 1"));
  EXPECT_THAT(shown.err, HasSubstr(fmt::format("{} byte {}", log_path, second_position)));
  EXPECT_EQ(Content(log_path), bytes) << "nothing was done";

  const Ran done = RunWords({"log", "accept-loss", partition, "--yes"});
  EXPECT_EQ(done.code, ExitCode::kOk) << done.err;
  EXPECT_EQ(Content(log_path), bytes.substr(0, static_cast<size_t>(second_position)));
  EXPECT_THAT(Content(JoinPath(data, "accepted-losses.jsonl")), HasSubstr("CRC mismatch"));
  EXPECT_EQ(RunWords({"log", "verify", partition}).code, ExitCode::kOk);
}

TEST_F(LogCommandTest, DumpsBatchesAndRecords) {
  const std::string header_1 =
      "byte 0  offsets 0..1  epoch 1  records 2  81 bytes  none  2023-11-14T22:13:20.000Z "
      "(create)\n";
  const std::string header_2 =
      "byte 81  offsets 2..2  epoch 2  records 1  70 bytes  none  2023-11-14T22:13:20.000Z "
      "(create)\n";
  const Ran all = RunWords({"log", "dump", partition});
  EXPECT_EQ(all.code, ExitCode::kOk) << all.err;
  EXPECT_EQ(all.out, "00000000000000000000.log\n" + header_1 +
                         "  offset 0  2023-11-14T22:13:20.000Z  key \"k1\"  value \"v1\"\n"
                         "  offset 1  2023-11-14T22:13:20.000Z  key null  value base64://4=\n" +
                         header_2 +
                         "  offset 2  2023-11-14T22:13:20.000Z  key \"k3\"  value null\n");

  EXPECT_EQ(RunWords({"log", "dump", log_path, "--headers"}).out, header_1 + header_2);
  EXPECT_EQ(RunWords({"log", "dump", log_path, "--headers", "-n", "1"}).out, header_1);
  const Ran last = RunWords({"log", "dump", log_path, "--from", "2", "-n", "1"});
  EXPECT_EQ(last.out, header_2 + "  offset 2  2023-11-14T22:13:20.000Z  key \"k3\"  value null\n");
}

TEST_F(LogCommandTest, DumpsJson) {
  const Ran ran = RunWords({"log", "dump", log_path, "-o", "json", "--from", "2"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("{\"file\":\"00000000000000000000.log\",\"position\":81,"
                                 "\"size_bytes\":70,\"base_offset\":2,\"last_offset\":2,"
                                 "\"leader_epoch\":2,\"records_count\":1,\"codec\":\"none\""));
  EXPECT_THAT(ran.out, HasSubstr("\"records\":[{\"offset\":2,\"timestamp\":1700000000000,"
                                 "\"key\":\"k3\",\"value\":null,\"headers\":[]}]}\n"));
}

TEST_F(LogCommandTest, DumpsIndexEntries) {
  segment::OffsetIndex offsets(100);
  offsets.Append(105, 4096);
  offsets.Append(109, 8300);
  segment::TimeIndex times(100);
  times.MaybeAppend(kTimeMs, 105);
  const std::string offset_path = JoinPath(partition, "00000000000000000100.index");
  const std::string time_path = JoinPath(partition, "00000000000000000100.timeindex");
  Write(offset_path, offsets.Encode());
  Write(time_path, times.Encode());
  EXPECT_EQ(RunWords({"log", "dump", offset_path}).out,
            "offset 105  byte 4096\noffset 109  byte 8300\n");
  EXPECT_EQ(RunWords({"log", "dump", offset_path, "-n", "1", "-o", "json"}).out,
            "{\"offset\":105,\"position\":4096}\n");
  EXPECT_EQ(RunWords({"log", "dump", time_path}).out, "2023-11-14T22:13:20.000Z  offset 105\n");
  Write(offset_path, "odd");
  EXPECT_EQ(RunWords({"log", "dump", offset_path}).code, ExitCode::kDataCorrupt);
}

TEST_F(LogCommandTest, VerifyIsShortWhenAllIsGood) {
  const Ran ran = RunWords({"log", "verify", data});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("orders-0"));
  EXPECT_THAT(ran.out, HasSubstr("151 B"));
  EXPECT_THAT(ran.out, Not(HasSubstr("damaged")));
  EXPECT_THAT(ran.err, HasSubstr("checked 151 B"));
  const Ran json = RunWords({"log", "verify", partition, "-o", "json"});
  EXPECT_EQ(json.out,
            "{\"version\":1,\"logs\":[{\"log\":\"orders-0\",\"segments\":1,\"batches\":2,"
            "\"records\":3,\"bytes\":151,\"log_start_offset\":0,\"log_end_offset\":3,"
            "\"durable_end_offset\":0,\"state\":\"ok\",\"findings\":[]}]}\n");
}

TEST_F(LogCommandTest, DamageEndsWithExitCode9AndThePlace) {
  std::string bytes = Content(log_path);
  bytes[static_cast<size_t>(second_position) + 65] ^= 1;
  Write(log_path, bytes);
  for (const std::string& path : {data, partition, log_path}) {
    const Ran ran = RunWords({"log", "verify", path});
    EXPECT_EQ(ran.code, ExitCode::kDataCorrupt) << path;
    EXPECT_THAT(ran.err, HasSubstr("at: " + log_path + " byte 81 offset 2"));
    EXPECT_THAT(ran.err, HasSubstr("cause: CRC mismatch"));
    EXPECT_THAT(ran.out, HasSubstr("damaged: " + log_path + " at byte 81 (offset 2): CRC"));
  }
  const Ran dump = RunWords({"log", "dump", log_path});
  EXPECT_EQ(dump.code, ExitCode::kDataCorrupt);
  EXPECT_THAT(dump.out, HasSubstr("offsets 0..1"));
  EXPECT_THAT(dump.err, HasSubstr(log_path + " byte 81"));
  EXPECT_EQ(Content(log_path), bytes);
}

TEST_F(LogCommandTest, ATornTailIsNoDamage) {
  const std::string bytes = Content(log_path);
  Write(log_path, bytes.substr(0, bytes.size() - 7));
  const Ran ran = RunWords({"log", "verify", data});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("torn-tail: " + log_path + " at byte 81 (offset 2)"));
  EXPECT_THAT(ran.out, HasSubstr("the next start cuts 63 bytes"));
}

TEST_F(LogCommandTest, ADirectoryInUseIsRefusedUnlessToldOtherwise) {
  const auto lock = fs.Lock(JoinPath(data, ".lock"));
  ASSERT_TRUE(lock.ok()) << lock.status();
  const std::string holder = fmt::format("process {}", ProcessId());
  for (const std::string& path : {data, partition, log_path}) {
    for (const char* verb : {"verify", "dump"}) {
      const Ran ran = RunWords({"log", verb, path});
      EXPECT_EQ(ran.code, ExitCode::kRefused) << verb << " " << path;
      EXPECT_THAT(ran.err, HasSubstr("a process uses this directory"));
      EXPECT_THAT(ran.err, HasSubstr(holder));
      EXPECT_THAT(ran.err, HasSubstr("--live"));
    }
  }
  EXPECT_EQ(RunWords({"log", "verify", data, "--live"}).code, ExitCode::kOk);
}

TEST_F(LogCommandTest, SaysWhatIsNotALog) {
  EXPECT_EQ(RunWords({"log", "verify", JoinPath(data, "nowhere")}).code, ExitCode::kNotFound);
  EXPECT_EQ(RunWords({"log", "verify", JoinPath(data, "meta.properties")}).code, ExitCode::kUsage);
  const Ran ran = RunWords({"log", "dump", data});
  EXPECT_EQ(ran.code, ExitCode::kUsage);
  EXPECT_THAT(ran.err, HasSubstr("soliton log dump " + partition));
}

}  // namespace
}  // namespace soliton::cli
