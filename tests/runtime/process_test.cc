#include "runtime/process.h"

#include <gtest/gtest.h>

#include "runtime/terminal.h"

namespace soliton {
namespace {

TEST(ProcessTest, RunCommandReportsExitCodesAndSignals) {
  EXPECT_EQ(*RunCommand("exit 0"), 0);
  EXPECT_EQ(*RunCommand("exit 7"), 7);
  EXPECT_EQ(*RunCommand("kill -9 $$"), 128 + 9);
}

TEST(ProcessTest, RunCommandForOutputTakesWhatItPrints) {
  const auto output = RunCommandForOutput("echo one; echo two; echo three >&2; exit 3");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->text, "one\ntwo\n");
  EXPECT_EQ(output->exit_code, 3);
  // More than is kept: the command still ends.
  const auto much = RunCommandForOutput("head -c 3000000 /dev/zero");
  ASSERT_TRUE(much.ok()) << much.status();
  EXPECT_EQ(much->exit_code, 0);
  EXPECT_EQ(much->text.size(), size_t{1} << 20);
}

TEST(ProcessTest, SignalsReachAProcess) {
  EXPECT_TRUE(SignalProcess(ProcessId(), 0).ok());
  EXPECT_TRUE(absl::IsNotFound(SignalProcess(0x7FFFFFFF, 0)));
  // Groups are not meant.
  EXPECT_TRUE(absl::IsInvalidArgument(SignalProcess(0, 0)));
  EXPECT_TRUE(absl::IsInvalidArgument(SignalProcess(-1, 0)));
}

TEST(ProcessTest, UsageCountsCpuTime) {
  const auto before = UsageOfProcess();
  ASSERT_TRUE(before.ok());
  EXPECT_GT(before->resident_bytes, 1'000'000);
  EXPECT_GE(before->peak_resident_bytes, before->resident_bytes);
  // Half a second: far above the ticks of 10 ms that /proc counts in.
  Stopwatch watch;
  volatile uint64_t sink = 0;
  while (UsageOfProcess()->cpu() <= before->cpu() + milliseconds(500) &&
         watch.elapsed() < seconds(10)) {
    for (int i = 0; i < 1'000'000; ++i) sink = sink + 1;
  }
  EXPECT_GT(UsageOfProcess()->cpu(), before->cpu());
  // As another process would see it: coarser, but not by more than ticks.
  const auto by_pid = UsageOfProcess(ProcessId());
  ASSERT_TRUE(by_pid.ok());
  EXPECT_LT(UsageOfProcess()->cpu() - by_pid->cpu(), milliseconds(200));
  EXPECT_TRUE(absl::IsNotFound(UsageOfProcess(0x7FFFFFFF).status()));
}

TEST(ProcessTest, Environment) {
  EXPECT_TRUE(EnvironmentVariable("PATH").has_value());
  EXPECT_FALSE(EnvironmentVariable("SOLITON_NO_SUCH_VARIABLE").has_value());
  EXPECT_GE(HardwareConcurrency(), 1);
  EXPECT_FALSE(HostName().empty());
  EXPECT_GT(*RaiseDescriptorLimit(), 0);
}

TEST(TerminalDeathTest, WritesEverythingToTheStream) {
  const std::string text(300'000, 'x');
  EXPECT_EXIT(std::exit(WriteTo(StandardStream::kErr, text + "end").ok() ? 0 : 1),
              testing::ExitedWithCode(0), "xend");
}

}  // namespace
}  // namespace soliton
