// Brokers of a simulated cluster that come and go, and what their disks hold meanwhile.
#pragma once

#include "tests/broker/broker_cluster.h"

namespace soliton::broker {

class BrokerLifecycleTest : public BrokerClusterTest {
 protected:
  // Waits until `condition` holds for one partition's leader as all live brokers see it.
  bool WaitForIsr(int leader, const std::string& topic, size_t size, Duration patience) {
    return world_.RunUntil(
        [&] {
          auto replica = Replica(leader, topic);
          return replica && replica->leader && replica->isr.size() == size;
        },
        patience);
  }
  // Who leads partition 0 by the brokers' own word.
  int CurrentLeader(const std::string& topic) {
    int leader = -1;
    int32_t epoch = -1;
    for (int id = 1; id <= static_cast<int>(brokers_.size()); ++id) {
      auto replica = Replica(id, topic);
      if (replica && replica->leader && replica->leader_epoch > epoch) {
        leader = id;
        epoch = replica->leader_epoch;
      }
    }
    return leader;
  }
  int WaitForLeaderOtherThan(int old, const std::string& topic) {
    world_.RunUntil([&] { return CurrentLeader(topic) > 0 && CurrentLeader(topic) != old; },
                    seconds(20));
    return CurrentLeader(topic);
  }
  // Starts a node that dies at this one of its disk operations, or once it serves: whether it died
  // before. Power goes with every other one.
  bool RestartCutShort(int id, uint64_t operation) {
    sim::SimFileSystem& files = node(id).files();
    const int served = serving_;
    files.SetCrashAtOperation(files.operation_count() + operation);
    node(id).Restart();
    world_.RunUntil([&] { return files.frozen() || serving_ > served; }, seconds(10));
    const bool cut_short = files.frozen();
    node(id).Crash({.lose_unsynced = operation % 2 == 0});
    fatal_.clear();
    return cut_short;
  }
  int CountFolders(int id, std::string_view prefix, std::string_view suffix) {
    auto entries = node(id).files().List("/data");
    EXPECT_TRUE(entries.ok());
    int count = 0;
    for (const auto& entry : *entries) {
      count += entry.name.starts_with(prefix) && entry.name.ends_with(suffix);
    }
    return count;
  }
};

}  // namespace soliton::broker
