// soliton-floor: see the usage text. What ./dev bench compare holds the brokers against.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "bench/floor/load.h"
#include "bench/floor/node.h"
#include "runtime/process.h"

namespace soliton::floor {
namespace {

constexpr char kUsage[] = R"(usage:
  soliton-floor node --port PORT --dir DIR [--id N] [--peers PORT,PORT] [--durability flush|page-cache]
      receives, checks, appends, replicates to the peers and acknowledges; prints "ready"
  soliton-floor produce --nodes PORT,... (--bytes N | --seconds N) [--batch-bytes N] [--in-flight N] [--pids PID,...]
  soliton-floor consume --nodes PORT,... (--bytes N | --seconds N) [--fetch-bytes N] [--pids PID,...]
      a load; prints its figures as csv, with the CPU time of the processes named
)";

[[noreturn]] void Refuse(const std::string& why) {
  fmt::print(stderr, "error: {}\n{}", why, kUsage);
  std::exit(2);
}

// "--name value" pairs.
class Flags {
 public:
  Flags(int count, char** words) {
    for (int i = 0; i < count; i += 2) {
      const std::string_view name = words[i];
      if (!name.starts_with("--")) Refuse(fmt::format("'{}' is not an option", name));
      if (i + 1 == count) Refuse(fmt::format("{} needs a value", name));
      values_[std::string(name)] = words[i + 1];
    }
  }

  std::string Text(const std::string& name, const std::string& otherwise) {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const std::string value = found->second;
    values_.erase(found);
    return value;
  }

  int64_t Number(const std::string& name, int64_t otherwise) {
    const std::string text = Text(name, std::to_string(otherwise));
    return Parse(name, text);
  }

  std::vector<int> List(const std::string& name) {
    const std::string text = Text(name, "");
    std::vector<int> numbers;
    for (size_t at = 0; at < text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      numbers.push_back(static_cast<int>(Parse(name, text.substr(at, comma - at))));
      at = comma + 1;
    }
    return numbers;
  }

  void RefuseTheRest() const {
    if (!values_.empty()) Refuse(fmt::format("unknown option '{}'", values_.begin()->first));
  }

 private:
  static int64_t Parse(const std::string& name, const std::string& text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) {
      Refuse(fmt::format("{} needs a number, not '{}'", name, text));
    }
    return number;
  }

  std::map<std::string, std::string> values_;
};

[[noreturn]] void RunNode(Flags flags) {
  NodeOptions options;
  options.id = static_cast<uint32_t>(flags.Number("--id", 1));
  options.port = static_cast<int>(flags.Number("--port", 0));
  options.peers = flags.List("--peers");
  options.folder = flags.Text("--dir", "");
  const std::string durability = flags.Text("--durability", "page-cache");
  flags.RefuseTheRest();
  if (durability != "flush" && durability != "page-cache") {
    Refuse("--durability is flush or page-cache");
  }
  options.flush = durability == "flush";
  if (options.port == 0 || options.folder.empty()) Refuse("a node needs --port and --dir");
  Node(std::move(options)).Run();
}

// The columns of `soliton bench`.
void Print(std::string_view kind, const bench::LoadReport& report) {
  const bench::LoadFigures& figures = report.figures;
  const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  const auto optional = [](std::optional<double> value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  fmt::print(
      "load,bytes,seconds,mib_per_second,requests_per_second,latency_p50_ms,latency_p99_ms,"
      "latency_max_ms,broker_cpu_s_per_gib,broker_cpu_us_per_request,own_cpu_s_per_gib\n"
      "{},{},{},{},{},{},{},{},{},{},{}\n",
      kind, figures.bytes, std::chrono::duration<double>(figures.elapsed).count(),
      report.mib_per_second(), report.requests_per_second(), ms(figures.latency.Percentile(50)),
      ms(figures.latency.Percentile(99)), ms(figures.latency.max()),
      optional(report.broker_cpu_seconds_per_gib()), optional(report.broker_cpu_us_per_request()),
      report.own_cpu_seconds_per_gib());
}

void RunLoad(const std::string& kind, Flags flags) {
  LoadOptions options;
  options.nodes = flags.List("--nodes");
  options.pids = flags.List("--pids");
  options.limit.bytes = flags.Number("--bytes", 0);
  options.limit.time = seconds(flags.Number("--seconds", 0));
  options.batch_bytes = flags.Number("--batch-bytes", options.batch_bytes);
  options.in_flight = static_cast<int32_t>(flags.Number("--in-flight", options.in_flight));
  options.fetch_bytes = flags.Number("--fetch-bytes", options.fetch_bytes);
  flags.RefuseTheRest();
  if (options.nodes.empty()) Refuse("a load needs --nodes");
  if (options.limit.bytes == 0 && options.limit.time == Duration::zero()) {
    Refuse("give --bytes or --seconds: a load must end");
  }
  Print(kind, kind == "produce" ? RunProduce(options) : RunConsume(options));
}

}  // namespace
}  // namespace soliton::floor

int main(int count, char** words) {
  using namespace soliton::floor;
  const std::string command = count > 1 ? words[1] : "";
  if (command == "node") RunNode(Flags(count - 2, words + 2));
  if (command != "produce" && command != "consume") Refuse("node, produce or consume?");
  RunLoad(command, Flags(count - 2, words + 2));
  return 0;
}
