#include <pthread.h>

#include <random>

#include "runtime/base/check.h"
#include "runtime/loop/asio_shard.h"

namespace soliton {
namespace {

uint64_t SeedFromSystem() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

AsioShardSet::AsioShardSet(const ShardOptions& options) {
  CHECK(options.shard_count > 0, "{} shards", options.shard_count);
  // One generator seeds the others, so that a given seed fixes them all.
  Random seeds(options.seed.has_value() ? *options.seed : SeedFromSystem());
  for (int i = 0; i < options.shard_count; ++i) {
    shards_.push_back(std::make_unique<AsioShard>(i, clock_, seeds.Next()));
  }
}

AsioShardSet::~AsioShardSet() {
  if (!threads_.empty()) {
    Stop();
    Join();
  }
  DropPending();
}

void AsioShardSet::DropPending() {
  for (auto& shard : shards_) shard->DropPending();
}

void AsioShardSet::Start() {
  CHECK(threads_.empty(), "shards started twice");
  for (auto& shard : shards_) shard->Claim();
  for (auto& shard : shards_) {
    threads_.emplace_back([&loop = *shard] { loop.Run(); });
    pthread_setname_np(threads_.back().native_handle(),
                       fmt::format("shard-{}", shard->index()).c_str());
  }
}

void AsioShardSet::RunOnCaller() {
  CHECK(shards_.size() == 1, "{} shards cannot share the calling thread", shards_.size());
  shards_[0]->Claim();
  shards_[0]->Run();
}

void AsioShardSet::Stop() {
  for (auto& shard : shards_) shard->Stop();
}

void AsioShardSet::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  DropPending();
}

}  // namespace soliton
