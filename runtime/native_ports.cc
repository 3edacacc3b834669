#include "runtime/native_ports.h"

#include "runtime/base/check.h"
#include "runtime/file/disk_thread.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/loop/asio_shard.h"
#include "runtime/loop/signals.h"
#include "runtime/net/socket_options.h"
#include "runtime/net/tcp_transport.h"

namespace soliton {

NativePorts::NativePorts(const NativeOptions& options)
    : shards_(std::make_unique<AsioShardSet>(ShardOptions{options.shard_count, options.seed})),
      transport_(std::make_unique<TcpTransport>(TcpOptions{options.loopback_congestion_control})) {
  ports_.shards = shards_.get();
  ports_.transport = transport_.get();
  if (options.disk_thread_count > 0) {
    files_ = std::make_unique<PosixFileSystem>();
    disk_ = std::make_unique<DiskThreads>(options.disk_thread_count);
    ports_.files = files_.get();
    ports_.disk = disk_.get();
  }
}

NativePorts::~NativePorts() {
  Stop();
  Join();
}

void NativePorts::WatchSignals(std::function<void(int)> handler) {
  CHECK(signals_ == nullptr, "signals are watched already");
  signals_ = OnSignal(*shards_, std::move(handler));
}

void NativePorts::Start() { shards_->Start(); }
void NativePorts::RunOnCaller() { shards_->RunOnCaller(); }
void NativePorts::Stop() { shards_->Stop(); }
void NativePorts::Join() {
  shards_->Join();
  if (disk_ == nullptr) return;
  disk_->Join();
  shards_->Join();  // drops the replies
}

}  // namespace soliton
