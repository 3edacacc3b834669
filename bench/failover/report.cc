#include "bench/failover/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::bench {
namespace {

double Ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

std::string Count(int64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

}  // namespace

std::string FormatMs(Duration duration) {
  const double ms = Ms(duration);
  return ms >= 1000 ? fmt::format("{:.2f} s", ms / 1000) : fmt::format("{:.0f} ms", ms);
}

bool FailoverReport::ok() const {
  return verdict.ok() && verdict.failed == 0 && (!rejoin_expected || rejoined_after.has_value());
}

std::string FailoverReport::ToText() const {
  std::string text;
  if (victim >= 0) {
    text += fmt::format("killed          broker {}, leader of {} of {} partitions\n", victim,
                        led_by_victim, partitions);
    for (const PartitionOutage& outage : outages) {
      if (!outage.led_by_victim) continue;
      text += fmt::format("unavailable     partition {:<3} {}\n", outage.partition,
                          outage.silence ? FormatMs(*outage.silence) : "never written");
    }
    Duration others{};
    for (const PartitionOutage& outage : outages) {
      if (!outage.led_by_victim && outage.silence) others = std::max(others, *outage.silence);
    }
    text += fmt::format("others          longest pause {} (partitions that it only followed)\n",
                        FormatMs(others));
    text += fmt::format("throughput      before {:.0f}/s   during {:.0f}/s   after {:.0f}/s\n",
                        rate_before, rate_during, rate_after);
    if (rejoin_expected) {
      text += rejoined_after
                  ? fmt::format("re-joined       all in-sync again {} after the restart\n",
                                FormatMs(*rejoined_after))
                  : "re-joined       NO: some in-sync set is still short\n";
    }
  } else {
    text += fmt::format("throughput      {:.0f}/s\n", rate_before);
  }
  text +=
      fmt::format("sent            {}   acked {}   failed {}   read back {}\n", Count(verdict.sent),
                  Count(verdict.acked), Count(verdict.failed), Count(verdict.read));
  text += fmt::format("verified        {} lost   {} duplicated   {} out of order", verdict.lost,
                      verdict.duplicated, verdict.out_of_order);
  if (verdict.misplaced > 0) text += fmt::format("   {} at a wrong offset", verdict.misplaced);
  if (verdict.foreign > 0) text += fmt::format("   {} foreign", verdict.foreign);
  return text + "\n";
}

std::string FailoverReport::ToJson() const {
  std::string outages_json;
  for (const PartitionOutage& outage : outages) {
    outages_json +=
        fmt::format(R"({}{{"partition":{},"led_by_victim":{},"silence_ms":{}}})",
                    outages_json.empty() ? "" : ",", outage.partition, outage.led_by_victim,
                    outage.silence ? fmt::format("{:.1f}", Ms(*outage.silence)) : "null");
  }
  return fmt::format(
      R"({{"version":1,"ok":{},"victim":{},"sent":{},"acked":{},"failed":{},"read":{},"lost":{},)"
      R"("duplicated":{},"out_of_order":{},"misplaced":{},"foreign":{},"rate_before":{:.1f},)"
      R"("rate_during":{:.1f},"rate_after":{:.1f},"rejoined_after_ms":{},"outages":[{}]}})"
      "\n",
      ok(), victim, verdict.sent, verdict.acked, verdict.failed, verdict.read, verdict.lost,
      verdict.duplicated, verdict.out_of_order, verdict.misplaced, verdict.foreign, rate_before,
      rate_during, rate_after, rejoined_after ? fmt::format("{:.1f}", Ms(*rejoined_after)) : "null",
      outages_json);
}

}  // namespace soliton::bench
