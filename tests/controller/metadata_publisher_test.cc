#include "controller/metadata_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/client/metadata_follower.h"
#include "controller/metadata/metadata_batch.h"
#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

// A peer that reads when told to.
class SlowConnection final : public FramedConnection {
 public:
  void Start(ConnectionHandler*) override {}
  void Send(BufferChain frame) override {
    unsent_ += frame.size_bytes();
    frames_.push_back(*frame.Flatten());
  }
  int64_t unsent_bytes() const override { return unsent_; }
  void PauseReading() override {}
  void ResumeReading() override {}
  void Close() override {}
  std::string peer() const override { return "peer"; }
  std::string local() const override { return "local"; }

  // Everything sent so far arrives at `follower`. Returns how many snapshot pieces were among it.
  int Deliver(MetadataFollower* follower) {
    int snapshot_pieces = 0;
    for (const Buffer& frame : frames_) {
      pb::ServerMessage message;
      EXPECT_TRUE(message.ParseFromArray(frame.data(), static_cast<int>(frame.size())));
      snapshot_pieces += message.push().is_snapshot() ? 1 : 0;
      const auto update = follower->OnPush(message.push());
      EXPECT_TRUE(update.ok()) << update.status().ToString();
    }
    frames_.clear();
    unsent_ = 0;
    return snapshot_pieces;
  }
  size_t frames() const { return frames_.size(); }

 private:
  std::vector<Buffer> frames_;
  int64_t unsent_ = 0;
};

class MetadataPublisherTest : public ::testing::Test {
 protected:
  void Publish() {
    const auto& log = harness_.log();
    if (published_ == log.size()) return;
    LoggedBatch logged;
    logged.batch.base_offset = static_cast<int64_t>(published_);
    logged.batch.records = {log.begin() + static_cast<int64_t>(published_), log.end()};
    logged.bytes = EncodeMetadataBatch(logged.batch.records, logged.batch.base_offset, 0);
    published_ = log.size();
    ASSERT_TRUE(publisher_.Apply(logged).ok());
    publisher_.PumpAll();
  }
  void MakeTopics(int count) {
    for (int i = 0; i < count; ++i) {
      harness_.CreateAssigned(fmt::format("topic-{}", next_++), {{1}, {1}, {1}});
      Publish();
    }
  }
  void SetUp() override {
    harness_.Join(1);
    Publish();
  }

  CoreHarness harness_;
  size_t published_ = 0;
  int next_ = 0;
  MetadataPublisher publisher_{{.kept_bytes = 4096, .max_unsent_bytes = 2048, .push_bytes = 1024}};
  SlowConnection connection_;
  MetadataFollower follower_;
};

TEST_F(MetadataPublisherTest, PushesAtOnce) {
  ASSERT_TRUE(publisher_.Subscribe(1, &connection_, 0).ok());
  publisher_.OnDrained(1);
  EXPECT_EQ(connection_.Deliver(&follower_), 0);
  for (int i = 0; i < 50; ++i) {
    MakeTopics(1);
    EXPECT_EQ(connection_.frames(), 1u);
    EXPECT_EQ(connection_.Deliver(&follower_), 0);
    EXPECT_TRUE(SameImages(*follower_.image(), harness_.image()));
  }
}

TEST_F(MetadataPublisherTest, ALateFollowerGetsASnapshotAndGoesOn) {
  MakeTopics(200);
  ASSERT_TRUE(publisher_.Subscribe(1, &connection_, 0).ok());
  publisher_.OnDrained(1);
  EXPECT_GT(connection_.Deliver(&follower_), 1) << "in pieces";
  EXPECT_TRUE(SameImages(*follower_.image(), harness_.image()));
  MakeTopics(1);
  EXPECT_EQ(connection_.Deliver(&follower_), 0);
  EXPECT_TRUE(SameImages(*follower_.image(), harness_.image()));
}

TEST_F(MetadataPublisherTest, ASlowFollowerIsNotSentWithoutBound) {
  ASSERT_TRUE(publisher_.Subscribe(1, &connection_, 0).ok());
  publisher_.OnDrained(1);
  MakeTopics(500);
  EXPECT_LT(connection_.unsent_bytes(), 8192);
  while (connection_.frames() > 0) {
    connection_.Deliver(&follower_);
    publisher_.OnDrained(1);
  }
  EXPECT_TRUE(SameImages(*follower_.image(), harness_.image()));
}

TEST_F(MetadataPublisherTest, NothingBeyondTheCommittedEndCanBeAskedFor) {
  EXPECT_TRUE(publisher_.Subscribe(1, &connection_, publisher_.committed_end_offset()).ok());
  EXPECT_TRUE(absl::IsOutOfRange(
      publisher_.Subscribe(2, &connection_, publisher_.committed_end_offset() + 1)));
  EXPECT_TRUE(absl::IsOutOfRange(publisher_.Subscribe(2, &connection_, -1)));
  publisher_.Unsubscribe(1);
  MakeTopics(1);
  EXPECT_EQ(connection_.frames(), 0u);
}

}  // namespace
}  // namespace soliton::controller
