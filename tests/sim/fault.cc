#include "tests/sim/fault.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace soliton::sim {
namespace {

constexpr std::array<std::string_view, kFaultCount> kNames = {
    "broker-power-loss",
    "broker-killed",
    "broker-host-gone",
    "broker-stopped",
    "broker-paused",
    "broker-disk-stalled",
    "broker-disk-write-fails",
    "broker-disk-sync-fails",
    "broker-disk-read-fails",
    "broker-disk-full",
    "broker-disk-wiped",
    "broker-disk-rots",
    "broker-disk-put-back",
    "broker-clock-steps",
    "controller-power-loss",
    "controller-killed",
    "controller-paused",
    "controller-disk-sync-fails",
    "controller-disk-full",
    "controller-disk-put-back",
    "controller-clock-steps",
    "all-power-loss",
    "all-killed",
    "client-killed",
    "link-cut",
    "link-cut-one-way",
    "link-slow",
    "isolated",
    "halves",
    "bridge",
    "connections-reset",
    "connections-stuck",
};

std::string_view TakeWord(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

template <typename T>
bool Number(std::string_view word, std::string_view unit, T& out) {
  if (!word.ends_with(unit)) return false;
  word.remove_suffix(unit.size());
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  return error == std::errc() && end == word.data() + word.size();
}

int64_t Microseconds(Duration duration) { return duration / microseconds(1); }

}  // namespace

std::string_view FaultName(Fault fault) {
  return fault < Fault::kCount ? kNames[static_cast<size_t>(fault)] : "?";
}

std::string Strike::ToString() const {
  return fmt::format("{}us {} {} {} {}us {}", Microseconds(at), FaultName(fault), machine, peer,
                     Microseconds(duration), detail);
}

absl::StatusOr<Strike> Strike::Parse(std::string_view line) {
  std::string_view rest = line;
  Strike strike;
  int64_t at_us = 0;
  int64_t duration_us = 0;
  const bool at_ok = Number(TakeWord(rest), "us", at_us);
  const std::string_view name = TakeWord(rest);
  size_t fault = 0;
  while (fault < kFaultCount && kNames[fault] != name) ++fault;
  if (!at_ok || fault == kFaultCount || !Number(TakeWord(rest), "", strike.machine) ||
      !Number(TakeWord(rest), "", strike.peer) || !Number(TakeWord(rest), "us", duration_us) ||
      !Number(TakeWord(rest), "", strike.detail) || !rest.empty()) {
    return absl::InvalidArgumentError(fmt::format("no strike: '{}'", line));
  }
  strike.at = microseconds(at_us);
  strike.fault = static_cast<Fault>(fault);
  strike.duration = microseconds(duration_us);
  return strike;
}

}  // namespace soliton::sim
