#include "bench/load/load_report.h"

#include <gtest/gtest.h>

#include "runtime/process.h"

namespace soliton::bench {
namespace {

TEST(LoadReportTest, RatesAndCosts) {
  LoadReport report;
  report.figures.bytes = int64_t{2} << 30;
  report.figures.requests = 1000;
  report.figures.elapsed = seconds(4);
  report.own_cpu = seconds(1);
  EXPECT_DOUBLE_EQ(report.mib_per_second(), 512);
  EXPECT_DOUBLE_EQ(report.requests_per_second(), 250);
  EXPECT_DOUBLE_EQ(report.own_cpu_seconds_per_gib(), 0.5);
  EXPECT_FALSE(report.broker_cpu_seconds_per_gib().has_value());
  report.broker_cpu = seconds(3);
  EXPECT_DOUBLE_EQ(*report.broker_cpu_seconds_per_gib(), 1.5);
  EXPECT_DOUBLE_EQ(*report.broker_cpu_us_per_request(), 3000);
}

TEST(LoadReportTest, NothingDoneIsZeroNotInfinite) {
  LoadReport report;
  report.broker_cpu = seconds(1);
  EXPECT_EQ(report.mib_per_second(), 0);
  EXPECT_EQ(report.requests_per_second(), 0);
  EXPECT_EQ(*report.broker_cpu_seconds_per_gib(), 0);
}

TEST(CpuMeterTest, CountsWhatWasUsedSinceStart) {
  CpuMeter meter({ProcessId()});
  ASSERT_TRUE(meter.Start().ok());
  volatile uint64_t sink = 0;
  Stopwatch watch;
  const auto before = UsageOfProcess();
  while (UsageOfProcess()->cpu() < before->cpu() + milliseconds(100) &&
         watch.elapsed() < seconds(20)) {
    for (int i = 0; i < 100'000; ++i) sink = sink + 1;
  }
  ASSERT_TRUE(meter.Stop().ok());
  EXPECT_GE(meter.own(), milliseconds(100));
  // The same process, seen through the coarser clock that other processes are measured with.
  EXPECT_GE(*meter.others(), milliseconds(60));
  EXPECT_LE(*meter.others(), meter.own() + milliseconds(60));
}

TEST(CpuMeterTest, NobodyNamedAndNobodyThere) {
  CpuMeter nobody({});
  ASSERT_TRUE(nobody.Start().ok());
  ASSERT_TRUE(nobody.Stop().ok());
  EXPECT_FALSE(nobody.others().has_value());
  CpuMeter gone({0x7FFFFFFF});
  EXPECT_TRUE(absl::IsNotFound(gone.Start()));
}

}  // namespace
}  // namespace soliton::bench
