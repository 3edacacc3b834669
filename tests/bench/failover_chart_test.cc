// Charts and reports: well-formed, self-contained, and true to the figures.
#include "bench/failover/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace soliton::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

// A run whose partition 0 was down from 2.0 s to 2.0 s + `outage`.
RunRecord OneRun(int32_t number, Duration outage, bool split = true) {
  RunRecord run;
  run.number = number;
  run.victim = 1;
  run.led_by_victim = 1;
  run.partitions = 2;
  run.fault_at = seconds(2);
  run.load_end = seconds(4);
  run.acked.assign(400, 50);
  run.worst_us.assign(400, 2000);
  run.worst_us[200] = outage / microseconds(1);
  run.before.to = seconds(2);
  run.before.acked = 10'000;
  PartitionOutage hit;
  hit.partition = 0;
  hit.led_by_victim = true;
  hit.last_ack = seconds(2);
  hit.first_ack = seconds(2) + outage;
  if (split) {
    hit.parts = OutageParts{outage / 2, Duration::zero(), outage / 4, outage / 4};
  }
  PartitionOutage other;
  other.partition = 1;
  other.last_ack = seconds(2);
  other.first_ack = seconds(2) + milliseconds(4);
  run.outages = {hit, other};
  return run;
}

FailoverData Measured(std::string label, std::vector<RunRecord> runs) {
  FailoverData data;
  data.setup.label = std::move(label);
  data.setup.fault = "kill-leader";
  data.setup.driver = "soliton";
  data.setup.records_per_second = 5000;
  data.runs = std::move(runs);
  return data;
}

// Every tag that is opened is closed, in order; no raw < or & in between.
void ExpectWellFormed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const size_t end = xml.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.starts_with("meta") || tag.ends_with("/")) continue;
    const std::string name = tag.substr(tag.starts_with("/") ? 1 : 0, tag.find(' '));
    if (tag.starts_with("/")) {
      ASSERT_FALSE(open.empty()) << tag;
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    } else {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty()) << open.back();
}

TEST(ChartTest, OnePanelForEachMeasurementAndOneBarForEachRun) {
  const std::string svg =
      FailoverSvg({Measured("ours", {OneRun(1, milliseconds(40)), OneRun(2, milliseconds(80))}),
                   Measured("A & <B>", {OneRun(1, seconds(8), /*split=*/false)})});
  ExpectWellFormed(svg);
  EXPECT_THAT(svg, HasSubstr("ours: kill-leader, soliton"));
  EXPECT_THAT(svg, HasSubstr("A &amp; &lt;B&gt;"));
  EXPECT_THAT(svg, HasSubstr("median 40.0 ms, p95 80.0 ms, worst 80.0 ms; 2 runs"));
  EXPECT_THAT(svg, HasSubstr("median 8.00 s"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, Not(HasSubstr("href")));
  // The common axis reaches as far as the longest outage of all.
  EXPECT_THAT(svg, HasSubstr(">10 s<"));
}

TEST(ChartTest, ALoadWithoutAFaultIsShownWhole) {
  RunRecord run = OneRun(1, milliseconds(1));
  run.fault_at = std::nullopt;
  run.outages.clear();
  run.victim = -1;
  const std::string svg = FailoverSvg({Measured("", {run})});
  ExpectWellFormed(svg);
  EXPECT_THAT(svg, HasSubstr(">4 s<"));
}

TEST(ChartTest, AReportStandsAlone) {
  FailoverData data = Measured("ours", {OneRun(1, milliseconds(40))});
  data.setup.machine = "2 x \"CPU\"";
  const std::string html = FailoverHtml({data});
  ExpectWellFormed(html);
  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("2 x &quot;CPU&quot;"));
  EXPECT_THAT(html, HasSubstr("20.0 ms / 20.0 ms / 20.0 ms"));  // detection
  for (const char* outside : {"<script", "<link", "href", "src=", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

TEST(CompareTest, OneColumnEach) {
  const std::string text = CompareText({Measured("ours", {OneRun(1, milliseconds(40))}),
                                        Measured("theirs", {OneRun(1, seconds(8), false)})});
  EXPECT_THAT(text, HasSubstr("ours"));
  EXPECT_THAT(text,
              testing::ContainsRegex(
                  "unavailable .median / p95 / worst.   40.0 ms / 40.0 ms / 40.0 ms   +8.00 s / "));
  EXPECT_THAT(text, testing::ContainsRegex("  detection +20.0 ms / 20.0 ms / 20.0 ms +-\n"));
}

}  // namespace
}  // namespace soliton::bench
