// What `soliton dev` keeps on disk and finds out about the processes that it started, also those
// of an earlier run. Blocking, main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/dev_layout.h"
#include "runtime/file/file_system.h"

namespace soliton::cli {

// The cluster that `directory` holds; kNotFound when it holds none.
absl::StatusOr<DevLayout> ReadDevLayout(const std::string& directory);
// The state and a configuration file per node.
absl::Status WriteDevFiles(const DevLayout& layout);

// Held while a cluster runs. kFailedPrecondition names the process that holds it.
absl::StatusOr<std::unique_ptr<FileLock>> LockDevDirectory(const DevLayout& layout);
// The `soliton dev` that runs the cluster now.
std::optional<int> DevSupervisor(const DevLayout& layout);
// The process of a node, when it runs.
std::optional<int> DevNodePid(const DevLayout& layout, int node);
absl::Status WriteDevNodePid(const DevLayout& layout, int node, int pid);

// What a node has printed from `offset` on, and how much it has printed at all. Empty and 0 when
// there is nothing.
std::string DevNodeOutput(const DevLayout& layout, int node, int64_t offset);
int64_t DevNodeOutputBytes(const DevLayout& layout, int node);

// "port 9092 is held by process 12 (java); ..." Empty: all are free.
std::string TakenPorts(const DevLayout& layout);

}  // namespace soliton::cli
