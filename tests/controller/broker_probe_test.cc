#include "controller/broker_probe.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_network.h"
#include "tests/sim/sim_node.h"

namespace soliton::controller {
namespace {

// A process that accepts connections until told not to, and answers unless told not to.
class Target {
 public:
  explicit Target(sim::SimNode& node) : ports_(node.ports()) {
    node.Post([this] {
      listener_ = *ports_.transport->Listen(
          {"", 9092}, {}, *ports_.shards,
          [this](Shard&, std::shared_ptr<FramedConnection> connection) {
            ++accepted_;
            if (dropping_) return;
            peers_.push_back(std::make_unique<Peer>(*this, std::move(connection)));
          });
    });
  }
  void FallSilent() { silent_ = true; }
  void DropConnections() {
    dropping_ = true;
    peers_.clear();
  }
  int accepted() const { return accepted_; }

 private:
  class Peer final : public ConnectionHandler {
   public:
    Peer(Target& target, std::shared_ptr<FramedConnection> connection)
        : target_(target), connection_(std::move(connection)) {
      connection_->Start(this);
    }
    void OnFrame(Buffer frame) override {
      if (!target_.silent_) connection_->Send(BufferChain(std::move(frame)));
    }
    void OnClosed(const absl::Status&) override {}

   private:
    Target& target_;
    std::shared_ptr<FramedConnection> connection_;
  };

  Ports ports_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Peer>> peers_;
  bool silent_ = false;
  bool dropping_ = false;
  int accepted_ = 0;
};

class Prober {
 public:
  explicit Prober(sim::SimNode& node)
      : probe_(*node.ports().transport, node.ports().shards->shard(0), milliseconds(500),
               {.on_dead = [this](const BrokerIncarnation& broker) { dead_.push_back(broker); },
                .on_silent =
                    [this](const BrokerIncarnation& broker, MonotonicTime asked_at) {
                      silent_.push_back(broker);
                      asked_at_ = asked_at;
                    }}) {}
  BrokerProbe& probe() { return probe_; }
  const std::vector<BrokerIncarnation>& dead() const { return dead_; }
  const std::vector<BrokerIncarnation>& silent() const { return silent_; }
  MonotonicTime asked_at() const { return asked_at_; }

 private:
  std::vector<BrokerIncarnation> dead_;
  std::vector<BrokerIncarnation> silent_;
  MonotonicTime asked_at_{};
  BrokerProbe probe_;
};

class BrokerProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    target_.SetBoot([](sim::SimNode& node) { return std::make_shared<Target>(node); });
    prober_.SetBoot([](sim::SimNode& node) { return std::make_shared<Prober>(node); });
    target_.Restart();
    prober_.Restart();
    world_.RunFor(milliseconds(10));
  }
  void Probe() {
    prober_.Post([this] { prober().probe().Start({1, 5}, {"target", 9092}); });
  }
  Prober& prober() { return *prober_.app<Prober>(); }
  Target& target() { return *target_.app<Target>(); }

  sim::SimWorld world_{5};
  sim::SimNetwork network_{world_, {}};
  sim::SimNode target_{world_, network_, "target"};
  sim::SimNode prober_{world_, network_, "prober"};
};

TEST_F(BrokerProbeTest, RefusedMeansDead) {
  target_.Crash({.lose_unsynced = false});
  Probe();
  EXPECT_TRUE(world_.RunUntil([&] { return prober().dead().size() == 1; }, milliseconds(20)));
  world_.RunFor(seconds(5));
  EXPECT_EQ(prober().dead(), (std::vector<BrokerIncarnation>{{1, 5}}));
}

TEST_F(BrokerProbeTest, WhoAnswersIsNeitherDeadNorSilent) {
  Probe();
  world_.RunFor(seconds(5));
  EXPECT_TRUE(prober().dead().empty());
  EXPECT_TRUE(prober().silent().empty());
  EXPECT_EQ(target().accepted(), 1);
}

TEST_F(BrokerProbeTest, AcceptedIsNoAnswer) {
  target().FallSilent();
  const MonotonicTime begin = world_.Now();
  Probe();
  world_.RunFor(milliseconds(400));
  EXPECT_TRUE(prober().silent().empty());
  world_.RunFor(milliseconds(200));
  EXPECT_EQ(prober().silent(), (std::vector<BrokerIncarnation>{{1, 5}}));
  EXPECT_LT(prober().asked_at() - begin, milliseconds(1));
  EXPECT_TRUE(prober().dead().empty());
}

TEST_F(BrokerProbeTest, NoAnswerToTheCallIsSilenceToo) {
  target_.Crash({.silent = true});
  Probe();
  world_.RunFor(seconds(5));
  EXPECT_TRUE(prober().dead().empty());
  EXPECT_EQ(prober().silent().size(), 1u);
}

TEST_F(BrokerProbeTest, OneIsProbedOnceAtATime) {
  target().FallSilent();
  Probe();
  Probe();
  world_.RunFor(seconds(1));
  EXPECT_EQ(target().accepted(), 1);
  EXPECT_EQ(prober().silent().size(), 1u);
  Probe();
  world_.RunFor(seconds(1));
  EXPECT_EQ(prober().silent().size(), 2u);
}

// A process that is being torn down still accepts for a moment.
TEST_F(BrokerProbeTest, ADyingProcessIsDialledAgain) {
  Probe();
  world_.RunFor(milliseconds(20));
  target_.Crash({.lose_unsynced = false});
  EXPECT_TRUE(world_.RunUntil([&] { return prober().dead().size() == 1; }, milliseconds(100)));
}

TEST_F(BrokerProbeTest, APeerThatDropsEveryConnectionIsNotDialledForEver) {
  target().DropConnections();
  Probe();
  world_.RunFor(seconds(5));
  EXPECT_TRUE(prober().dead().empty());
  EXPECT_GT(target().accepted(), 1);
  EXPECT_LT(target().accepted(), 20);
}

TEST_F(BrokerProbeTest, MayBeDestroyedWhileItProbes) {
  Probe();
  world_.RunFor(microseconds(50));
  prober_.Crash();
  world_.RunFor(seconds(1));
  SUCCEED();
}

}  // namespace
}  // namespace soliton::controller
