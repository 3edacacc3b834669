// What happened last in a run, as a chart of a few lines for people: faults, and messages between
// machines, repeats of the same one folded.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/loop/clock.h"

namespace soliton::sim {

class EventChart {
 public:
  void OnStrike(Duration at, const std::string& what);
  // Ends as "broker-1:9092". The end that had connected sends requests, the other one answers.
  void OnFrame(Duration at, const std::string& from, const std::string& to, bool by_client,
               std::span<const uint8_t> frame);

  // At most `lines` lines, oldest first.
  std::vector<std::string> Lines(size_t lines) const;

 private:
  struct Entry {
    Duration first{};
    Duration last{};
    int count = 1;
    std::string what;
  };
  void Add(Duration at, std::string what, bool fold);

  std::deque<Entry> entries_;
};

}  // namespace soliton::sim
