#include "protocol/session/client_channel.h"

#include <gtest/gtest.h>

#include "protocol/messages/init_producer_id.h"
#include "tests/producer/scripted_broker.h"

namespace soliton::producer {
namespace {

using kafka::ClientChannel;
using kafka::InitProducerIdRequest;
using kafka::InitProducerIdResponse;

class ClientChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_.SetBoot([](sim::SimNode&) { return std::make_shared<int>(0); });
    client_.Restart();
    broker_.handler = [](ScriptedBroker&, const kafka::RequestHeader& header, kafka::Decoder&,
                         FramedConnection& connection) {
      InitProducerIdResponse response;
      response.producer_id = header.correlation_id;
      ScriptedBroker::Reply(header, connection, response);
    };
  }
  void TearDown() override {
    OnClient([this] { channel_.reset(); });
  }

  void OnClient(std::function<void()> what) {
    bool done = false;
    client_.Post([&] {
      what();
      done = true;
    });
    ASSERT_TRUE(world_.RunUntil([&] { return done; }, seconds(1)));
  }
  void Open() {
    OnClient([this] {
      channel_ = std::make_unique<ClientChannel>(client_.ports().shards->shard(0),
                                                 *client_.ports().transport, broker_.endpoint(),
                                                 kafka::ChannelOptions{});
      channel_->OnClosed([this](absl::Status why) { closed_ = why; });
    });
  }
  // Sends a request; its outcome goes to results_ in the order of the callbacks.
  void Ask(Duration timeout = seconds(5)) {
    OnClient([&] {
      inside_send_ = true;
      channel_->Send(InitProducerIdRequest{}, timeout,
                     [this](absl::StatusOr<InitProducerIdResponse> response) {
                       EXPECT_FALSE(inside_send_) << "a callback ran inside the call";
                       results_.push_back(response.status());
                     });
      inside_send_ = false;
    });
  }
  bool Wait(size_t results, Duration budget = seconds(30)) {
    return world_.RunUntil([&] { return results_.size() >= results; }, budget);
  }

  sim::SimWorld world_{5};
  sim::SimNetwork network_{world_, {}};
  ScriptedBroker broker_{world_, network_, "broker-1"};
  sim::SimNode client_{world_, network_, "client"};
  std::unique_ptr<ClientChannel> channel_;
  bool inside_send_ = false;
  std::vector<absl::Status> results_;
  std::optional<absl::Status> closed_;
};

TEST_F(ClientChannelTest, AgreesOnVersionsAndSendsWhatWaited) {
  Open();
  Ask();
  Ask();
  ASSERT_TRUE(Wait(2));
  EXPECT_TRUE(results_[0].ok() && results_[1].ok());
  EXPECT_EQ(broker_.received, (std::vector<int16_t>{18, 22, 22}));
  EXPECT_EQ(broker_.received_versions, (std::vector<int16_t>{4, 4, 4}));
  EXPECT_EQ(broker_.client_software_name, "soliton");
  EXPECT_TRUE(channel_->ready());
  EXPECT_EQ(channel_->outstanding(), 0u);
}

TEST_F(ClientChannelTest, FallsBackWhenTheBrokerIsOlder) {
  broker_.versions[18] = {0, 2};
  broker_.versions[22] = {0, 1};
  Open();
  Ask();
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(results_[0].ok());
  EXPECT_EQ(broker_.received_versions, (std::vector<int16_t>{4, 2, 1}));
}

TEST_F(ClientChannelTest, AnApiThatTheBrokerLacksFailsAlone) {
  broker_.versions.erase(22);
  Open();
  Ask();
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(absl::IsUnimplemented(results_[0]));
  EXPECT_FALSE(channel_->closed());
}

