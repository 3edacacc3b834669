// Fixture of the tests that run a controller and its clients over the simulated network, clock and
// disk.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/sim_cluster.h"

namespace soliton::controller {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class ControllerClusterTest : public ::testing::Test {
 protected:
  void StartCluster() {
    cluster_.Start();
    ASSERT_TRUE(cluster_.Await([&] { return cluster_.AllUsable(); }, seconds(1)));
  }

  // A topic with these replicas for its only partition.
  Uuid CreateAssigned(const std::string& name, std::vector<int32_t> replicas) {
    const auto created = cluster_.CreateTopic(1, {.name = name, .assignments = {replicas}});
    EXPECT_TRUE(created.ok()) << created.status().ToString();
    EXPECT_EQ(created->error, ErrorCode::NONE) << created->error_message;
    AwaitTopicEverywhere(name);
    return created->topic_id;
  }
  void AwaitTopicEverywhere(const std::string& name) {
    EXPECT_TRUE(cluster_.Await([&] {
      for (int i = 1; i <= cluster_.broker_count(); ++i) {
        if (cluster_.node(i).alive() && cluster_.broker(i).image()->FindTopic(name) == nullptr) {
          return false;
        }
      }
      return true;
    }));
  }

  PartitionInfo Partition(int broker, const Uuid& topic) {
    const MetadataImagePtr image = cluster_.broker(broker).image();
    const PartitionInfo* partition = image->FindPartition(topic, 0);
    return partition == nullptr ? PartitionInfo{} : *partition;
  }

  absl::StatusOr<IsrChangeResult> ChangeIsr(int broker, IsrChangeRequest change) {
    auto results = cluster_.Ask<std::vector<IsrChangeResult>>(
        broker,
        [&](ControllerClient& client, auto done) { client.AlterPartition({change}, done); });
    if (!results.ok()) return results.status();
    return results->front();
  }

  IsrChangeRequest::Member Member(int broker) {
    return {broker, cluster_.broker(broker).client().broker_epoch()};
  }

  void ExpectNoComplaints() {
    for (int i = 1; i <= cluster_.broker_count(); ++i) {
      if (!cluster_.node(i).alive()) continue;
      EXPECT_EQ(cluster_.broker(i).complaint(), "") << "broker " << i;
    }
    EXPECT_TRUE(cluster_.world().failure().ok()) << cluster_.world().failure().ToString();
  }
  void TearDown() override { ExpectNoComplaints(); }

  SimCluster cluster_{7};
};

}  // namespace soliton::controller
