#include "tests/sim/sim_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace soliton::sim {
namespace {

using ::testing::ElementsAre;

std::string Names(const SimFileSystem& fs, const std::string& directory) {
  std::string names;
  const auto entries = fs.List(directory);
  if (!entries.ok()) return "-";
  for (const DirectoryEntry& entry : *entries)
    names += entry.name + (entry.is_directory ? "/ " : " ");
  return names;
}

void AppendTo(File& file, std::string_view text) {
  const Buffer piece = Buffer::CopyOf(text);
  ASSERT_TRUE(file.Append({&piece, 1}).ok());
}

std::shared_ptr<File> Create(SimFileSystem& fs, const std::string& path) {
  auto file = fs.Open(path, OpenMode::kReadWriteOrCreate);
  EXPECT_TRUE(file.ok()) << path;
  return *file;
}

// A file whose name and content are durable.
std::shared_ptr<File> CreateDurable(SimFileSystem& fs, const std::string& path,
                                    std::string_view text) {
  auto file = Create(fs, path);
  AppendTo(*file, text);
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(fs.SyncDirectory(DirectoryOf(path)).ok());
  return file;
}

TEST(SimFileSystemTest, BehavesAsAFileSystem) {
  SimFileSystem fs(1);
  EXPECT_EQ(fs.Open("data/log", OpenMode::kReadWriteOrCreate).status().code(),
            absl::StatusCode::kNotFound);
  ASSERT_TRUE(fs.CreateDirectories("data/topic-0").ok());
  ASSERT_TRUE(fs.CreateDirectories("data/topic-0").ok());
  EXPECT_EQ(fs.Open("data/log", OpenMode::kReadWrite).status().code(), absl::StatusCode::kNotFound);
  auto file = Create(fs, "data/log");
  const Buffer pieces[] = {Buffer::CopyOf("hello "), Buffer(), Buffer::CopyOf("world")};
  ASSERT_TRUE(file->Append(pieces).ok());
  EXPECT_EQ(file->size_bytes(), 11);
  uint8_t out[5];
  ASSERT_EQ(*file->ReadAt(6, out), 5u);
  EXPECT_EQ(std::string(out, out + 5), "world");
  EXPECT_EQ(*file->ReadAt(9, out), 2u);
  EXPECT_EQ(*file->ReadAt(11, out), 0u);
  EXPECT_FALSE(file->Truncate(12).ok());
  ASSERT_TRUE(file->Truncate(5).ok());
  EXPECT_EQ(*ReadFile(fs, "/data//./log"), "hello");
  EXPECT_EQ(Names(fs, "data"), "log topic-0/ ");
  ASSERT_TRUE(fs.Rename("data/log", "data/topic-0/0.log").ok());
  EXPECT_EQ(fs.Rename("data/log", "data/x").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs.Exists("data/log"));
  EXPECT_EQ(*ReadFile(fs, "data/topic-0/0.log"), "hello");
  auto read_only = fs.Open("data/topic-0/0.log", OpenMode::kReadOnly);
  const Buffer piece = Buffer::CopyOf("x");
  EXPECT_FALSE((*read_only)->Append({&piece, 1}).ok());
  ASSERT_TRUE(fs.RemoveTree("data").ok());
  EXPECT_FALSE(fs.Exists("data"));
  EXPECT_EQ(file->size_bytes(), 5) << "an open file outlives its name";
  EXPECT_TRUE(fs.Remove("data/log").ok());
}

TEST(SimFileSystemTest, SyncedBytesSurviveAndUnsyncedOnesDoNot) {
  SimFileSystem fs(1);
  auto file = CreateDurable(fs, "log", "synced");
  AppendTo(*file, " unsynced");
  EXPECT_EQ(*ReadFile(fs, "log"), "synced unsynced");
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  EXPECT_EQ(*ReadFile(fs, "log"), "synced");
  uint8_t out[4];
  EXPECT_EQ(file->ReadAt(0, out).status().code(), absl::StatusCode::kUnavailable)
      << "a handle of the process that crashed";
  EXPECT_EQ(file->Sync().code(), absl::StatusCode::kUnavailable);
}

TEST(SimFileSystemTest, AnUnsyncedTruncationComesBack) {
  SimFileSystem fs(1);
  auto file = CreateDurable(fs, "log", "0123456789");
  ASSERT_TRUE(file->Truncate(4).ok());
  AppendTo(*file, "abc");
  ASSERT_TRUE(file->Truncate(2).ok());
  AppendTo(*file, "xy");
  EXPECT_EQ(*ReadFile(fs, "log"), "01xy");
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  EXPECT_EQ(*ReadFile(fs, "log"), "0123456789");
}

// The random model: the synced prefix is sacred, and all of nothing, part and everything occur.
TEST(SimFileSystemTest, RandomCrashesKeepTheSyncedPrefixAndVaryTheRest) {
  const std::string synced(700, 's');
  const std::string unsynced(3000, 'u');
  bool lost_all = false, kept_all = false, partial = false, damaged = false;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SimFileSystem fs(seed);
    auto file = CreateDurable(fs, "log", synced);
    for (int i = 0; i < 3; ++i) AppendTo(*file, std::string_view(unsynced).substr(0, 1000));
    fs.CrashAndRecover(CrashModel::kRandom);
    const std::string after = *ReadFile(fs, "log");
    ASSERT_EQ(after.substr(0, 700), synced) << "seed " << seed;
    ASSERT_LE(after.size(), 3700u);
    const bool intact = after.find_first_not_of('u', 700) == std::string::npos;
    lost_all |= after.size() == 700;
    kept_all |= after.size() == 3700 && intact;
    partial |= after.size() > 700 && after.size() < 3700 && intact;
    damaged |= !intact;
  }
  EXPECT_TRUE(lost_all && kept_all && partial && damaged);
}