TEST_F(ClientChannelTest, NoAnswerInTimeClosesTheConnection) {
  broker_.handler = nullptr;
  Open();
  Ask(milliseconds(300));
  Ask(seconds(60));
  const MonotonicTime asked = world_.Now();
  ASSERT_TRUE(Wait(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(results_[0]));
  EXPECT_FALSE(results_[1].ok());
  EXPECT_LT(world_.Now() - asked, milliseconds(400));
  EXPECT_TRUE(channel_->closed());
  world_.RunFor(milliseconds(10));
  EXPECT_TRUE(closed_.has_value());
}

TEST_F(ClientChannelTest, ABrokenConnectionFailsEverythingAtOnce) {
  broker_.handler = nullptr;
  Open();
  Ask();
  Ask();
  world_.RunFor(milliseconds(100));
  broker_.node().Crash({.lose_unsynced = false});
  const MonotonicTime crashed = world_.Now();
  ASSERT_TRUE(Wait(2));
  EXPECT_TRUE(absl::IsUnavailable(results_[0]) && absl::IsUnavailable(results_[1]));
  EXPECT_LT(world_.Now() - crashed, milliseconds(200));
  Ask();  // a closed channel stays closed
  ASSERT_TRUE(Wait(3));
  EXPECT_TRUE(absl::IsUnavailable(results_[2]));
}

TEST_F(ClientChannelTest, ARefusedConnectionIsUnavailable) {
  broker_.node().Crash({.lose_unsynced = false});
  Open();
  Ask();
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(absl::IsUnavailable(results_[0]));
  world_.RunFor(milliseconds(1));
  EXPECT_TRUE(closed_.has_value());
}

TEST_F(ClientChannelTest, AnAnswerWithAWrongCorrelationIdClosesTheConnection) {
  broker_.handler = [](ScriptedBroker&, const kafka::RequestHeader& header, kafka::Decoder&,
                       FramedConnection& connection) {
    kafka::RequestHeader other = header;
    other.correlation_id += 1000;
    ScriptedBroker::Reply(other, connection, InitProducerIdResponse{});
  };
  Open();
  Ask();
  ASSERT_TRUE(Wait(1));
  EXPECT_FALSE(results_[0].ok());
  EXPECT_TRUE(channel_->closed());
}

TEST_F(ClientChannelTest, AnAnswerThatDoesNotDecodeIsDataLoss) {
  broker_.handler = [](ScriptedBroker&, const kafka::RequestHeader& header, kafka::Decoder&,
                       FramedConnection& connection) {
    Buffer frame = Buffer::Allocate(6);
    StoreBigEndian(frame.mutable_data(), header.correlation_id);
    frame.mutable_data()[4] = 0;  // no tagged fields
    frame.mutable_data()[5] = 0;  // a body cut short
    connection.Send(BufferChain(frame));
  };
  Open();
  Ask();
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(absl::IsDataLoss(results_[0])) << results_[0].ToString();
  EXPECT_TRUE(channel_->closed());
}

TEST_F(ClientChannelTest, ACallbackMayDestroyTheChannel) {
  Open();
  OnClient([this] {
    for (int i = 0; i < 3; ++i) {
      channel_->Send(InitProducerIdRequest{}, seconds(1),
                     [this](absl::StatusOr<InitProducerIdResponse> response) {
                       results_.push_back(response.status());
                       channel_.reset();
                     });
    }
  });
  world_.RunFor(seconds(2));
  EXPECT_EQ(results_.size(), 1u) << "the other callbacks are dropped with the channel";
}

TEST_F(ClientChannelTest, OneWayRequestsEndWhenSent) {
  Open();
  OnClient([this] {
    channel_->SendOneWay(InitProducerIdRequest{}, seconds(1),
                         [this](const absl::Status& sent) { results_.push_back(sent); });
  });
  broker_.handler = nullptr;  // as a broker does with acks=0
  ASSERT_TRUE(Wait(1));
  EXPECT_TRUE(results_[0].ok());
  world_.RunFor(seconds(5));
  EXPECT_FALSE(channel_->closed());
}

}  // namespace
}  // namespace soliton::producer
