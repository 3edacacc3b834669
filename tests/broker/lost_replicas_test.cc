// The file of replicas that are not as they were promised.
#include "broker/lost_replicas.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_file_system.h"

namespace soliton::broker {
namespace {

const TopicPartition kA{Uuid{1, 2}, 0};
const TopicPartition kB{Uuid{1, 2}, 7};
const TopicPartition kC{Uuid{3, 4}, 2147483647};

class LostReplicasTest : public testing::Test {
 protected:
  LostReplicasTest() {
    EXPECT_TRUE(files_.CreateDirectories("/data").ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
  }
  std::vector<TopicPartition> AfterAPowerLoss() {
    files_.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
    LostReplicas again(files_, "/data");
    EXPECT_TRUE(again.Read().ok());
    return again.all();
  }

  sim::SimFileSystem files_{1};
};

TEST_F(LostReplicasTest, WhatWasAddedStaysUntilItIsForgotten) {
  {
    LostReplicas losses(files_, "/data");
    ASSERT_TRUE(losses.Read().ok());
    EXPECT_TRUE(losses.all().empty());
    ASSERT_TRUE(losses.Add({kC, kA}).ok());
    ASSERT_TRUE(losses.Add({kB, kA}).ok());
  }
  EXPECT_EQ(AfterAPowerLoss(), (std::vector<TopicPartition>{kA, kB, kC}));
  LostReplicas losses(files_, "/data");
  ASSERT_TRUE(losses.Read().ok());
  ASSERT_TRUE(losses.Forget({kA, kC}).ok());
  EXPECT_EQ(AfterAPowerLoss(), std::vector<TopicPartition>{kB});
  LostReplicas last(files_, "/data");
  ASSERT_TRUE(last.Read().ok());
  ASSERT_TRUE(last.Forget({kB}).ok());
  EXPECT_FALSE(files_.Exists("/data/lost-replicas"));
  EXPECT_TRUE(AfterAPowerLoss().empty());
}

// Whoever reads it takes all replicas for lost then.
TEST_F(LostReplicasTest, DamageIsNoticed) {
  const std::string id = kA.topic_id.ToString();
  for (const std::string& text :
       {std::string(), std::string("junk"), "0\n1\n" + id + " 0\n" + id + " 1\n",
        "0\n1\n" + id + "\n", "0\n1\n" + id + " -1\n", "0\n1\n" + id + " 2147483648\n",
        "0\n1\n" + id + "! 0\n", "0\n1\n" + id + " 0 0\n", "1\n1\n" + id + " 0\n"}) {
    ASSERT_TRUE(WriteFileAtomically(files_, "/data/lost-replicas", text).ok());
    LostReplicas losses(files_, "/data");
    EXPECT_EQ(losses.Read().code(), absl::StatusCode::kDataLoss) << text;
  }
}

}  // namespace
}  // namespace soliton::broker
