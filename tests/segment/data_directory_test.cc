#include "segment/data_directory.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_file_system.h"

namespace soliton::segment {
namespace {

class DataDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& cluster_id = "cluster",
                                                      int32_t node_id = 1) {
    return DataDirectory::Open(fs, "/data", cluster_id, node_id, random);
  }
  void MakeFolder(const std::string& name) {
    ASSERT_TRUE(fs.CreateDirectories("/data/" + name).ok());
    ASSERT_TRUE(fs.SyncDirectory("/data").ok());
  }
  sim::SimFileSystem fs{1};
  Random random{1};
};

TEST_F(DataDirectoryTest, NewDirectoryGetsAnIdentity) {
  Uuid directory_id;
  {
    auto directory = Open();
    ASSERT_TRUE(directory.ok()) << directory.status().ToString();
    EXPECT_FALSE((*directory)->was_clean());
    EXPECT_EQ((*directory)->clean_broker_epoch(), -1);
    directory_id = (*directory)->directory_id();
    EXPECT_FALSE(directory_id.is_zero());
  }
  EXPECT_EQ(
      *ReadFile(fs, "/data/meta.properties"),
      "cluster.id=cluster\ndirectory.id=" + directory_id.ToString() + "\nnode.id=1\nversion=1\n");
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ((*again)->directory_id(), directory_id);
}

TEST_F(DataDirectoryTest, ForeignIdentityIsRefusedWithBothValues) {
  ASSERT_TRUE(Open().ok());
  const absl::Status cluster = Open("other").status();
  EXPECT_EQ(cluster.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* part : {"/data/meta.properties", "cluster.id=cluster", "cluster.id=other"}) {
    EXPECT_NE(cluster.message().find(part), std::string::npos) << cluster.ToString();
  }
  const absl::Status node = Open("cluster", 2).status();
  EXPECT_EQ(node.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* part : {"node.id=1", "node.id=2"}) {
    EXPECT_NE(node.message().find(part), std::string::npos) << node.ToString();
  }
}

// A node that was told no cluster id belongs to the first cluster it meets, for good.
TEST_F(DataDirectoryTest, UnboundDirectoryIsBoundOnce) {
  {
    auto directory = Open("");
    ASSERT_TRUE(directory.ok()) << directory.status().ToString();
    EXPECT_EQ((*directory)->cluster_id(), "");
    ASSERT_TRUE((*directory)->AdoptCluster("first").ok());
    EXPECT_EQ((*directory)->AdoptCluster("second").code(), absl::StatusCode::kFailedPrecondition);
  }
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  auto again = Open("");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ((*again)->cluster_id(), "first");
  again->reset();
  EXPECT_EQ(Open("second").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DataDirectoryTest, SecondProcessIsRefused) {
  auto first = Open();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, DamagedIdentityIsNotReplaced) {
  ASSERT_TRUE(Open().ok());
  for (const char* content : {"", "nonsense", "version=1\ncluster.id=cluster\n",
                              "version=2\ncluster.id=cluster\nnode.id=1\n",
                              "version=1\ncluster.id=cluster\nnode.id=1\ndirectory.id=short\n"}) {
    ASSERT_TRUE(WriteFileAtomically(fs, "/data/meta.properties", content).ok());
    EXPECT_FALSE(Open().ok()) << content;
    EXPECT_EQ(*ReadFile(fs, "/data/meta.properties"), content);
  }
}

TEST_F(DataDirectoryTest, PartitionsWithoutIdentityAreRefused) {
  MakeFolder("topic-0");
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("topic-0"), std::string::npos) << status.ToString();
}

TEST_F(DataDirectoryTest, KafkasOwnFileIsUnderstood) {
  ASSERT_TRUE(fs.CreateDirectories("/data").ok());
  const std::string id = Uuid{5, 6}.ToString();
  ASSERT_TRUE(WriteFileAtomically(fs, "/data/meta.properties",
                                  "#\n#Fri Nov 20 10:00:00 UTC 2026\ncluster.id=cluster\n"
                                  "directory.id=" +
                                      id + "\nnode.id=1\nversion=1\n")
                  .ok());
  auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status().ToString();
  EXPECT_EQ((*directory)->directory_id().ToString(), id);
}

