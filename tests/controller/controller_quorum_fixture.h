// Three controllers and brokers that follow whichever leads: the real ControllerNode and
// ControllerClient in the simulated world.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/controller/sim_cluster.h"

namespace soliton::controller {

inline constexpr int kVoters = 3;
inline constexpr int kBrokers = 3;

class ControllerQuorumTest : public ::testing::Test {
 protected:
  using ErrorCode = kafka::ErrorCode;

  ControllerQuorumTest() {
    SetLogLevel(LogLevel::kOff);
    for (int id = 1; id <= kVoters; ++id) AddController(id);
    for (int id = 1; id <= kBrokers; ++id) AddBroker(id);
  }

  // Beyond kVoters: one that does not vote yet.
  void AddController(int id) {
    ControllerOptions& options = controller_options_.emplace_back();
    options.node_id = 100 + id;
    options.listen = {"", kControllerPort};
    options.advertised = {fmt::format("controller-{}", id), kControllerPort};
    options.data_directory = "meta";
    options.default_min_insync_replicas = 2;
    for (int voter = 1; voter <= kVoters; ++voter) {
      options.voters[100 + voter] = {fmt::format("controller-{}", voter), kControllerPort};
    }
    controllers_.push_back(
        std::make_unique<sim::SimNode>(world_, network_, fmt::format("controller-{}", id)));
    controllers_.back()->SetBoot([this, id](sim::SimNode& node) {
      return std::make_shared<ControllerProcess>(node,
                                                 controller_options_[static_cast<size_t>(id - 1)]);
    });
  }
  void AddBroker(int id) {
    FakeBroker::Options options{.broker_id = id, .host = fmt::format("broker-{}", id)};
    options.controllers.clear();
    for (int voter = 1; voter <= kVoters; ++voter) {
      options.controllers.push_back({fmt::format("controller-{}", voter), kControllerPort});
    }
    brokers_.push_back(
        std::make_unique<sim::SimNode>(world_, network_, fmt::format("broker-{}", id)));
    brokers_.back()->SetBoot(
        [options](sim::SimNode& node) { return std::make_shared<FakeBroker>(node, options); });
  }

  int controllers() const { return static_cast<int>(controllers_.size()); }
  sim::SimNode& controller(int id) { return *controllers_[static_cast<size_t>(id - 1)]; }
  sim::SimNode& broker_node(int id) { return *brokers_[static_cast<size_t>(id - 1)]; }
  FakeBroker& broker(int id) { return *broker_node(id).app<FakeBroker>(); }
  ControllerNode* node(int id) {
    auto* process = controller(id).app<ControllerProcess>();
    return process == nullptr ? nullptr : process->node();
  }
  // Of the highest epoch; 0: nobody decides.
  int Leader() {
    int found = 0;
    for (int id = 1; id <= controllers(); ++id) {
      if (controller(id).paused() || node(id) == nullptr || !node(id)->leading()) continue;
      if (found == 0 || node(id)->quorum().epoch() > node(found)->quorum().epoch()) found = id;
    }
    return found;
  }
  bool Await(const std::function<bool()>& done, Duration budget = seconds(5)) {
    return world_.RunUntil(done, budget);
  }
  bool SeesUsable(int i, int32_t id) {
    const BrokerInfo* info = broker(i).image()->FindBroker(id);
    return info != nullptr && info->usable();
  }
  bool AllUsable() {
    for (int i = 1; i <= kBrokers; ++i) {
      for (int id = 1; id <= kBrokers; ++id) {
        if (!SeesUsable(i, id)) return false;
      }
    }
    return true;
  }
  void Start() {
    for (const auto& each : controllers_) each->Restart();
    for (const auto& each : brokers_) each->Restart();
    ASSERT_TRUE(Await([this] { return Leader() != 0 && AllUsable(); }));
  }
  absl::StatusOr<TopicResult> Create(int i, CreateTopicSpec spec, Duration timeout = seconds(5)) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<std::vector<TopicResult>>>>();
    broker_node(i).Post([asked = &broker(i), answer, spec, timeout] {
      asked->client().CreateTopics({spec}, false, timeout,
                                   [answer](auto result) { *answer = std::move(result); });
    });
    if (!Await([&] { return answer->has_value(); }, seconds(10))) {
      return absl::InternalError("the client never answered");
    }
    if (!(*answer)->ok()) return (*answer)->status();
    return (**answer)->front();
  }
  // As often as it takes.
  bool CreateAtLast(int i, const std::string& name, Duration budget) {
    const MonotonicTime end = world_.Now() + budget;
    while (world_.Now() < end) {
      const auto created = Create(i, {.name = name}, milliseconds(500));
      if (created.ok() && (created->error == ErrorCode::NONE ||
                           created->error == ErrorCode::TOPIC_ALREADY_EXISTS)) {
        return true;
      }
      world_.RunFor(milliseconds(20));
    }
    return false;
  }
  int32_t LeaderOf(int i, const std::string& topic) {
    const TopicInfo* info = broker(i).image()->FindTopic(topic);
    return info == nullptr ? -2 : info->partitions[0].leader;
  }
  std::string Complaint() {
    for (int id = 1; id <= kBrokers; ++id) {
      if (!broker_node(id).alive()) continue;
      if (!broker(id).complaint().empty()) return broker(id).complaint();
      if (!broker(id).refused().ok()) return broker(id).refused().ToString();
    }
    for (int id = 1; id <= controllers(); ++id) {
      auto* process = controller(id).app<ControllerProcess>();
      if (process == nullptr) continue;
      if (!process->status().ok()) return process->status().ToString();
      if (!process->fatal().ok()) return process->fatal().ToString();
    }
    return "";
  }

  sim::SimWorld world_{1};
  sim::SimNetwork network_{world_, {}};
  std::vector<ControllerOptions> controller_options_;
  std::vector<std::unique_ptr<sim::SimNode>> controllers_;
  std::vector<std::unique_ptr<sim::SimNode>> brokers_;
};

}  // namespace soliton::controller
