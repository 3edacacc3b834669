#include "bench/failover/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "bench/failover/summary.h"

namespace soliton::bench {
namespace {

constexpr double kWidth = 760;
constexpr double kLeft = 64;
constexpr double kRight = 16;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr double kTitleHeight = 44;
constexpr double kRateHeight = 90;
constexpr double kLatencyHeight = 46;
constexpr double kBarHeight = 5;
constexpr double kAxisHeight = 30;
constexpr double kGap = 12;

// Readable on white, and told apart by people who do not see red and green as different.
constexpr char kInk[] = "#1f2430";
constexpr char kFaint[] = "#8a93a3";
constexpr char kRate[] = "#3b82c4";
constexpr char kLatency[] = "#c46a3b";
constexpr const char* kParts[] = {"#7a5195", "#ef5675", "#ffa600", "#2f9e8f"};
constexpr const char* kPartNames[] = {"detection", "election", "propagation", "client"};
constexpr char kWhole[] = "#8a93a3";

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// The time axis, common to all panels; seconds from the fault.
struct Axis {
  double from = 0;
  double to = 1;

  double X(double at) const { return kLeft + (at - from) / (to - from) * kPlotWidth; }
};

// The run whose longest outage is the median of the runs'.
const RunRecord& TypicalRun(const FailoverData& data) {
  std::vector<const RunRecord*> runs;
  for (const RunRecord& run : data.runs) runs.push_back(&run);
  std::sort(runs.begin(), runs.end(), [](const RunRecord* a, const RunRecord* b) {
    return a->WorstOutage(true).value_or(Duration::zero()) <
           b->WorstOutage(true).value_or(Duration::zero());
  });
  return *runs[(runs.size() - 1) / 2];
}

double Zero(const RunRecord& run) { return Seconds(run.fault_at.value_or(Duration::zero())); }

Axis AxisOf(const std::vector<FailoverData>& measurements) {
  double longest = 0;
  double load = 1;
  bool fault = false;
  for (const FailoverData& data : measurements) {
    for (const RunRecord& run : data.runs) {
      load = std::max(load, Seconds(run.load_end));
      if (!run.fault_at) continue;
      fault = true;
      for (const bool led : {true, false}) {
        longest = std::max(longest, Seconds(run.WorstOutage(led).value_or(Duration::zero())));
      }
    }
  }
  if (!fault) return {0, load};
  const double after = std::max(0.2, longest * 1.35);
  return {-after / 4, after};
}

// 1, 2 or 5 times a power of ten, so that some five of them fit.
double TickStep(double range) {
  const double rough = std::max(range, 1e-6) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

std::string Text(double x, double y, std::string_view text, std::string_view more = "") {
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" {}>{}</text>)"
                     "\n",
                     x, y, more, EscapeXml(text));
}

std::string TimeLabel(double at) {
  if (std::abs(at) < 1e-9) return "0";
  return std::abs(at) < 1 ? fmt::format("{:.0f} ms", at * 1000) : fmt::format("{:g} s", at);
}

std::string AxisMarks(const Axis& axis, double top, double bottom) {
  std::string svg;
  const double step = TickStep(axis.to - axis.from);
  for (double at = std::ceil(axis.from / step) * step; at <= axis.to + step / 100; at += step) {
    const double x = axis.X(at);
    svg += fmt::format(
        R"(<line x1="{0:.1f}" y1="{1:.1f}" x2="{0:.1f}" y2="{2:.1f}" stroke="{3}" stroke-opacity=".25"/>)"
        "\n",
        x, top, bottom, kFaint);
    svg += Text(x, bottom + 14, TimeLabel(at), R"(class="s" text-anchor="middle")");
  }
  return svg;
}

// `values` per kBucket as an area or a line of at most one point per pixel: the means of buckets,
// or their largest.
std::string Curve(const std::vector<double>& values, double zero, const Axis& axis, double top,
                  double height, double full, bool area, bool largest) {
  const double bucket = Seconds(kBucket);
  const double pixel = (axis.to - axis.from) / kPlotWidth;
  const auto stride = static_cast<size_t>(std::max(1.0, std::ceil(pixel / bucket)));
  std::string points;
  double first = -1;
  double last = -1;
  for (size_t i = 0; i < values.size(); i += stride) {
    const double at = static_cast<double>(i) * bucket - zero;
    if (at < axis.from || at > axis.to) continue;
    const auto begin = values.begin() + static_cast<ptrdiff_t>(i);
    const auto end = values.begin() + static_cast<ptrdiff_t>(std::min(i + stride, values.size()));
    const double value = largest
                             ? *std::max_element(begin, end)
                             : std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin);
    const double x = axis.X(at);
    if (first < 0) first = x;
    last = x;
    points += fmt::format("{:.1f},{:.1f} ", x,
                          top + height * (1 - std::min(1.0, full <= 0 ? 0 : value / full)));
  }
  if (points.empty()) return "";
  if (!area) {
    return fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="1.2"/>)"
                       "\n",
                       points, kLatency);
  }
  return fmt::format(
      R"(<polygon points="{:.1f},{:.1f} {}{:.1f},{:.1f}" fill="{}" fill-opacity=".75"/>)"
      "\n",
      first, top + height, points, last, top + height, kRate);
}