TEST(SimFileSystemTest, NamesAreDurableOnlyAfterSyncDirectory) {
  SimFileSystem fs(1);
  ASSERT_TRUE(fs.CreateDirectories("d").ok());
  ASSERT_TRUE(fs.SyncDirectory(".").ok());
  CreateDurable(fs, "d/old", "1");
  CreateDurable(fs, "d/gone", "2");
  AppendTo(*Create(fs, "d/new"), "3");
  ASSERT_TRUE(fs.Remove("d/gone").ok());
  ASSERT_TRUE(fs.Rename("d/old", "d/renamed").ok());
  EXPECT_EQ(Names(fs, "d"), "new renamed ");
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  EXPECT_EQ(Names(fs, "d"), "gone old ");
  EXPECT_EQ(*ReadFile(fs, "d/old"), "1");
}

TEST(SimFileSystemTest, RandomCrashesKeepOrLoseEachNameIndependently) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimFileSystem fs(seed);
    CreateDurable(fs, "a", "1");
    ASSERT_TRUE(fs.Rename("a", "b").ok());
    Create(fs, "c");
    fs.CrashAndRecover(CrashModel::kRandom);
    outcomes.insert(Names(fs, "."));
  }
  EXPECT_THAT(outcomes, ElementsAre("a ", "a c ", "b ", "b c "))
      << "a rename happens whole or not at all";
}

TEST(SimFileSystemTest, ARenameThatIsDurableTakesItsCreationAlong) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimFileSystem fs(seed);
    ASSERT_TRUE(fs.CreateDirectories("from").ok());
    ASSERT_TRUE(fs.CreateDirectories("to").ok());
    ASSERT_TRUE(fs.SyncDirectory(".").ok());
    AppendTo(*Create(fs, "from/x"), "1");
    ASSERT_TRUE(fs.Rename("from/x", "to/x").ok());
    ASSERT_TRUE(fs.SyncDirectory("to").ok());
    fs.CrashAndRecover(CrashModel::kRandom);
    EXPECT_EQ(Names(fs, "from") + Names(fs, "to"), "x ");
  }
}

TEST(SimFileSystemTest, ADurableNameTakesAlongAllThatCameBeforeItAndNothingElse) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SimFileSystem fs(seed);
    for (const char* folder : {"a", "b", "c"}) ASSERT_TRUE(fs.CreateDirectories(folder).ok());
    ASSERT_TRUE(fs.SyncDirectory(".").ok());
    CreateDurable(fs, "c/x", "old");
    Create(fs, "a/x");
    Create(fs, "a/other");
    ASSERT_TRUE(fs.Rename("a/x", "b/x").ok());
    ASSERT_TRUE(fs.Remove("c/x").ok());
    ASSERT_TRUE(fs.Rename("b/x", "c/x").ok());
    Create(fs, "b/x");  // the same name again, later
    ASSERT_TRUE(fs.SyncDirectory("c").ok());
    fs.CrashAndRecover(CrashModel::kRandom);
    EXPECT_EQ(*ReadFile(fs, "c/x"), "");
    outcomes.insert(Names(fs, "a") + "| " + Names(fs, "b"));
  }
  EXPECT_THAT(outcomes, ElementsAre("other | ", "other | x ", "| ", "| x "));
}

// The port's own promise, checked at every crash point of the operation sequence.
TEST(SimFileSystemTest, WriteFileAtomicallyLeavesOldOrNewAtEveryCrashPoint) {
  int old_seen = 0, new_seen = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    for (uint64_t step = 1;; ++step) {
      SimFileSystem fs(seed);
      ASSERT_TRUE(WriteFileAtomically(fs, "meta", "old").ok());
      const uint64_t before = fs.operation_count();
      fs.SetCrashAtOperation(before + step);
      const absl::Status written = WriteFileAtomically(fs, "meta", "new!");
      const bool crashed = fs.frozen();
      fs.CrashAndRecover(CrashModel::kRandom);
      const std::string after = *ReadFile(fs, "meta");
      ASSERT_TRUE(after == "old" || after == "new!") << after;
      if (written.ok()) {
        ASSERT_EQ(after, "new!") << "seed " << seed << " step " << step;
      }
      (after == "old" ? old_seen : new_seen) += 1;
      if (!crashed) break;
    }
  }
  EXPECT_GT(old_seen, 20);
  EXPECT_GT(new_seen, 20);
}

