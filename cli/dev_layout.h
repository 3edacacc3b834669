// A cluster on this machine that `soliton dev` runs: which nodes, ports and files, and the text of
// their configuration. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/net/transport.h"

namespace soliton::cli {

inline constexpr int kMostDevNodes = 5;
// A controller listens this far above its broker.
inline constexpr int kDevControllerDistance = 100;

struct DevLayout {
  int nodes = 1;
  int port = 9092;        // of the first broker; the others follow
  std::string directory;  // from the root

  // Nodes that are also controllers: all of 1, 3 or 5; else one less.
  int voters() const { return nodes % 2 == 1 ? nodes : nodes - 1; }
  int replication_factor() const { return nodes < 3 ? nodes : 3; }
  int min_insync_replicas() const { return nodes < 3 ? 1 : 2; }

  Endpoint broker(int node) const;
  Endpoint controller(int node) const;
  std::string bootstrap() const;  // "127.0.0.1:9092,..."
  std::vector<uint16_t> ports() const;

  std::string node_directory(int node) const;
  std::string config_path(int node) const;
  std::string log_path(int node) const;
  std::string pid_path(int node) const;  // holds the id of the node's process
  std::string lock_path() const;         // held, and named in, by the process that runs the cluster
  std::string state_path() const;        // what ToState() says

  // The text of the configuration file.
  std::string ConfigOf(int node) const;
  // What is kept beside the data, so that the next start finds the same cluster.
  std::string ToState() const;
  // kDataLoss when it is none of ours.
  static absl::StatusOr<DevLayout> FromState(std::string_view text, std::string directory);
};

// How the settings differ from a node's defaults, a line each.
std::vector<std::string> DevDifferences(const DevLayout& layout);

}  // namespace soliton::cli
