#include "bench/failover/summary.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::bench {
namespace {

double Ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

Duration NearestRank(const std::vector<Duration>& sorted, int64_t percent) {
  const auto count = static_cast<int64_t>(sorted.size());
  const int64_t rank = std::max<int64_t>(1, (percent * count + 99) / 100);
  return sorted[static_cast<size_t>(rank - 1)];
}

void AddVerdict(Verdict& sum, const Verdict& one) {
  sum.acked += one.acked;
  sum.sent += one.sent;
  sum.failed += one.failed;
  sum.read += one.read;
  sum.lost += one.lost;
  sum.duplicated += one.duplicated;
  sum.out_of_order += one.out_of_order;
  sum.misplaced += one.misplaced;
  sum.foreign += one.foreign;
}

std::string Row(std::string_view name, const Spread& spread, std::string_view note) {
  if (spread.count == 0) return "";
  return fmt::format("{:<28}{:>9}{:>9}{:>9}{:>9}  {}\n", name, FormatMs(spread.median),
                     FormatMs(spread.p90), FormatMs(spread.p95), FormatMs(spread.worst), note);
}

std::string Latency(const LatencyHistogram& latency) {
  if (latency.count() == 0) return "-";
  const auto ms = [](Duration duration) {
    const double value = Ms(duration);
    return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
  };
  return fmt::format("{}/{}/{}/{}", ms(latency.Percentile(50)), ms(latency.Percentile(99)),
                     ms(latency.Percentile(99.9)), ms(latency.max()));
}

std::string Broken(const FailoverData& data) {
  const RunRecord& run = data.runs.front();
  if (run.victim < 0) return "";
  std::string text = fmt::format("{:<28}node {}, leader of {} of {} partitions{}", data.setup.fault,
                                 run.victim, run.led_by_victim, run.partitions,
                                 run.victim_led_quorum ? " and of the metadata quorum" : "");
  if (data.runs.size() > 1) text += fmt::format(" (first of {} runs)", data.runs.size());
  return text + "\n";
}

}  // namespace

Spread SpreadOf(std::vector<Duration> values) {
  Spread spread;
  spread.count = static_cast<int64_t>(values.size());
  if (values.empty()) return spread;
  std::sort(values.begin(), values.end());
  spread.median = NearestRank(values, 50);
  spread.p90 = NearestRank(values, 90);
  spread.p95 = NearestRank(values, 95);
  spread.worst = values.back();
  return spread;
}

FailoverSummary Summarize(const FailoverData& data) {
  FailoverSummary summary;
  std::vector<Duration> hit, hit_runs, followed, detection, election, propagation, client;
  std::vector<Duration> quorum_elected, back_to_speed, rejoined, usual;
  for (const RunRecord& run : data.runs) {
    for (const PartitionOutage& outage : run.outages) {
      if (!outage.ended) ++summary.outages_not_ended;
      if (!outage.led_by_victim || !outage.length()) continue;
      hit.push_back(*outage.length());
      if (!outage.parts) continue;
      detection.push_back(outage.parts->detection);
      election.push_back(outage.parts->election);
      propagation.push_back(outage.parts->propagation);
      client.push_back(outage.parts->client);
    }
    if (const auto worst = run.WorstOutage(true)) hit_runs.push_back(*worst);
    if (const auto worst = run.WorstOutage(false)) followed.push_back(*worst);
    if (run.quorum_elected_after) quorum_elected.push_back(*run.quorum_elected_after);
    if (run.rejoined_after) rejoined.push_back(*run.rejoined_after);
    if (run.fault_at) {
      if (const auto back = run.BackToSpeed()) {
        back_to_speed.push_back(*back);
      } else {
        ++summary.never_back_to_speed;
      }
    }
    usual.push_back(run.usual_pause);
    const double share = 1.0 / static_cast<double>(data.runs.size());
    summary.rate_before += run.before.acked_per_second() * share;
    summary.rate_during += run.during.acked_per_second() * share;
    summary.rate_after += run.after.acked_per_second() * share;
    summary.latency_before.Merge(run.before.latency);
    summary.latency_during.Merge(run.during.latency);
    summary.latency_after.Merge(run.after.latency);
    AddVerdict(summary.verdict, run.verdict);
    if (!run.ok()) ++summary.runs_not_ok;
  }
  summary.hit = SpreadOf(std::move(hit));
  summary.hit_runs = SpreadOf(std::move(hit_runs));
  summary.followed = SpreadOf(std::move(followed));
  summary.detection = SpreadOf(std::move(detection));
  summary.election = SpreadOf(std::move(election));
  summary.propagation = SpreadOf(std::move(propagation));
  summary.client = SpreadOf(std::move(client));
  summary.quorum_elected = SpreadOf(std::move(quorum_elected));
  summary.back_to_speed = SpreadOf(std::move(back_to_speed));
  summary.rejoined = SpreadOf(std::move(rejoined));
  summary.usual_pause = SpreadOf(std::move(usual)).median;
  return summary;
}

