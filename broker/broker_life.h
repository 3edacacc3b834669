// How a broker whose data directory is an older copy of itself (a backup, a snapshot of the
// machine) is told from one that only was away: its life, a number in a file of the directory that
// rises when the process begins and now and then while it runs. Heartbeats say it; the controller
// writes the largest down with what it decides about the broker, and takes one that begins with a
// number not above it for one that has lost what it held (S59). Blocking calls.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "runtime/file/file_system.h"

namespace soliton::broker {

inline constexpr std::string_view kBrokerLifeFile = "broker-life";

// 0: there is none, or it cannot be read; the controller will notice if there was one.
int64_t ReadLife(const FileSystem& files, const std::string& directory);
// Durable when it returns.
absl::Status WriteLife(FileSystem& files, const std::string& directory, int64_t life);

}  // namespace soliton::broker
