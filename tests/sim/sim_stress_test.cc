// The simulator under its own faults: processes that chatter and write while a nemesis crashes,
// cuts, pauses and resets. Streams stay in order without gaps, synced data survives, everything
// goes on after healing, and the whole run is a function of its seed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_node.h"

namespace soliton::sim {
namespace {

constexpr int kNodes = 3;
constexpr uint16_t kPort = 9092;

// One end of a stream of numbered frames.
struct Stream : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  uint64_t next_to_send = 0;
  uint64_t next_to_receive = 0;
  uint64_t* received_in_all = nullptr;
  bool closed = false;

  void OnFrame(Buffer frame) override {
    uint64_t number = 0;
    ASSERT_EQ(frame.size() % 1000, sizeof number);
    std::memcpy(&number, frame.data(), sizeof number);
    ASSERT_EQ(number, next_to_receive) << "gap or reordering within a connection";
    ++next_to_receive;
    ++*received_in_all;
  }
  void OnClosed(const absl::Status&) override { closed = true; }
  void SendNext(uint64_t padding_blocks) {
    Buffer frame = Buffer::Allocate(sizeof next_to_send + 1000 * padding_blocks);
    std::memset(frame.mutable_data(), 0, frame.size());
    std::memcpy(frame.mutable_data(), &next_to_send, sizeof next_to_send);
    ++next_to_send;
    connection->Send(BufferChain(std::move(frame)));
  }
};

class Chatter {
 public:
  Chatter(SimNode& node, uint64_t* received) : ports_(node.ports()), received_(received) {
    auto listener = ports_.transport->Listen(
        {"", kPort}, {}, *ports_.shards,
        [this](Shard&, std::shared_ptr<FramedConnection> c) { Begin(std::move(c)); });
    EXPECT_TRUE(listener.ok());
    listener_ = std::move(*listener);
    file_ = *ports_.files->Open("log", OpenMode::kReadWriteOrCreate);
    EXPECT_TRUE(ports_.files->SyncDirectory(".").ok());
    RepairTail();
    for (int i = 1; i <= kNodes; ++i) {
      const std::string peer = fmt::format("node-{}", i);
      if (peer != node.name()) shard().Post([this, peer] { Dial(peer); });
    }
    shard().Post([this] { Tick(); });
  }
  int64_t synced_bytes() const { return synced_bytes_; }

 private:
  Shard& shard() { return ports_.shards->shard(0); }

  // A crash may have left a torn tail: cut it off, as recovery would.
  void RepairTail() {
    const std::string text = *ReadFile(*ports_.files, "log");
    const size_t good = std::min(text.find_first_not_of('x'), text.size());
    EXPECT_TRUE(file_->Truncate(static_cast<int64_t>(good)).ok());
    EXPECT_TRUE(file_->Sync().ok());
  }

  void Dial(const std::string& peer) {
    ports_.transport->Connect(
        shard(), {peer, kPort}, {}, milliseconds(500),
        [this, peer](absl::StatusOr<std::shared_ptr<FramedConnection>> result) {
          if (result.ok()) Begin(std::move(*result));
          shard().ScheduleAfter(milliseconds(shard().random().Between(20, 200)),
                                [this, peer] { Dial(peer); });
        });
  }
  void Begin(std::shared_ptr<FramedConnection> connection) {
    auto stream = std::make_unique<Stream>();
    stream->received_in_all = received_;
    stream->connection = std::move(connection);
    stream->connection->Start(stream.get());
    streams_.push_back(std::move(stream));
  }
  void Tick() {
    Random& random = shard().random();
    std::erase_if(streams_, [&](const auto& stream) {
      return stream->closed || random.Chance(1, 200);  // sometimes lets go without a word
    });
    for (const auto& stream : streams_) {
      if (random.Chance(1, 100)) stream->connection->PauseReading();
      if (random.Chance(1, 10)) stream->connection->ResumeReading();
      if (random.Chance(1, 300)) stream->connection->Close();
      stream->SendNext(random.Below(20));
    }
    const Buffer bytes = Buffer::CopyOf(std::string(random.Below(2000), 'x'));
    EXPECT_TRUE(file_->Append({&bytes, 1}).ok());
    const int64_t size = file_->size_bytes();
    ports_.disk->Submit(
        1, shard(), [file = file_] { EXPECT_TRUE(file->Sync().ok()); },
        [this, size] { synced_bytes_ = size; });
    shard().ScheduleAfter(milliseconds(10), [this] { Tick(); });
  }

