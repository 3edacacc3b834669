#include "bench/failover/failover_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace soliton::bench {
namespace {

namespace json = boost::json;

constexpr char kKind[] = "soliton bench failover";
// A file of a long run is some megabytes; counts beyond this are damage.
constexpr size_t kMaxBuckets = 10'000'000;
constexpr int64_t kMaxCount = 1'000'000'000'000'000;
constexpr int64_t kMaxLatencyNs = int64_t{365} * 86400 * 1'000'000'000;

// ---- writing ----

int64_t Us(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

json::value OptionalUs(const std::optional<Duration>& duration) {
  return duration ? json::value(Us(*duration)) : json::value(nullptr);
}

json::value Write(const LatencyHistogram& latency) {
  json::array pairs;
  latency.ForEach(
      [&](Duration edge, int64_t count) { pairs.push_back(json::array{edge.count(), count}); });
  return pairs;
}

json::value Write(const PhaseFigures& phase) {
  return json::object{{"from_us", Us(phase.from)},
                      {"to_us", Us(phase.to)},
                      {"due", phase.due},
                      {"acked", phase.acked},
                      {"latency_ns", Write(phase.latency)}};
}

json::value Write(const PartitionOutage& outage) {
  json::value parts = nullptr;
  if (outage.parts) {
    parts = json::object{{"detection_us", Us(outage.parts->detection)},
                         {"election_us", Us(outage.parts->election)},
                         {"propagation_us", Us(outage.parts->propagation)},
                         {"client_us", Us(outage.parts->client)}};
  }
  return json::object{{"partition", outage.partition},
                      {"led_by_victim", outage.led_by_victim},
                      {"last_ack_us", OptionalUs(outage.last_ack)},
                      {"first_ack_us", Us(outage.first_ack)},
                      {"ended", outage.ended},
                      {"parts", std::move(parts)}};
}

json::value Write(const Verdict& verdict) {
  return json::object{{"sent", verdict.sent},
                      {"acked", verdict.acked},
                      {"failed", verdict.failed},
                      {"read", verdict.read},
                      {"lost", verdict.lost},
                      {"duplicated", verdict.duplicated},
                      {"out_of_order", verdict.out_of_order},
                      {"misplaced", verdict.misplaced},
                      {"foreign", verdict.foreign}};
}

json::value Write(const RunRecord& run) {
  json::array events;
  for (const RunEvent& event : run.events) {
    events.push_back(json::object{{"at_us", Us(event.at)}, {"text", event.text}});
  }
  json::array outages;
  for (const PartitionOutage& outage : run.outages) outages.push_back(Write(outage));
  return json::object{{"number", run.number},
                      {"exactly_once", run.exactly_once},
                      {"ok", run.ok()},
                      {"victim", run.victim},
                      {"victim_led_quorum", run.victim_led_quorum},
                      {"led_by_victim", run.led_by_victim},
                      {"partitions", run.partitions},
                      {"fault_at_us", OptionalUs(run.fault_at)},
                      {"mended_at_us", OptionalUs(run.mended_at)},
                      {"load_end_us", Us(run.load_end)},
                      {"rejoin_expected", run.rejoin_expected},
                      {"rejoined_after_us", OptionalUs(run.rejoined_after)},
                      {"quorum_elected_after_us", OptionalUs(run.quorum_elected_after)},
                      {"usual_pause_us", Us(run.usual_pause)},
                      {"events", std::move(events)},
                      {"verdict", Write(run.verdict)},
                      {"first_failure", run.first_failure},
                      {"outages", std::move(outages)},
                      {"before", Write(run.before)},
                      {"during", Write(run.during)},
                      {"after", Write(run.after)},
                      {"bucket_us", Us(kBucket)},
                      {"acked", json::array(run.acked.begin(), run.acked.end())},
                      {"worst_us", json::array(run.worst_us.begin(), run.worst_us.end())}};
}

// ---- reading ----

// Reads the fields of one object. The first thing that is wrong is kept in `error`, with its place.
class Fields {
 public:
  Fields(const json::value& value, std::string place, absl::Status& error)
      : object_(value.if_object()), place_(std::move(place)), error_(error) {
    if (object_ == nullptr) Fail("", "is not an object");
  }

  const json::value* Find(std::string_view key) {
    if (object_ == nullptr) return nullptr;
    const json::value* value = object_->if_contains(key);
    if (value == nullptr) Fail(key, "is missing");
    return value;
  }
  std::optional<int64_t> OptionalInt(std::string_view key) {
    const json::value* value = Find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return Int(*value, key);
  }
  int64_t Int(std::string_view key) {
    const json::value* value = Find(key);
    return value == nullptr ? 0 : Int(*value, key);
  }
  int32_t Int32(std::string_view key) {
    const int64_t value = Int(key);
    if (value < INT32_MIN || value > INT32_MAX) Fail(key, "is out of bounds");
    return static_cast<int32_t>(value);
  }
  Duration Time(std::string_view key) { return ToDuration(Int(key), key); }
  std::optional<Duration> OptionalTime(std::string_view key) {
    const std::optional<int64_t> us = OptionalInt(key);
    if (!us) return std::nullopt;
    return ToDuration(*us, key);
  }
  bool Bool(std::string_view key) {
    const json::value* value = Find(key);
    if (value == nullptr) return false;
    if (!value->is_bool()) return Fail(key, "is neither true nor false"), false;
    return value->get_bool();
  }
  std::string Text(std::string_view key) {
    const json::value* value = Find(key);
    if (value == nullptr) return "";
    if (!value->is_string()) return Fail(key, "is not a text"), "";
    return std::string(value->get_string());
  }
  const json::array& Array(std::string_view key) {
    static const json::array kEmpty;
    const json::value* value = Find(key);
    if (value == nullptr) return kEmpty;
    if (!value->is_array()) return Fail(key, "is not an array"), kEmpty;
    return value->get_array();
  }
  std::vector<int64_t> Ints(std::string_view key) {
    std::vector<int64_t> ints;
    for (const json::value& value : Array(key)) {
      ints.push_back(Int(value, key));
      if (!error_.ok() || ints.size() > kMaxBuckets) return {};
    }
    return ints;
  }
  std::string Place(std::string_view key) const {
    return place_.empty() ? std::string(key) : fmt::format("{}.{}", place_, key);
  }
  void Fail(std::string_view key, std::string_view what) {
    if (!error_.ok()) return;
    error_ = absl::InvalidArgumentError(fmt::format("{} {}", Place(key), what));
  }

 private:
  int64_t Int(const json::value& value, std::string_view key) {
    if (!value.is_int64()) return Fail(key, "is not a whole number"), 0;
    const int64_t number = value.get_int64();
    if (number < -kMaxCount || number > kMaxCount) return Fail(key, "is out of bounds"), 0;
    return number;
  }
  Duration ToDuration(int64_t us, std::string_view key) {
    constexpr int64_t kMaxUs = int64_t{365} * 86400 * 1'000'000;
    if (us < -kMaxUs || us > kMaxUs) return Fail(key, "is no sensible time"), Duration::zero();
    return std::chrono::microseconds(us);
  }

  const json::object* object_;
  const std::string place_;
  absl::Status& error_;
};

LatencyHistogram ReadLatency(Fields& from, std::string_view key) {
  LatencyHistogram latency;
  int64_t total = 0;
  for (const json::value& entry : from.Array(key)) {
    const json::array* pair = entry.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_int64() || !(*pair)[1].is_int64() ||
        (*pair)[0].get_int64() < 0 || (*pair)[0].get_int64() > kMaxLatencyNs ||
        (*pair)[1].get_int64() <= 0 || (*pair)[1].get_int64() > kMaxCount - total) {
      from.Fail(key, "is not a list of [nanoseconds, count] pairs");
      return latency;
    }
    total += (*pair)[1].get_int64();
    latency.Add(Duration((*pair)[0].get_int64()), (*pair)[1].get_int64());
  }
  return latency;
}

PhaseFigures ReadPhase(const json::value* value, std::string place, absl::Status& error) {
  PhaseFigures phase;
  if (value == nullptr) return phase;
  Fields from(*value, std::move(place), error);
  phase.from = from.Time("from_us");
  phase.to = from.Time("to_us");
  phase.due = from.Int("due");
  phase.acked = from.Int("acked");
  phase.latency = ReadLatency(from, "latency_ns");
  return phase;
}

PartitionOutage ReadOutage(const json::value& value, std::string place, absl::Status& error) {
  PartitionOutage outage;
  Fields from(value, place, error);
  outage.partition = from.Int32("partition");
  outage.led_by_victim = from.Bool("led_by_victim");
  outage.last_ack = from.OptionalTime("last_ack_us");
  outage.first_ack = from.Time("first_ack_us");
  outage.ended = from.Bool("ended");
  const json::value* parts = from.Find("parts");
  if (parts == nullptr || parts->is_null()) return outage;
  Fields in(*parts, place + ".parts", error);
  outage.parts = OutageParts{.detection = in.Time("detection_us"),
                             .election = in.Time("election_us"),
                             .propagation = in.Time("propagation_us"),
                             .client = in.Time("client_us")};
  return outage;
}

Verdict ReadVerdict(const json::value* value, std::string place, absl::Status& error) {
  Verdict verdict;
  if (value == nullptr) return verdict;
  Fields from(*value, std::move(place), error);
  verdict.sent = from.Int("sent");
  verdict.acked = from.Int("acked");
  verdict.failed = from.Int("failed");
  verdict.read = from.Int("read");
  verdict.lost = from.Int("lost");
  verdict.duplicated = from.Int("duplicated");
  verdict.out_of_order = from.Int("out_of_order");
  verdict.misplaced = from.Int("misplaced");
  verdict.foreign = from.Int("foreign");
  return verdict;
}

RunRecord ReadRun(const json::value& value, const std::string& place, absl::Status& error) {
  RunRecord run;
  Fields from(value, place, error);
  run.number = from.Int32("number");
  run.exactly_once = from.Bool("exactly_once");
  run.victim = from.Int32("victim");
  run.victim_led_quorum = from.Bool("victim_led_quorum");
  run.led_by_victim = from.Int32("led_by_victim");
  run.partitions = from.Int32("partitions");
  run.fault_at = from.OptionalTime("fault_at_us");
  run.mended_at = from.OptionalTime("mended_at_us");
  run.load_end = from.Time("load_end_us");
  run.rejoin_expected = from.Bool("rejoin_expected");
  run.rejoined_after = from.OptionalTime("rejoined_after_us");
  run.quorum_elected_after = from.OptionalTime("quorum_elected_after_us");
  run.usual_pause = from.Time("usual_pause_us");
  for (const json::value& entry : from.Array("events")) {
    Fields event(entry, from.Place("events"), error);
    run.events.push_back({event.Time("at_us"), event.Text("text")});
  }
  run.verdict = ReadVerdict(from.Find("verdict"), from.Place("verdict"), error);
  run.first_failure = from.Text("first_failure");
  for (const json::value& entry : from.Array("outages")) {
    run.outages.push_back(ReadOutage(entry, from.Place("outages"), error));
  }
  run.before = ReadPhase(from.Find("before"), from.Place("before"), error);
  run.during = ReadPhase(from.Find("during"), from.Place("during"), error);
  run.after = ReadPhase(from.Find("after"), from.Place("after"), error);
  if (from.Int("bucket_us") != Us(kBucket)) from.Fail("bucket_us", "is not that of this program");
  run.acked = from.Ints("acked");
  run.worst_us = from.Ints("worst_us");
  if (run.fault_at && (*run.fault_at < Duration::zero() || *run.fault_at > run.load_end)) {
    from.Fail("fault_at_us", "is outside of the load");
  }
  return run;
}

}  // namespace

