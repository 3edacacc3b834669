#include "tests/sim/sim_node.h"

#include <fmt/format.h>

#include "runtime/base/check.h"

namespace soliton::sim {

SimNode::SimNode(SimWorld& world, SimNetwork& network, std::string name, SimNodeOptions options)
    : world_(world),
      network_(network),
      name_(std::move(name)),
      options_(options),
      id_(network.AddNode(name_)),
      clock_(world),
      files_(world.ForkRandom(name_ + "/disk").Next()) {
  files_.SetFaultGate([this] { return !world_.inspecting(); });
  files_.SetObserver([this](FileOperation operation, const std::string& path) {
    world_.MixTrace(uint64_t{id_} << 8 | static_cast<uint64_t>(operation));
    world_.MixTrace(path);
  });
}

SimNode::~SimNode() {
  if (alive()) Crash();
}

void SimNode::Restart() {
  CHECK(!alive(), "{} is running", name_);
  const std::string stream = fmt::format("{}/{}", name_, processes_.size());
  auto process = std::make_unique<Process>();
  process->process = std::make_shared<SimProcess>(SimProcess{&world_, id_, &clock_});
  process->shards = std::make_unique<SimShardSet>(*process->process, options_.shards, stream);
  process->transport = std::make_unique<SimTransport>(network_, process->process);
  process->disk = std::make_unique<SimDiskExecutor>(*process->process, options_.disk_latency,
                                                    world_.ForkRandom(stream + "/disk-executor"));
  current_ = process.get();
  processes_.push_back(std::move(process));
  world_.MixTrace(stream);
  network_.ProcessStarted(id_);
  if (boot_) current_->app = boot_(*this);
}

void SimNode::Crash(const CrashOptions& options) {
  CHECK(world_.current_shard() == nullptr, "{} crashed from inside a task", name_);
  CHECK(alive(), "{} is not running", name_);
  Process& process = *current_;
  current_ = nullptr;
  process.process->dead = true;
  world_.MixTrace(uint64_t{id_});
  files_.Freeze();
  network_.ProcessDied(id_, options.silent);
  process.app.reset();
  process.shards->DropAll();
  process.disk->DropAll();
  if (options.lose_unsynced) {
    files_.CrashAndRecover(options.model);
  } else {
    files_.ProcessExited();
  }
}

void SimNode::Pause() {
  CHECK(alive());
  current_->process->paused = true;
}

void SimNode::Resume() {
  CHECK(alive());
  if (!current_->process->paused) return;
  current_->process->paused = false;
  current_->shards->Resume();
  current_->disk->Resume();
}

void SimNode::StallDisk(Duration duration) {
  CHECK(alive());
  current_->disk->StallUntil(world_.Now() + duration);
}

Ports SimNode::ports() {
  CHECK(alive(), "{} is not running", name_);
  return Ports{current_->shards.get(), current_->transport.get(), &files_, current_->disk.get()};
}

void SimNode::Post(Task task) { current_->shards->shard(0).Post(std::move(task)); }

}  // namespace soliton::sim
