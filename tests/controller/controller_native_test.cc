// Controller and client over real sockets, files and disk threads: what the simulator cannot say.
#include <gtest/gtest.h>

#include <functional>

#include "controller/client/controller_client.h"
#include "controller/controller_node.h"
#include "runtime/native_ports.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

class IgnorePeer final : public ConnectionHandler {
 public:
  void OnFrame(Buffer) override {}
  void OnClosed(const absl::Status&) override {}
};

// A broker's listener and client on the shard of the test.
class NativeBroker {
 public:
  NativeBroker(const Ports& ports, int32_t id, uint16_t controller_port,
               std::function<void()> on_change)
      : on_change_(std::move(on_change)) {
    Shard& shard = ports.shards->shard(0);
    auto listener =
        ports.transport->Listen({"127.0.0.1", 0}, {}, *ports.shards,
                                [this](Shard&, std::shared_ptr<FramedConnection> connection) {
                                  peers_.push_back(std::move(connection));
                                  peers_.back()->Start(&ignore_);
                                });
    EXPECT_TRUE(listener.ok()) << listener.status().ToString();
    listener_ = *std::move(listener);
    ControllerClientOptions options;
    options.controllers = {{"127.0.0.1", controller_port}};
    options.broker_id = id;
    options.incarnation_id = Uuid::Generate(shard.random());
    options.advertised = {"127.0.0.1", listener_->port()};
    client_ = ControllerClient::Create(
        ports, shard, options,
        {.on_image = [this](MetadataImagePtr, const MetadataDelta&) { on_change_(); }});
    client_->Start();
    client_->SetReady();
  }

  ControllerClient& client() { return *client_; }
  bool SeesUsable(int32_t id) const {
    const BrokerInfo* broker = client_->image()->FindBroker(id);
    return broker != nullptr && broker->usable();
  }

 private:
  std::function<void()> on_change_;
  IgnorePeer ignore_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::shared_ptr<FramedConnection>> peers_;
  std::unique_ptr<ControllerClient> client_;
};

class ControllerNativeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel(LogLevel::kOff);
    directory_ =
        JoinPath(::testing::TempDir(), "controller-" + Uuid::Generate(shard().random()).ToString());
  }
  void TearDown() override {
    // Everything goes on its shard.
    Run([this](auto done) {
      brokers_.clear();
      controller_.reset();
      done();
    });
    EXPECT_TRUE(ports_.ports().files->RemoveTree(directory_).ok());
  }

  Shard& shard() { return ports_.ports().shards->shard(0); }

  // Runs the loop until the task has called `done`; fails after a while.
  void Run(std::function<void(std::function<void()> done)> task) {
    bool finished = false;
    shard().Post([&] {
      task([&] {
        finished = true;
        ports_.Stop();
      });
    });
    TimerId limit = 0;
    shard().Post([&] { limit = shard().ScheduleAfter(seconds(20), [this] { ports_.Stop(); }); });
    ports_.RunOnCaller();
    EXPECT_TRUE(finished) << "nothing happened within 20 s";
    shard().Post([&] {
      EXPECT_TRUE(!finished || shard().CancelTimer(limit));
      ports_.Stop();
    });
    ports_.RunOnCaller();
  }
  // Runs until `holds` after some broker got a new image.
  void RunUntil(std::function<bool()> holds) {
    Run([&](auto done) {
      changed_ = [holds, done] {
        if (holds()) done();
      };
      changed_();
    });
    changed_ = nullptr;
  }

  void StartController() {
    ControllerOptions options;
    options.node_id = 100;
    options.listen = {"127.0.0.1", port_};
    options.data_directory = directory_;
    auto controller = ControllerNode::Start(ports_.ports(), options);
    ASSERT_TRUE(controller.ok()) << controller.status().ToString();
    controller_ = *std::move(controller);
    port_ = controller_->port();
  }
  void StartBroker(int32_t id) {
    brokers_[id] = std::make_unique<NativeBroker>(ports_.ports(), id, port_, [this] {
      if (changed_) changed_();
    });
  }

  NativePorts ports_{{}};
  std::string directory_;
  uint16_t port_ = 0;
  std::unique_ptr<ControllerNode> controller_;
  std::map<int32_t, std::unique_ptr<NativeBroker>> brokers_;
  std::function<void()> changed_;
};

TEST_F(ControllerNativeTest, FailsOverAndRestarts) {
  Run([this](auto done) {
    StartController();
    StartBroker(1);
    StartBroker(2);
    done();
  });
  RunUntil([this] { return brokers_[2]->SeesUsable(1) && brokers_[2]->SeesUsable(2); });

  Uuid topic;
  Run([&](auto done) {
    brokers_[2]->client().CreateTopics(
        {{.name = "t", .assignments = {{1, 2}}}}, false, seconds(5),
        [&topic, done](absl::StatusOr<std::vector<TopicResult>> results) {
          EXPECT_TRUE(results.ok()) << results.status().ToString();
          if (results.ok()) topic = results->front().topic_id;
          done();
        });
  });
  ASSERT_NE(brokers_[2]->client().image()->FindPartition(topic, 0), nullptr);

  // Broker 1 dies: its sockets close, its port refuses.
  const MonotonicTime killed = shard().clock().Now();
  Run([this](auto done) {
    brokers_.erase(1);
    done();
  });
  RunUntil([&] { return brokers_[2]->client().image()->FindPartition(topic, 0)->leader == 2; });
  EXPECT_LT(shard().clock().Now() - killed, seconds(5)) << "not by the session timeout of 9 s";

  const int64_t offset = brokers_[2]->client().image()->offset;
  Run([this](auto done) {
    controller_.reset();  // abruptly
    StartController();
    done();
  });
  RunUntil([&] { return brokers_[2]->client().image()->offset > offset; });
  EXPECT_EQ(brokers_[2]->client().image()->FindPartition(topic, 0)->leader, 2);
  Run([this](auto done) {
    controller_->Stop([done](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status.ToString();
      done();
    });
  });
}

}  // namespace
}  // namespace soliton::controller