TEST_F(DataDirectoryTest, CleanMarkerIsUsedOnce) {
  {
    auto directory = Open();
    ASSERT_TRUE((*directory)->MarkClean(42).ok());
  }
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  {
    auto directory = Open();
    EXPECT_TRUE((*directory)->was_clean());
    EXPECT_EQ((*directory)->clean_broker_epoch(), 42);
  }
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  EXPECT_FALSE((*Open())->was_clean()) << "the marker was removed durably";
}

TEST_F(DataDirectoryTest, ListsPartitionFolders) {
  auto directory = Open();
  ASSERT_TRUE(directory.ok());
  for (const char* name : {"a-b-3", "topic-0", "topic-12", "topic-007", "lost+found", "-1", "x-"}) {
    MakeFolder(name);
  }
  const Uuid topic_id{3, 4};
  ASSERT_TRUE(WriteFileAtomically(fs, "/data/topic-0/partition.metadata",
                                  "version: 0\ntopic_id: " + topic_id.ToString() + "\n")
                  .ok());
  const auto folders = (*directory)->ListPartitions();
  ASSERT_TRUE(folders.ok());
  ASSERT_EQ(folders->size(), 3u);
  EXPECT_EQ((*folders)[0].topic, "a-b");
  EXPECT_EQ((*folders)[0].partition, 3);
  EXPECT_TRUE((*folders)[0].topic_id.is_zero());
  EXPECT_EQ((*folders)[1].topic_id, topic_id);
  EXPECT_EQ((*folders)[1].path, (*directory)->PartitionPath("topic", 0));
  EXPECT_EQ((*folders)[2].partition, 12);
}

TEST_F(DataDirectoryTest, RemovedPartitionsStayRemoved) {
  {
    auto directory = Open();
    MakeFolder("topic-0");
    ASSERT_TRUE(WriteFileAtomically(fs, "/data/topic-0/00000000000000000000.log", "x").ok());
    ASSERT_TRUE((*directory)->RemovePartition("topic", 0, random).ok());
    EXPECT_TRUE((*directory)->RemovePartition("topic", 0, random).ok()) << "gone already";
    EXPECT_TRUE((*directory)->ListPartitions()->empty());
    MakeFolder("old-1.abc-delete");
  }
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  auto directory = Open();
  EXPECT_TRUE((*directory)->ListPartitions()->empty());
  EXPECT_FALSE(fs.Exists("/data/old-1.abc-delete")) << "stale folders go at start";
  const std::string long_topic(249, 't');
  MakeFolder(long_topic + "-0");
  EXPECT_TRUE((*directory)->RemovePartition(long_topic, 0, random).ok());
}

TEST_F(DataDirectoryTest, HighWatermarksRoundTrip) {
  auto directory = Open();
  EXPECT_TRUE((*directory)->ReadHighWatermarks().empty());
  const std::map<TopicPartitionName, int64_t> values = {
      {{"a", 0}, 5}, {{"a", 1}, 0}, {{"b-c", 7}, 99}};
  ASSERT_TRUE((*directory)->WriteHighWatermarks(values).ok());
  EXPECT_EQ(*ReadFile(fs, "/data/replication-offset-checkpoint"), "0\n3\na 0 5\na 1 0\nb-c 7 99\n");
  EXPECT_EQ((*directory)->ReadHighWatermarks(), values);
  ASSERT_TRUE(WriteFileAtomically(fs, "/data/replication-offset-checkpoint", "0\n5\na 0 5\n").ok());
  EXPECT_TRUE((*directory)->ReadHighWatermarks().empty()) << "a damaged hint is no hint";
}

}  // namespace
}  // namespace soliton::segment
