#include "tests/sim/event_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "controller/metadata/control.pb.h"
#include "protocol/wire/api.h"

namespace soliton::sim {
namespace {

constexpr size_t kMaxEntries = 200;
// A message like one of the last so many entries only counts there: two brokers that fetch from
// each other are two lines, however long it goes on.
constexpr size_t kFoldWithin = 12;
constexpr std::string_view kControllerPort = ":9093";

std::string_view Machine(const std::string& end) {
  return std::string_view(end).substr(0, end.find(':'));
}

// The name of the field that is set in the message's oneof.
std::string KindOf(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  const auto* oneof = message.GetDescriptor()->FindOneofByName("kind");
  if (oneof == nullptr || !reflection->HasOneof(message, oneof)) return "?";
  return std::string(reflection->GetOneofFieldDescriptor(message, oneof)->name());
}

std::string Describe(bool control, bool by_client, std::span<const uint8_t> frame) {
  if (control && by_client) {
    controller::pb::ControlRequest request;
    const bool ok = request.ParseFromArray(frame.data(), static_cast<int>(frame.size()));
    return ok ? KindOf(request) : "?";
  }
  if (control) {
    controller::pb::ServerMessage message;
    const bool ok = message.ParseFromArray(frame.data(), static_cast<int>(frame.size()));
    if (!ok) return "?";
    return message.has_response() ? "answer to " + KindOf(message.response()) : KindOf(message);
  }
  if (!by_client) return "answer";
  if (frame.size() < 2) return "?";
  return std::string(kafka::ApiName(static_cast<int16_t>(frame[0] << 8 | frame[1])));
}

}  // namespace

void EventChart::Add(Duration at, std::string what, bool fold) {
  if (fold) {
    const size_t depth = std::min(kFoldWithin, entries_.size());
    for (auto entry = entries_.rbegin(); entry != entries_.rbegin() + static_cast<ptrdiff_t>(depth);
         ++entry) {
      if (entry->what != what) continue;
      ++entry->count;
      entry->last = at;
      return;
    }
  }
  entries_.push_back({at, at, 1, std::move(what)});
  if (entries_.size() > kMaxEntries) entries_.pop_front();
}

void EventChart::OnStrike(Duration at, const std::string& what) { Add(at, "** " + what, false); }

void EventChart::OnFrame(Duration at, const std::string& from, const std::string& to,
                         bool by_client, std::span<const uint8_t> frame) {
  const bool control = from.ends_with(kControllerPort) || to.ends_with(kControllerPort);
  const std::string what = Describe(control, by_client, frame);
  if (what == "answer" || what.find("heartbeat") != std::string::npos) return;
  Add(at, fmt::format("{:>10} -> {:10} {}", Machine(from), Machine(to), what), true);
}

std::vector<std::string> EventChart::Lines(size_t lines) const {
  std::vector<std::string> text;
  const size_t skip = entries_.size() > lines ? entries_.size() - lines : 0;
  for (size_t i = skip; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const auto seconds = [](Duration at) { return std::chrono::duration<double>(at).count(); };
    std::string line = fmt::format("{:9.4f} {}", seconds(entry.first), entry.what);
    if (entry.count > 1)
      line += fmt::format(" ({} times, until {:.4f})", entry.count, seconds(entry.last));
    text.push_back(std::move(line));
  }
  return text;
}

}  // namespace soliton::sim
