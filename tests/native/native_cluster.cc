#include "tests/native/native_cluster.h"

namespace soliton::native {
namespace {

// Starts `node` on shard 0 of new ports.
template <typename Node, typename Start>
void Launch(NodeProcess<Node>& process, const NativeOptions& options, Start start) {
  CHECK(!process.running());
  process.ports = std::make_unique<NativePorts>(options);
  process.ports->Start();
  RunOn(process.shard(), [&] {
    absl::StatusOr<std::unique_ptr<Node>> node = start(process.ports->ports());
    CHECK(node.ok(), "{}", node.status().ToString());
    process.node = *std::move(node);
    process.port = process.node->port();
  });
}

void Poll(Shard& shard, std::shared_ptr<std::promise<bool>> answer,
          std::shared_ptr<std::function<bool()>> holds, MonotonicTime deadline) {
  const bool held = (*holds)();
  if (held || shard.clock().Now() >= deadline) return answer->set_value(held);
  shard.ScheduleAfter(milliseconds(10),
                      [&shard, answer, holds, deadline] { Poll(shard, answer, holds, deadline); });
}

}  // namespace

bool AwaitOn(Shard& shard, std::function<bool()> holds) {
  auto answer = std::make_shared<std::promise<bool>>();
  std::future<bool> came = answer->get_future();
  auto shared = std::make_shared<std::function<bool()>>(std::move(holds));
  shard.Post(
      [&shard, answer, shared] { Poll(shard, answer, shared, shard.clock().Now() + kPatience); });
  return came.get();
}

NativeCluster::NativeCluster() = default;

NativeCluster::~NativeCluster() {
  for (auto& [id, broker] : brokers_) broker.process.Kill();
  controller_.Kill();
}

void NativeCluster::StartController() {
  controller::ControllerOptions options;
  options.node_id = 100;
  options.listen = {"127.0.0.1", controller_port_};
  options.data_directory = directory_.File("controller");
  Launch(controller_, {.shard_count = 1, .disk_thread_count = 1},
         [&](const Ports& ports) { return controller::ControllerNode::Start(ports, options); });
  controller_port_ = controller_.port;
}

void NativeCluster::StartBroker(int id) {
  BrokerProcess& broker = brokers_[id];
  broker::BrokerOptions options;
  options.node_id = id;
  options.controllers = {{"127.0.0.1", controller_port_}};
  options.listen = {"127.0.0.1", broker.port};
  options.data_directory = directory_.File(fmt::format("broker-{}", id));
  options.retention_check_interval = milliseconds(50);
  options.high_watermark_checkpoint_interval = milliseconds(50);
  options.topic_defaults.segment_bytes = 64 << 10;  // rolls happen
  auto serving = std::make_shared<std::promise<void>>();
  broker.serving = serving->get_future();
  broker::Broker::Events events;
  events.on_serving = [serving] { serving->set_value(); };
  events.on_fatal = [id](const absl::Status& why) {
    ADD_FAILURE() << "broker " << id << ": " << why.ToString();
  };
  Launch(broker.process, {.shard_count = kShards, .disk_thread_count = kDiskThreads},
         [&](const Ports& ports) { return broker::Broker::Start(ports, options, events); });
  broker.port = broker.process.port;
}

bool NativeCluster::AwaitServing(int id) { return Came(brokers_[id].serving); }

void NativeCluster::Start() {
  StartController();
  for (int id = 1; id <= kBrokers; ++id) StartBroker(id);
  for (int id = 1; id <= kBrokers; ++id) ASSERT_TRUE(AwaitServing(id)) << id;
}

Endpoint NativeCluster::AddressOf(int id) const { return {"127.0.0.1", brokers_.at(id).port}; }

std::vector<Endpoint> NativeCluster::Bootstrap() const {
  std::vector<Endpoint> all;
  for (const auto& [id, broker] : brokers_) all.push_back(AddressOf(id));
  return all;
}

}  // namespace soliton::native