std::string Bar(const Axis& axis, double from, double to, double y, const char* colour) {
  const double begin = axis.X(std::clamp(from, axis.from, axis.to));
  const double end = axis.X(std::clamp(to, axis.from, axis.to));
  if (end - begin < 0.05) return "";
  return fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>)"
                     "\n",
                     begin, y, end - begin, kBarHeight - 1, colour);
}

// The longest outage of a run, in its parts where they are known.
std::string RunBar(const RunRecord& run, const Axis& axis, double y) {
  for (const bool led : {true, false}) {
    const std::optional<Duration> worst = run.WorstOutage(led);
    for (const PartitionOutage& outage : run.outages) {
      if (!worst || outage.led_by_victim != led || outage.length() != worst) continue;
      double at = Seconds(*outage.last_ack) - Zero(run);
      if (!outage.parts) return Bar(axis, at, at + Seconds(*worst), y, kWhole);
      std::string svg;
      const OutageParts& parts = *outage.parts;
      const Duration lengths[] = {parts.detection, parts.election, parts.propagation, parts.client};
      for (size_t i = 0; i < std::size(lengths); ++i) {
        svg += Bar(axis, at, at + Seconds(lengths[i]), y, kParts[i]);
        at += Seconds(lengths[i]);
      }
      return svg;
    }
  }
  return "";
}

std::string Subtitle(const FailoverData& data, const FailoverSummary& summary) {
  if (summary.hit.count > 0) {
    return fmt::format("unavailable: median {}, p95 {}, worst {}; {} runs, {} lost, {} duplicated",
                       FormatMs(summary.hit.median), FormatMs(summary.hit.p95),
                       FormatMs(summary.hit.worst), data.runs.size(), summary.verdict.lost,
                       summary.verdict.duplicated);
  }
  return fmt::format("{:.0f} records/s, {} lost, {} duplicated", summary.rate_before,
                     summary.verdict.lost, summary.verdict.duplicated);
}

std::string Title(const FailoverSetup& setup) {
  return fmt::format("{}{}{}, {}", setup.label, setup.label.empty() ? "" : ": ", setup.fault,
                     setup.driver);
}

double PanelHeight(const FailoverData& data) {
  return kTitleHeight + kRateHeight + kGap + kLatencyHeight + kGap +
         kBarHeight * static_cast<double>(data.runs.size()) + kAxisHeight;
}

std::string Panel(const FailoverData& data, const Axis& axis, double top) {
  const FailoverSummary summary = Summarize(data);
  std::string svg = Text(kLeft, top + 18, Title(data.setup), R"(class="t")") +
                    Text(kLeft, top + 34, Subtitle(data, summary), R"(class="s")");
  const double rate_top = top + kTitleHeight;
  const double latency_top = rate_top + kRateHeight + kGap;
  const double bars_top = latency_top + kLatencyHeight + kGap;
  const double bottom = bars_top + kBarHeight * static_cast<double>(data.runs.size());
  svg += AxisMarks(axis, rate_top, bottom);

  const RunRecord& typical = TypicalRun(data);
  std::vector<double> rate;
  for (const int64_t count : typical.acked) {
    rate.push_back(static_cast<double>(count) / Seconds(kBucket));
  }
  std::vector<double> latency;
  for (const int64_t us : typical.worst_us) latency.push_back(static_cast<double>(us) / 1000);
  const double full = static_cast<double>(data.setup.records_per_second) * 1.5;
  svg += Curve(rate, Zero(typical), axis, rate_top, kRateHeight, full, true, false);
  double highest = 1;
  for (size_t i = 0; i < latency.size(); ++i) {
    const double at = static_cast<double>(i) * Seconds(kBucket) - Zero(typical);
    if (at >= axis.from && at <= axis.to) highest = std::max(highest, latency[i]);
  }
  svg += Curve(latency, Zero(typical), axis, latency_top, kLatencyHeight, highest, false, true);
  const std::string right = R"(class="s" text-anchor="end")";
  svg += Text(kLeft - 6, rate_top + kRateHeight / 3 + 4, FormatCount(data.setup.records_per_second),
              right);
  svg += Text(kLeft - 6, rate_top + kRateHeight / 3 + 16, "acked/s", right);
  svg += Text(kLeft - 6, latency_top + 10, fmt::format("{:.0f} ms", highest), right);
  svg += Text(kLeft - 6, latency_top + 22, "slowest", right);
  if (summary.hit.count > 0) svg += Text(kLeft - 6, bars_top + 8, "runs", right);
  for (size_t i = 0; i < data.runs.size(); ++i) {
    svg += RunBar(data.runs[i], axis, bars_top + kBarHeight * static_cast<double>(i));
  }
  return svg;
}