std::string ToJson(const FailoverData& data) {
  const FailoverSetup& setup = data.setup;
  json::array settings;
  for (const std::string& setting : setup.driver_settings)
    settings.push_back(json::string(setting));
  json::array runs;
  for (const RunRecord& run : data.runs) runs.push_back(Write(run));
  const json::object document{{"version", kFailoverJsonVersion},
                              {"kind", kKind},
                              {"ok", data.ok()},
                              {"setup",
                               {{"label", setup.label},
                                {"fault", setup.fault},
                                {"command", setup.command},
                                {"driver", setup.driver},
                                {"idempotence", setup.idempotence},
                                {"driver_settings", std::move(settings)},
                                {"topic", setup.topic},
                                {"partitions", setup.partitions},
                                {"replication_factor", setup.replication_factor},
                                {"records_per_second", setup.records_per_second},
                                {"value_bytes", setup.value_bytes},
                                {"started", setup.started},
                                {"machine", setup.machine},
                                {"shares_machine", setup.shares_machine}}},
                              {"runs", std::move(runs)}};
  return json::serialize(document) + "\n";
}

absl::StatusOr<FailoverData> FailoverDataFromJson(std::string_view text) {
  boost::system::error_code malformed;
  const json::value document = json::parse(text, malformed);
  if (malformed) return absl::InvalidArgumentError("not JSON: " + malformed.message());
  absl::Status error;
  Fields from(document, "", error);
  const int64_t version = from.Int("version");
  if (error.ok() && version != kFailoverJsonVersion) {
    return absl::InvalidArgumentError(fmt::format(
        "version {} of the figures; this program reads {}", version, kFailoverJsonVersion));
  }
  if (from.Text("kind") != kKind) from.Fail("kind", fmt::format("is not '{}'", kKind));
  FailoverData data;
  if (const json::value* value = from.Find("setup")) {
    Fields setup(*value, "setup", error);
    data.setup.label = setup.Text("label");
    data.setup.fault = setup.Text("fault");
    data.setup.command = setup.Text("command");
    data.setup.driver = setup.Text("driver");
    data.setup.idempotence = setup.Bool("idempotence");
    for (const json::value& entry : setup.Array("driver_settings")) {
      if (!entry.is_string()) {
        setup.Fail("driver_settings", "is not a list of texts");
        break;
      }
      data.setup.driver_settings.emplace_back(entry.get_string());
    }
    data.setup.topic = setup.Text("topic");
    data.setup.partitions = setup.Int32("partitions");
    data.setup.replication_factor = setup.Int32("replication_factor");
    data.setup.records_per_second = setup.Int("records_per_second");
    data.setup.value_bytes = setup.Int("value_bytes");
    data.setup.started = setup.Text("started");
    data.setup.machine = setup.Text("machine");
    data.setup.shares_machine = setup.Bool("shares_machine");
  }
  const json::array& runs = from.Array("runs");
  for (size_t i = 0; i < runs.size() && error.ok(); ++i) {
    data.runs.push_back(ReadRun(runs[i], fmt::format("runs[{}]", i), error));
  }
  if (!error.ok()) return error;
  return data;
}

}  // namespace soliton::bench
