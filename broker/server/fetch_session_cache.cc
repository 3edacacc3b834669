#include "broker/server/fetch_session_cache.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

constexpr int32_t kMaxEpoch = std::numeric_limits<int32_t>::max();

// 0 opens a session, so it is skipped.
int32_t EpochAfter(int32_t epoch) { return epoch == kMaxEpoch ? 1 : epoch + 1; }

}  // namespace

FetchSessionCache::Begun FetchSessionCache::Begin(kafka::FetchRequest& request, bool by_topic_id,
                                                  MonotonicTime now) {
  if (request.session_epoch <= 0) {
    sessions_.erase(request.session_id);
    return {};
  }
  auto found = sessions_.find(request.session_id);
  if (found == sessions_.end()) return {ErrorCode::FETCH_SESSION_ID_NOT_FOUND, nullptr};
  const std::shared_ptr<FetchSession> session = found->second;
  if (session->by_topic_id != by_topic_id)
    return {ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR, nullptr};
  if (session->epoch != request.session_epoch) {
    return {ErrorCode::INVALID_FETCH_SESSION_EPOCH, nullptr};
  }
  session->core.Apply(request);
  session->core.Complete(request);
  session->used_at = now;
  session->epoch = EpochAfter(session->epoch);
  if (session->core.size() == 0) {
    sessions_.erase(found);
    return {};
  }
  return {ErrorCode::NONE, session};
}

std::shared_ptr<FetchSession> FetchSessionCache::Create(const kafka::FetchRequest& request,
                                                        bool by_topic_id, bool of_replica,
                                                        Random& random, MonotonicTime now) {
  auto session = std::make_shared<FetchSession>();
  session->core.Apply(request);
  if (session->core.size() == 0 || !MakeRoom(session->core.size(), of_replica, now)) return nullptr;
  do {
    session->id = static_cast<int32_t>(random.Between(1, kMaxEpoch));
  } while (sessions_.contains(session->id));
  session->epoch = 1;
  session->by_topic_id = by_topic_id;
  session->of_replica = of_replica;
  session->created_at = now;
  session->used_at = now;
  sessions_[session->id] = session;
  return session;
}

bool FetchSessionCache::MakeRoom(size_t partitions, bool of_replica, MonotonicTime now) {
  if (sessions_.size() < slots_) return true;
  if (sessions_.empty()) return false;
  auto idle = std::min_element(
      sessions_.begin(), sessions_.end(),
      [](const auto& a, const auto& b) { return a.second->used_at < b.second->used_at; });
  if (now - idle->second->used_at >= kEvictionTime) {
    sessions_.erase(idle);
    return true;
  }
  const auto rank = [](const FetchSession& session) {
    return std::make_tuple(session.of_replica, session.core.size());
  };
  auto smallest = sessions_.end();
  for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
    if (now - it->second->created_at < kEvictionTime) continue;
    if (smallest == sessions_.end() || rank(*it->second) < rank(*smallest->second)) smallest = it;
  }
  if (smallest == sessions_.end()) return false;
  if (!(rank(*smallest->second) < std::make_tuple(of_replica, partitions))) return false;
  sessions_.erase(smallest);
  return true;
}

}  // namespace soliton::broker
