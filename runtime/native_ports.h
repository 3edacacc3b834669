// The production ports: shards over threads, TCP, POSIX files, disk threads. main() builds one,
// gives ports() to the node, and outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/ports.h"

namespace soliton {

class AsioShardSet;
class DiskThreads;
class SignalWatcher;

struct NativeOptions {
  int shard_count = 1;
  // 0 for clients: ports().files and ports().disk are null then.
  int disk_thread_count = 1;
  // For the shards' Random; drawn from the operating system when not set.
  std::optional<uint64_t> seed;
  // TCP_CONGESTION for peers on this machine; empty leaves the system's default.
  std::string loopback_congestion_control = "cubic";
};

class NativePorts {
 public:
  explicit NativePorts(const NativeOptions& options);
  // Stops and joins.
  ~NativePorts();

  const Ports& ports() const { return ports_; }

  // `handler` runs with the signal's number on the first shard at SIGINT, SIGTERM and SIGHUP. Call
  // before Start or RunOnCaller, once.
  void WatchSignals(std::function<void(int)> handler);

  // One thread per shard, until Stop.
  void Start();
  // A set of one shard on the calling thread, until Stop. May be called again.
  void RunOnCaller();
  // Any thread, also a shard's own.
  void Stop();
  // Waits for the shards' threads, dropping what they left queued, then for the work of the disk
  // threads. No thread touches the node after it, so that it can be destroyed.
  void Join();

 private:
  // Replies of the disk threads go to the shards, so those are declared first and destroyed last.
  std::unique_ptr<AsioShardSet> shards_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<DiskThreads> disk_;
  std::unique_ptr<SignalWatcher> signals_;
  Ports ports_;
};

}  // namespace soliton