std::string Legend(double top) {
  std::string svg = Text(kLeft, top + 10, "longest outage of each run:", R"(class="s")");
  double x = kLeft + 160;
  for (size_t i = 0; i < std::size(kParts); ++i) {
    svg += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="10" height="10" fill="{}"/>)"
                       "\n",
                       x, top + 1, kParts[i]);
    svg += Text(x + 14, top + 10, kPartNames[i], R"(class="s")");
    x += 100;
  }
  return svg;
}

// ---- figures ----

using Figure = std::pair<std::string, std::string>;

std::string SpreadText(const Spread& spread) {
  if (spread.count == 0) return "-";
  return fmt::format("{} / {} / {}", FormatMs(spread.median), FormatMs(spread.p95),
                     FormatMs(spread.worst));
}

std::string LatencyText(const LatencyHistogram& latency) {
  if (latency.count() == 0) return "-";
  return fmt::format("{} / {} / {}", FormatMs(latency.Percentile(50)),
                     FormatMs(latency.Percentile(99)), FormatMs(latency.max()));
}

// The same rows for every measurement, so that they can stand side by side.
std::vector<Figure> FiguresOf(const FailoverData& data) {
  const FailoverSummary summary = Summarize(data);
  const Verdict& verdict = summary.verdict;
  return {{"client", data.setup.driver},
          {"fault, runs", fmt::format("{}, {}", data.setup.fault, data.runs.size())},
          {"unavailable (median / p95 / worst)", SpreadText(summary.hit)},
          {"  detection", SpreadText(summary.detection)},
          {"  election", SpreadText(summary.election)},
          {"  propagation", SpreadText(summary.propagation)},
          {"  client", SpreadText(summary.client)},
          {"followed only, longest pause", SpreadText(summary.followed)},
          {"quorum leader", SpreadText(summary.quorum_elected)},
          {"back to 95 % of the rate", SpreadText(summary.back_to_speed)},
          {"in sync again", SpreadText(summary.rejoined)},
          {"usual pause", FormatMs(summary.usual_pause)},
          {"latency before (p50 / p99 / max)", LatencyText(summary.latency_before)},
          {"latency during", LatencyText(summary.latency_during)},
          {"latency after", LatencyText(summary.latency_after)},
          {"acknowledged", FormatCount(verdict.acked)},
          {"failed", FormatCount(verdict.failed)},
          {"lost / duplicated / out of order",
           fmt::format("{} / {} / {}", verdict.lost, verdict.duplicated, verdict.out_of_order)}};
}

std::vector<Figure> SetupOf(const FailoverSetup& setup) {
  return {{"started", setup.started},
          {"command", setup.command},
          {"load",
           fmt::format("{} records/s of {} bytes, {} partitions, replication factor {}, "
                       "acks=all, idempotence {}",
                       FormatCount(setup.records_per_second), setup.value_bytes, setup.partitions,
                       setup.replication_factor, setup.idempotence ? "on" : "off")},
          {"client settings", setup.driver_settings.empty()
                                  ? "defaults"
                                  : fmt::format("{}", fmt::join(setup.driver_settings, ", "))},
          {"machine of the load", setup.machine},
          {"brokers",
           setup.shares_machine ? "on the same machine: they share its cores" : "elsewhere"}};
}

std::string NameOf(const FailoverData& data) {
  return data.setup.label.empty() ? data.setup.driver : data.setup.label;
}

std::string TableRow(const std::vector<std::string>& cells, const char* tag) {
  std::string row = "<tr>";
  for (const std::string& cell : cells) row += fmt::format("<{0}>{1}</{0}>", tag, EscapeXml(cell));
  return row + "</tr>\n";
}

std::string FigureTable(const std::vector<FailoverData>& measurements,
                        std::vector<Figure> (*figures)(const FailoverData&)) {
  std::vector<std::string> head = {""};
  std::vector<std::vector<Figure>> columns;
  for (const FailoverData& data : measurements) {
    head.push_back(NameOf(data));
    columns.push_back(figures(data));
  }
  std::string table = "<table>\n" + TableRow(head, "th");
  for (size_t row = 0; row < columns[0].size(); ++row) {
    std::vector<std::string> cells = {columns[0][row].first};
    for (const auto& column : columns) cells.push_back(column[row].second);
    table += TableRow(cells, "td");
  }
  return table + "</table>\n";
}

