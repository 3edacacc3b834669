// The ports that a node (broker, controller, client) is built from. Production fills them with
// POSIX, TCP and threads (runtime/native_ports.h); the simulator with its world. All outlive the
// node.
#pragma once

#include "runtime/file/disk_executor.h"
#include "runtime/file/file_system.h"
#include "runtime/loop/shard_set.h"
#include "runtime/net/transport.h"

namespace soliton {

struct Ports {
  ShardSet* shards = nullptr;
  Transport* transport = nullptr;
  FileSystem* files = nullptr;   // null for clients
  DiskExecutor* disk = nullptr;  // null for clients
};

}  // namespace soliton