std::string SummaryText(const FailoverData& data) {
  if (data.runs.empty()) return "no run was carried out\n";
  const FailoverSummary summary = Summarize(data);
  const FailoverSetup& setup = data.setup;
  std::string text =
      fmt::format("{}{}{}, {}, {} partitions rf {}, {} records/s of {} bytes, acks=all{}\n",
                  setup.label, setup.label.empty() ? "" : ": ", setup.driver, setup.fault,
                  setup.partitions, setup.replication_factor, FormatCount(setup.records_per_second),
                  setup.value_bytes, setup.idempotence ? ", idempotent" : "");
  text += Broken(data);
  if (data.runs.front().fault_at) {
    text += fmt::format("\n{:<28}{:>9}{:>9}{:>9}{:>9}  ({} run{})\n", "", "median", "p90", "p95",
                        "worst", data.runs.size(), data.runs.size() == 1 ? "" : "s");
    text += Row("unavailable", summary.hit, "partitions it led: last ack -> first ack");
    if (data.runs.size() > 1) {
      text += Row("unavailable, worst of a run", summary.hit_runs, "its slowest partition");
    }
    text += Row("followed only", summary.followed, "longest pause of the other partitions");
    text += Row("  detection", summary.detection, "last ack -> some broker tells a difference");
    text += Row("  election", summary.election, "-> some broker names the new leader");
    text += Row("  propagation", summary.propagation, "-> the new leader knows itself");
    text += Row("  client", summary.client, "-> first ack");
    text += Row("quorum leader", summary.quorum_elected, "fault -> another one is named");
    text += Row("back to 95 % of the rate", summary.back_to_speed, "after the fault");
    text += Row("in sync again", summary.rejoined, "after the restart was ordered");
    text += fmt::format(
        "usual pause {} (the longest between two acks of a typical partition, undisturbed)\n",
        FormatMs(summary.usual_pause));
    text += fmt::format("{:<28}before {:.0f}/s   during {:.0f}/s   after {:.0f}/s\n", "throughput",
                        summary.rate_before, summary.rate_during, summary.rate_after);
    text += fmt::format("{:<28}before {}   during {}   after {} ms (from when they were due)\n",
                        "latency p50/p99/p99.9/max", Latency(summary.latency_before),
                        Latency(summary.latency_during), Latency(summary.latency_after));
  } else {
    text += fmt::format("{:<28}{:.0f}/s\n", "throughput", summary.rate_before);
    text += fmt::format("{:<28}{} ms (from when they were due)\n", "latency p50/p99/p99.9/max",
                        Latency(summary.latency_before));
  }
  const Verdict& verdict = summary.verdict;
  text += fmt::format("{:<28}sent {}   acked {}   failed {}   read back {}\n", "records",
                      FormatCount(verdict.sent), FormatCount(verdict.acked),
                      FormatCount(verdict.failed), FormatCount(verdict.read));
  text += fmt::format("{:<28}{} lost   {} duplicated   {} out of order", "verified by reading back",
                      verdict.lost, verdict.duplicated, verdict.out_of_order);
  if (verdict.misplaced > 0) text += fmt::format("   {} at a wrong offset", verdict.misplaced);
  if (verdict.foreign > 0) text += fmt::format("   {} foreign", verdict.foreign);
  text += "\n";
  if (summary.never_back_to_speed > 0) {
    text += fmt::format("NOT BACK TO SPEED in {} runs\n", summary.never_back_to_speed);
  }
  if (summary.outages_not_ended > 0) {
    text += fmt::format("STILL UNAVAILABLE when the load ended: {} partitions\n",
                        summary.outages_not_ended);
  }
  for (const RunRecord& run : data.runs) {
    if (run.ok()) continue;
    std::string why = run.verdict.ok(run.exactly_once) ? "" : " reading back differs;";
    if (run.verdict.failed > 0) {
      why += fmt::format(" {} records failed ({});", run.verdict.failed, run.first_failure);
    }
    if (run.rejoin_expected && !run.rejoined_after) why += " some in-sync set is still short;";
    if (why.empty()) why = " a partition was never written again;";
    why.pop_back();
    text += fmt::format("run {} NOT OK:{}\n", run.number, why);
  }
  return text;
}

std::string FormatMs(Duration duration) {
  const double ms = Ms(duration);
  if (ms >= 1000) return fmt::format("{:.2f} s", ms / 1000);
  return ms < 100 ? fmt::format("{:.1f} ms", ms) : fmt::format("{:.0f} ms", ms);
}

std::string FormatCount(int64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

}  // namespace soliton::bench
