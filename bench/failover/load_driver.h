// The client whose outage is measured: our producer, or librdkafka where the build found it. Both
// are given records that are due and tell what became of each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/ports.h"

namespace soliton::bench {

enum class DriverKind { kSoliton, kLibrdkafka };

struct DriverOptions {
  DriverKind kind = DriverKind::kSoliton;
  std::vector<Endpoint> bootstrap;
  std::string topic;
  bool idempotence = true;
  // Further settings of librdkafka, by its names.
  std::vector<std::pair<std::string, std::string>> settings;
};

// Lives on one shard; called and calling back there, never inside a call but Poll.
class LoadDriver {
 public:
  // A record was acknowledged at `offset` (-1: the client was not told), or failed for good.
  using ResultCallback = std::function<void(int32_t partition, int64_t sequence,
                                            const absl::StatusOr<int64_t>& offset)>;

  // Records that are outstanding are dropped without a word.
  virtual ~LoadDriver() = default;
  // kResourceExhausted: too much is outstanding, try later. Acknowledged by all in-sync replicas.
  virtual absl::Status Send(int32_t partition, int64_t sequence, std::string value) = 0;
  // To be called every millisecond: a client with threads of its own hands its results out here.
  virtual void Poll() {}
  // `done` runs when every record sent before has ended.
  virtual void Flush(absl::AnyInvocable<void()> done) = 0;
};

// "soliton", "librdkafka 2.0.2".
std::string DriverName(DriverKind kind);

// kInvalidArgument: the client refuses a setting. kUnimplemented: built without librdkafka.
absl::StatusOr<std::unique_ptr<LoadDriver>> MakeLoadDriver(const Ports& ports, Shard& shard,
                                                           const DriverOptions& options,
                                                           LoadDriver::ResultCallback on_result);

}  // namespace soliton::bench