TEST(SimFileSystemTest, AfterTheCrashPointNothingWorksAndTheStateIsThatOfThePoint) {
  SimFileSystem fs(3);
  auto file = CreateDurable(fs, "log", "1");
  bool told = false;
  fs.SetCrashAtOperation(fs.operation_count() + 2, [&] { told = true; });
  AppendTo(*file, "2");
  EXPECT_TRUE(file->Sync().ok()) << "the operation at the crash point itself is done";
  EXPECT_TRUE(told);
  const Buffer piece = Buffer::CopyOf("3");
  EXPECT_EQ(file->Append({&piece, 1}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(fs.Open("log", OpenMode::kReadOnly).status().code(), absl::StatusCode::kUnavailable);
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  EXPECT_EQ(*ReadFile(fs, "log"), "12");
}

TEST(SimFileSystemTest, AFailedSyncLosesTheBytesEvenIfALaterOneSucceeds) {
  SimFileSystem fs(1);
  auto file = CreateDurable(fs, "log", "safe");
  AppendTo(*file, "lost");
  fs.FailNext(FileOperation::kSync, "log", absl::InternalError("EIO"));
  EXPECT_EQ(file->Sync().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(*ReadFile(fs, "log"), "safelost");
  AppendTo(*file, "more");
  EXPECT_TRUE(file->Sync().ok());
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  EXPECT_EQ(*ReadFile(fs, "log"), std::string("safe\0\0\0\0more", 12));
}

TEST(SimFileSystemTest, InjectedFaultsHitTheNamedOperation) {
  SimFileSystem fs(1);
  auto file = CreateDurable(fs, "log", "1");
  fs.FailOperation(fs.operation_count() + 2, absl::ResourceExhaustedError("disk full"));
  AppendTo(*file, "2");
  const Buffer piece = Buffer::CopyOf("345678");
  EXPECT_EQ(file->Append({&piece, 1}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(file->size_bytes(), 8);
  ASSERT_TRUE(file->Truncate(2).ok());
  fs.FailNext(FileOperation::kRead, "log", absl::InternalError("EIO"));
  uint8_t out[2];
  EXPECT_FALSE(file->ReadAt(0, out).ok());
  EXPECT_EQ(*file->ReadAt(0, out), 2u);
}

TEST(SimFileSystemTest, AFullDiskTakesWhatFits) {
  SimFileSystem fs(1);
  auto file = Create(fs, "log");
  fs.set_capacity_bytes(5);
  const Buffer piece = Buffer::CopyOf("12345678");
  EXPECT_EQ(file->Append({&piece, 1}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*ReadFile(fs, "log"), "12345");
  fs.set_capacity_bytes(std::nullopt);
  AppendTo(*file, "6");
  EXPECT_EQ(*ReadFile(fs, "log"), "123456");
}

TEST(SimFileSystemTest, LocksExcludeUntilReleasedOrCrashed) {
  SimFileSystem fs(1);
  auto lock = fs.Lock(".lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(fs.Lock(".lock").status().code(), absl::StatusCode::kFailedPrecondition);
  lock->reset();
  auto second = fs.Lock(".lock");
  ASSERT_TRUE(second.ok());
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  auto third = fs.Lock(".lock");
  ASSERT_TRUE(third.ok());
  second->reset();  // of the process that crashed: must not release the new owner's
  EXPECT_FALSE(fs.Lock(".lock").ok());
}

TEST(SimFileSystemTest, AProcessExitKeepsWhatItWrote) {
  SimFileSystem fs(1);
  auto file = Create(fs, "log");
  AppendTo(*file, "written");
  fs.ProcessExited();
  EXPECT_EQ(*ReadFile(fs, "log"), "written");
  EXPECT_FALSE(file->Sync().ok());
  fs.CrashAndRecover(CrashModel::kLoseUnsynced);
  EXPECT_FALSE(fs.Exists("log")) << "still unsynced: a power loss takes it";
}

TEST(SimFileSystemTest, SameSeedSameWreck) {
  auto wreck = [](uint64_t seed) {
    SimFileSystem fs(seed);
    auto file = CreateDurable(fs, "log", "start");
    for (int i = 0; i < 20; ++i) AppendTo(*file, std::string(777, static_cast<char>('a' + i)));
    fs.CrashAndRecover(CrashModel::kRandom);
    return *ReadFile(fs, "log");
  };
  std::set<std::string> wrecks;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(wreck(seed), wreck(seed));
    wrecks.insert(wreck(seed));
  }
  EXPECT_GT(wrecks.size(), 5u);
}

}  // namespace
}  // namespace soliton::sim
