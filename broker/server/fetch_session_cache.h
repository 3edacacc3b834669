// The fetch sessions (KIP-227) of one shard, bounded, pure. A session that is unknown here, since
// it was evicted or made on another shard, costs its client one more round trip: it is told so (70)
// and begins a new one with a full request.
//
// When all slots are taken, a new session takes the one that was unused for longest if that is
// kEvictionTime or more; else that of the smallest session that exists for as long and is smaller
// than the new one, where followers count as larger than any consumer. Otherwise its client goes on
// with full requests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "broker/server/fetch_session_core.h"
#include "protocol/messages/fetch.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

struct FetchSession {
  int32_t id = 0;
  int32_t epoch = 0;  // of the next request
  bool by_topic_id = false;
  bool of_replica = false;
  MonotonicTime created_at;
  MonotonicTime used_at;
  FetchSessionCore core;
};

class FetchSessionCache {
 public:
  static constexpr Duration kEvictionTime = seconds(120);

  explicit FetchSessionCache(size_t slots) : slots_(slots) {}

  struct Begun {
    kafka::ErrorCode error = kafka::ErrorCode::NONE;
    // Of an incremental request, which is a full one now; null for any other.
    std::shared_ptr<FetchSession> session;
  };
  // Looks at the session fields of `request`. A full request that names a session ends it.
  Begun Begin(kafka::FetchRequest& request, bool by_topic_id, MonotonicTime now);
  // A session for a full request with epoch 0; null when there is no room.
  std::shared_ptr<FetchSession> Create(const kafka::FetchRequest& request, bool by_topic_id,
                                       bool of_replica, Random& random, MonotonicTime now);
  size_t size() const { return sessions_.size(); }

 private:
  bool MakeRoom(size_t partitions, bool of_replica, MonotonicTime now);

  const size_t slots_;
  std::map<int32_t, std::shared_ptr<FetchSession>> sessions_;
};

}  // namespace soliton::broker
