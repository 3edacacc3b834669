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

TEST(ProcessTest, UsageCountsCpuTime) {
  const auto before = UsageOfProcess();
  ASSERT_TRUE(before.ok());
  EXPECT_GT(before->resident_bytes, 1'000'000);
  EXPECT_GE(before->peak_resident_bytes, before->resident_bytes);
  // Three ticks of 10 ms, so that at least one is counted.
  Stopwatch watch;
  volatile uint64_t sink = 0;
  while (UsageOfProcess()->cpu() <= before->cpu() && watch.elapsed() < seconds(10)) {
    for (int i = 0; i < 1'000'000; ++i) sink = sink + 1;
  }
  EXPECT_GT(UsageOfProcess()->cpu(), before->cpu());
  EXPECT_TRUE(UsageOfProcess(ProcessId()).ok());
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
