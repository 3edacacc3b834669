// Runs work on the shards that own partitions and brings the results back in order: the one way in
// which a handler reaches partitions. Work for partitions of the home shard runs at once, without a
// message.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "broker/broker_shard.h"

namespace soliton::broker {

// `work(owner, indexes, results)` runs once on each owner shard with the positions in `ids` that it
// owns, in order, and appends one result for each. `done` gets results[i] for ids[i], on the home
// shard; inside this call when no other shard is concerned.
template <typename Result>
void ScatterToOwners(BrokerShard& home, const std::vector<TopicPartition>& ids,
                     std::function<void(BrokerShard& owner, const std::vector<size_t>& indexes,
                                        std::vector<Result>& results)>
                         work,
                     absl::AnyInvocable<void(std::vector<Result>)> done) {
  struct Gather {
    std::vector<Result> results;
    size_t missing = 0;
    absl::AnyInvocable<void(std::vector<Result>)> done;
  };
  std::map<int, std::vector<size_t>> by_shard;
  for (size_t i = 0; i < ids.size(); ++i) {
    by_shard[home.context().OwnerOf(ids[i]).shard().index()].push_back(i);
  }
  auto gather = std::make_shared<Gather>();
  gather->results.resize(ids.size());
  gather->missing = by_shard.size();
  gather->done = std::move(done);
  if (by_shard.empty()) {
    gather->done({});
    return;
  }
  const auto collect = [gather](const std::vector<size_t>& indexes, std::vector<Result> part) {
    for (size_t i = 0; i < indexes.size(); ++i) gather->results[indexes[i]] = std::move(part[i]);
    if (--gather->missing == 0) gather->done(std::move(gather->results));
  };
  for (auto& [shard_index, owned] : by_shard) {
    BrokerShard& owner = *home.context().shards[static_cast<size_t>(shard_index)];
    if (&owner == &home) continue;
    owner.shard().Post([&owner, &home, work, collect, indexes = std::move(owned)] {
      std::vector<Result> part;
      part.reserve(indexes.size());
      work(owner, indexes, part);
      home.shard().Post([collect, indexes, part = std::move(part)]() mutable {
        collect(indexes, std::move(part));
      });
    });
  }
  if (auto local = by_shard.find(home.shard().index()); local != by_shard.end()) {
    std::vector<Result> part;
    part.reserve(local->second.size());
    work(home, local->second, part);
    collect(local->second, std::move(part));
  }
}

// The one shard that owns all of `ids`, when it is not `home`; else null.
inline BrokerShard* SoleOwnerElsewhere(const BrokerShard& home,
                                       const std::vector<TopicPartition>& ids) {
  BrokerShard* sole = nullptr;
  for (const TopicPartition& id : ids) {
    BrokerShard& owner = home.context().OwnerOf(id);
    if (&owner == &home || (sole != nullptr && sole != &owner)) return nullptr;
    sole = &owner;
  }
  return sole;
}

// Why `owner` cannot serve a partition that metadata knows.
inline kafka::ErrorCode AbsenceError(const BrokerShard& owner, const TopicPartition& id) {
  return owner.partitions().AbsenceError(id);
}

}  // namespace soliton::broker
