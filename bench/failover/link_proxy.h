// A link to a node that can be cut without privileges: listens in the node's place, and passes
// frames on both ways until it is cut. Then nothing passes and nothing is closed, as with a pulled
// cable: connections hang, and new ones are taken and left alone. Healed, what was held back goes
// on. Knows frames (Kafka's: a length and so many bytes), not what is in them. Lives on one shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/ports.h"

namespace soliton::bench {

struct ProxyRoute {
  int32_t node = -1;
  Endpoint listen;  // what the node advertises
  Endpoint target;  // where it listens
};

// "1=127.0.0.1:29092=127.0.0.1:19092". kInvalidArgument says what is wrong.
absl::StatusOr<ProxyRoute> ParseProxyRoute(const std::string& text);

class LinkProxy {
 public:
  // Listens at once; connections to a node that does not run are closed.
  static absl::StatusOr<std::unique_ptr<LinkProxy>> Open(const Ports& ports,
                                                         const std::vector<ProxyRoute>& routes);
  ~LinkProxy();
  LinkProxy(const LinkProxy&) = delete;
  LinkProxy& operator=(const LinkProxy&) = delete;

  // kNotFound: no route to this node.
  absl::Status Cut(int32_t node);
  absl::Status Heal(int32_t node);

 private:
  class Link;
  class Line;
  LinkProxy() = default;

  std::map<int32_t, std::shared_ptr<Link>> links_;
};

}  // namespace soliton::bench