std::string RunsTable(const FailoverData& data) {
  std::string table = "<table>\n" + TableRow({"run", "node", "led", "unavailable", "detection",
                                              "election", "propagation", "client", "followed only",
                                              "acked", "lost", "duplicated", "out of order", "ok"},
                                             "th");
  for (const RunRecord& run : data.runs) {
    const std::optional<Duration> worst = run.WorstOutage(true);
    std::vector<std::string> parts(4, "-");
    for (const PartitionOutage& outage : run.outages) {
      if (!outage.led_by_victim || !outage.parts || outage.length() != worst) continue;
      parts = {FormatMs(outage.parts->detection), FormatMs(outage.parts->election),
               FormatMs(outage.parts->propagation), FormatMs(outage.parts->client)};
      break;
    }
    const auto length = [](std::optional<Duration> duration) {
      return duration ? FormatMs(*duration) : std::string("-");
    };
    table +=
        TableRow({std::to_string(run.number),
                  fmt::format("{}{}", run.victim, run.victim_led_quorum ? " (quorum leader)" : ""),
                  fmt::format("{} of {}", run.led_by_victim, run.partitions), length(worst),
                  parts[0], parts[1], parts[2], parts[3], length(run.WorstOutage(false)),
                  FormatCount(run.verdict.acked), FormatCount(run.verdict.lost),
                  FormatCount(run.verdict.duplicated), FormatCount(run.verdict.out_of_order),
                  run.ok() ? "yes" : "NO"},
                 "td");
  }
  return table + "</table>\n";
}

}  // namespace

std::string EscapeXml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      // Control characters are no XML.
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? ' ' : c;
    }
  }
  return escaped;
}

std::string FailoverSvg(const std::vector<FailoverData>& measurements) {
  double height = 20;
  for (const FailoverData& data : measurements) {
    if (!data.runs.empty()) height += PanelHeight(data);
  }
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" height="{1:.0f}" font-family="system-ui, sans-serif">
<style>.t{{font-size:14px;font-weight:600;fill:{2}}}.s{{font-size:11px;fill:{2}}}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
)",
      kWidth, height, kInk);
  const Axis axis = AxisOf(measurements);
  double top = 0;
  for (const FailoverData& data : measurements) {
    if (data.runs.empty()) continue;
    svg += Panel(data, axis, top);
    top += PanelHeight(data);
  }
  return svg + Legend(top) + "</svg>\n";
}

std::string FailoverHtml(const std::vector<FailoverData>& measurements) {
  std::string html = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Throughput under leader failure</title>
<style>
body{font-family:system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2430;background:#fff}
table{border-collapse:collapse;margin:1rem 0;font-size:.85rem}
th,td{border-bottom:1px solid #d9dde4;padding:.25rem .6rem;text-align:left;white-space:pre-wrap}
svg{max-width:100%;height:auto}
</style></head><body>
<h1>Throughput under leader failure</h1>
)";
  html += FailoverSvg(measurements);
  html += "<h2>Figures</h2>\n" + FigureTable(measurements, FiguresOf);
  html += "<h2>How they were made</h2>\n" +
          FigureTable(measurements, [](const FailoverData& data) { return SetupOf(data.setup); });
  html +=
      "<p>Unavailable: the longest time between two acknowledgements of a partition that the "
      "broken "
      "node led. Detection lasts until some broker told a difference, election until one named the "
      "new leader, propagation until that leader knew itself, client until its next "
      "acknowledgement. Latency counts from when a record was due.</p>\n";
  for (const FailoverData& data : measurements) {
    html += fmt::format("<h2>Runs: {}</h2>\n", EscapeXml(Title(data.setup))) + RunsTable(data);
  }
  return html + "</body></html>\n";
}

std::string CompareText(const std::vector<FailoverData>& measurements) {
  std::vector<std::vector<std::string>> rows;
  rows.push_back({""});
  for (const FailoverData& data : measurements) rows[0].push_back(NameOf(data));
  for (const FailoverData& data : measurements) {
    const std::vector<Figure> figures = FiguresOf(data);
    rows.resize(figures.size() + 1);
    for (size_t i = 0; i < figures.size(); ++i) {
      if (rows[i + 1].empty()) rows[i + 1].push_back(figures[i].first);
      rows[i + 1].push_back(figures[i].second);
    }
  }
  std::vector<size_t> widths(measurements.size() + 1, 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], widths[i] + (i + 1 < row.size() ? 3 : 0));
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace soliton::bench
