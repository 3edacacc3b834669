#include "runtime/child_process.h"

#include <gtest/gtest.h>

#include <csignal>

#include "runtime/native_ports.h"
#include "runtime/process.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton {
namespace {

constexpr Duration kPatience = seconds(20);

// Waits for the child itself; a busy machine only makes it longer.
ProcessEnd Await(int pid) {
  const Stopwatch watch;
  while (watch.elapsed() < kPatience) {
    if (const std::optional<ProcessEnd> end = ReapProcess(pid)) return *end;
  }
  ADD_FAILURE() << "process " << pid << " does not end";
  return {};
}

TEST(ChildProcessTest, OutputIsAppendedAndTheEndIsTold) {
  const TemporaryDirectory directory;
  const std::string log = directory.File("log");
  const auto first = SpawnProcess({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, log);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Await(*first).ToString(), "ended with exit code 3");
  const auto second = SpawnProcess({"/bin/sh", "-c", "read x; echo \"[$x]\"; kill -9 $$"}, log);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Await(*second).ToString(), "killed by signal 9 (Killed)");
  EXPECT_EQ(ReadFile(PosixFileSystem(), log).value_or(""), "out\nerr\n[]\n");
}

TEST(ChildProcessTest, AMissingProgramIsAnError) {
  const TemporaryDirectory directory;
  const auto pid = SpawnProcess({"/no/such/program"}, directory.File("log"));
  EXPECT_TRUE(absl::IsNotFound(pid.status())) << pid.status();
}

TEST(ChildProcessTest, SignalsStatesAndWords) {
  const TemporaryDirectory directory;
  const auto pid = SpawnProcess({"/bin/cat", "/dev/zero"}, "/dev/null");
  ASSERT_TRUE(pid.ok()) << pid.status();
  // The kernel lets the parent go on shortly before the words are there.
  const Stopwatch started;
  while (WordsOfProcess(*pid).empty() && started.elapsed() < kPatience) continue;
  EXPECT_EQ(WordsOfProcess(*pid), (std::vector<std::string>{"/bin/cat", "/dev/zero"}));
  EXPECT_EQ(ReapProcess(*pid).has_value(), false);
  ASSERT_TRUE(SignalProcess(*pid, SIGSTOP).ok());
  const Stopwatch watch;
  while (StateOfProcess(*pid) != 'T' && watch.elapsed() < kPatience) continue;
  EXPECT_EQ(StateOfProcess(*pid), 'T');
  ASSERT_TRUE(SignalProcess(*pid, SIGKILL).ok());
  EXPECT_EQ(Await(*pid).signal, SIGKILL);
  EXPECT_EQ(StateOfProcess(*pid), std::nullopt);
  EXPECT_TRUE(absl::IsNotFound(SignalProcess(*pid, SIGTERM)));
  EXPECT_TRUE(WordsOfProcess(*pid).empty());
}

TEST(ChildProcessTest, PathsFromTheRoot) {
  const TemporaryDirectory directory;
  EXPECT_EQ(AbsolutePath(directory.path() + "/./a/../a/b"),
            AbsolutePath(directory.path()) + "/a/../a/b")
      << "only what exists can be resolved";
  EXPECT_EQ(AbsolutePath(directory.path() + "/x/y"), AbsolutePath(directory.path()) + "/x/y");
  EXPECT_EQ(AbsolutePath("/nowhere/x"), "/nowhere/x");
  EXPECT_TRUE(AbsolutePath("nowhere").starts_with("/"));
  EXPECT_TRUE(AbsolutePath("nowhere").ends_with("/nowhere"));
  EXPECT_TRUE(OwnExecutable()->ends_with("runtime_test")) << *OwnExecutable();
}

TEST(ChildProcessTest, WhoListens) {
  NativePorts native({.shard_count = 1, .disk_thread_count = 0});
  auto listener =
      native.ports().transport->Listen({"127.0.0.1", 0}, {}, *native.ports().shards,
                                       [](Shard&, std::shared_ptr<FramedConnection>) {});
  ASSERT_TRUE(listener.ok()) << listener.status();
  const std::optional<PortHolder> holder = FindPortHolder((*listener)->port());
  ASSERT_TRUE(holder.has_value());
  EXPECT_EQ(holder->pid, ProcessId());
  EXPECT_EQ(holder->name, "runtime_test");
}

TEST(ChildProcessTest, OnlyListenersOfThatPort) {
  constexpr std::string_view kTable =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
      "45678 1 x\n"
      "   1: 0100007F:2384 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 "
      "45679 1 x\n"
      "   2: 0100007F:2385 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
      "45680 1 x\n"
      "   3: short\n";
  EXPECT_EQ(ListeningInodes(kTable, 9092), (std::vector<uint64_t>{45678}));
  EXPECT_EQ(ListeningInodes(kTable, 1), std::vector<uint64_t>{});
  EXPECT_EQ(ListeningInodes("", 9092), std::vector<uint64_t>{});
}

TEST(ChildProcessTest, TheLongestMountPointCounts) {
  constexpr std::string_view kMounts =
      "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "30 22 0:25 / /tmp rw shared:5 - tmpfs tmpfs rw\n"
      "31 22 254:16 / /my\\040disk rw - xfs /dev/vdb rw\n"
      "broken\n";
  EXPECT_EQ(FileSystemOf(kMounts, "/tmp/x"), "tmpfs");
  EXPECT_EQ(FileSystemOf(kMounts, "/tmpx"), "ext4 on /dev/vda");
  EXPECT_EQ(FileSystemOf(kMounts, "/my disk/data"), "xfs on /dev/vdb");
  EXPECT_EQ(FileSystemOf("", "/"), "");
}

}  // namespace
}  // namespace soliton
