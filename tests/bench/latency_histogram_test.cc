#include "bench/load/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::bench {
namespace {

TEST(LatencyHistogramTest, EmptyIsZero) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.Percentile(50), Duration::zero());
  EXPECT_EQ(histogram.max(), Duration::zero());
}

TEST(LatencyHistogramTest, OneValueIsEveryPercentile) {
  LatencyHistogram histogram;
  histogram.Add(microseconds(123));
  for (const double percent : {0.0, 1.0, 50.0, 99.9, 100.0}) {
    EXPECT_EQ(histogram.Percentile(percent), microseconds(123)) << percent;
  }
}

TEST(LatencyHistogramTest, SmallValuesAreExactAndNegativeOnesZero) {
  LatencyHistogram histogram;
  for (int i = 0; i < 32; ++i) histogram.Add(Duration(i));
  EXPECT_EQ(histogram.Percentile(50), Duration(15));
  histogram.Add(Duration(-5));
  EXPECT_EQ(histogram.Percentile(1), Duration(0));
}

TEST(LatencyHistogramTest, PercentilesAreWithinThreePercentFromNanosecondsToHours) {
  Random random(5);
  LatencyHistogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<int64_t>(random.Next() >> (20 + random.Below(40)));
    values.push_back(value);
    histogram.Add(Duration(value));
  }
  std::sort(values.begin(), values.end());
  EXPECT_EQ(histogram.max(), Duration(values.back()));
  EXPECT_EQ(histogram.count(), static_cast<int64_t>(values.size()));
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9}) {
    const auto rank =
        static_cast<size_t>(percent / 100 * static_cast<double>(values.size()) + 0.999999) - 1;
    const auto exact = static_cast<double>(values[rank]);
    const auto told = static_cast<double>(histogram.Percentile(percent).count());
    EXPECT_GE(told, exact) << percent;
    EXPECT_LE(told, exact * 1.032 + 1) << percent;
  }
}

}  // namespace
}  // namespace soliton::bench