  Ports ports_;
  uint64_t* received_;
  std::unique_ptr<Listener> listener_;
  std::shared_ptr<File> file_;
  int64_t synced_bytes_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;
};

class Scene {
 public:
  explicit Scene(uint64_t seed) : world_(seed), random_(world_.ForkRandom("nemesis")) {
    for (int i = 1; i <= kNodes; ++i) {
      nodes_.push_back(std::make_unique<SimNode>(world_, network_, fmt::format("node-{}", i)));
      uint64_t* received = &received_[i];
      nodes_.back()->SetBoot(
          [received](SimNode& node) { return std::make_shared<Chatter>(node, received); });
      nodes_.back()->Restart();
    }
  }
  void Safety(Duration how_long) {
    const MonotonicTime end = world_.Now() + how_long;
    while (world_.Now() < end) {
      world_.RunFor(milliseconds(random_.Between(1, 100)));
      Strike();
    }
  }
  void Heal() {
    network_.HealAll();
    for (auto& node : nodes_) {
      if (!node->alive()) node->Restart();
      node->Resume();
    }
    world_.RunFor(seconds(1));
  }
  std::map<int, uint64_t> received() const { return received_; }
  uint64_t trace_hash() const { return world_.trace_hash(); }
  void RunFor(Duration duration) { world_.RunFor(duration); }

 private:
  void Strike() {
    SimNode& node = *nodes_[random_.Below(kNodes)];
    const NodeId other = nodes_[random_.Below(kNodes)]->id();
    switch (random_.Below(10)) {
      case 0:
        return network_.Cut(node.id(), other);
      case 1:
        return network_.CutOneWay(node.id(), other);
      case 2:
        return network_.Isolate(node.id());
      case 3:
        return network_.ResetConnections(node.id(), other);
      case 4:
        return network_.Heal(node.id(), other);
      case 5:
        return network_.HealAll();
      case 6:
        return node.alive() ? node.Pause() : node.Restart();
      case 7:
        return node.alive() ? node.Resume() : node.Restart();
      case 8:
        return node.alive() ? Crash(node) : node.Restart();
      default:
        if (node.alive()) node.StallDisk(milliseconds(random_.Between(1, 300)));
    }
  }
  void Crash(SimNode& node) {
    const int64_t synced = node.app<Chatter>()->synced_bytes();
    const bool lose = random_.Chance(2, 3);
    node.Crash({.lose_unsynced = lose, .silent = random_.Chance(1, 4)});
    const std::string log = *ReadFile(node.files(), "log");
    EXPECT_GE(static_cast<int64_t>(log.size()), synced);
    EXPECT_EQ(log.substr(0, static_cast<size_t>(synced)).find_first_not_of('x'), std::string::npos);
  }

  SimWorld world_;
  SimNetwork network_{world_, {}};
  Random random_;
  std::map<int, uint64_t> received_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
};

TEST(SimStressTest, StreamsAndDisksKeepTheirPromisesAndRunsRepeat) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    uint64_t hash[2];
    for (uint64_t& run_hash : hash) {
      Scene scene(seed);
      scene.Safety(seconds(5));
      scene.Heal();
      const std::map<int, uint64_t> before = scene.received();
      scene.RunFor(seconds(2));
      for (const auto& [node, count] : scene.received()) {
        EXPECT_GT(count, before.at(node) + 50) << "node " << node << " hears nothing after healing";
      }
      run_hash = scene.trace_hash();
      if (HasFatalFailure()) return;
    }
    EXPECT_EQ(hash[0], hash[1]);
  }
}

}  // namespace
}  // namespace soliton::sim
