// Fetch sessions (KIP-227): an incremental session tells its client what full fetches would, and
// the cache is bounded.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "broker/server/fetch_session_cache.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::FetchRequest;
using kafka::FetchResponse;
using PartitionData = FetchResponse::PartitionData;

FetchRequest RequestFor(const std::set<int32_t>& partitions, int32_t id = 0, int32_t epoch = 0) {
  FetchRequest request;
  request.session_id = id;
  request.session_epoch = epoch;
  if (partitions.empty()) return request;
  auto& topic = request.topics.emplace_back();
  topic.topic = "t";
  for (int32_t partition : partitions) topic.partitions.emplace_back().partition = partition;
  return request;
}

kafka::Records Bytes(size_t count) {
  BufferChain chain;
  chain.Append(Buffer::CopyOf(std::string(count, 'x')));
  return kafka::Records(std::move(chain));
}

// What a broker's log would say now, without records.
struct Model {
  std::map<int32_t, PartitionData> state;

  void Step(Random& random) {
    for (auto& [index, data] : state) {
      if (random.Chance(1, 3)) data.high_watermark += random.Between(0, 2);
      if (random.Chance(1, 3)) data.last_stable_offset += random.Between(0, 2);
      if (random.Chance(1, 6)) data.log_start_offset += 1;
      data.error_code = random.Chance(1, 8) ? ErrorCode::NOT_LEADER_OR_FOLLOWER : ErrorCode::NONE;
    }
  }
  FetchResponse Answer(const FetchRequest& request, Random& random,
                       std::map<int32_t, int64_t>& sent) const {
    FetchResponse response;
    for (const auto& asked : request.topics) {
      auto& topic = response.responses.emplace_back();
      topic.topic = asked.topic;
      for (const auto& partition : asked.partitions) {
        PartitionData data = state.at(partition.partition);
        data.records = kafka::Records::Empty();
        if (data.error_code == ErrorCode::NONE && random.Chance(1, 4)) {
          data.records = Bytes(1 + random.Below(5));
        }
        sent[partition.partition] += static_cast<int64_t>(data.records.size_bytes());
        topic.partitions.push_back(std::move(data));
      }
    }
    return response;
  }
};

struct Client {
  std::map<int32_t, PartitionData> known;
  std::map<int32_t, int64_t> received;

  void Take(const FetchResponse& response) {
    for (const auto& topic : response.responses) {
      for (const auto& data : topic.partitions) {
        known[data.partition_index] = data;
        received[data.partition_index] += static_cast<int64_t>(data.records.size_bytes());
      }
    }
  }
};

TEST(FetchSessionProperty, AnIncrementalSessionTellsWhatFullFetchesWould) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Model model;
    for (int32_t index = 0; index < 8; ++index) model.state[index].partition_index = index;
    FetchSessionCache cache(4);
    std::set<int32_t> subscribed = {0, 1, 2};
    Client client;
    std::map<int32_t, int64_t> sent;
    const MonotonicTime now;
    FetchRequest full = RequestFor(subscribed);
    auto session = cache.Create(full, false, false, random, now);
    ASSERT_NE(session, nullptr);
    FetchResponse response = model.Answer(full, random, sent);
    session->core.Reduce(response, false);
    client.Take(response);
    for (int32_t epoch = 1; epoch <= 40; ++epoch) {
      model.Step(random);
      std::set<int32_t> named;
      FetchRequest request = RequestFor({}, session->id, epoch);
      for (int32_t index = 0; index < 8; ++index) {
        if (!random.Chance(1, 5)) continue;
        if (subscribed.contains(index) && subscribed.size() > 1 && random.Chance(1, 2)) {
          subscribed.erase(index);
          client.known.erase(index);
          auto& forgotten = request.forgotten_topics_data.emplace_back();
          forgotten.topic = "t";
          forgotten.partitions = {index};
        } else {
          subscribed.insert(index);
          named.insert(index);
        }
      }
      request.topics = RequestFor(named).topics;
      auto begun = cache.Begin(request, false, now);
      ASSERT_EQ(begun.error, ErrorCode::NONE);
      ASSERT_EQ(begun.session, session);
      std::set<int32_t> completed;
      for (const auto& topic : request.topics) {
        for (const auto& partition : topic.partitions) completed.insert(partition.partition);
      }
      ASSERT_EQ(completed, subscribed);
      response = model.Answer(request, random, sent);
      session->core.Reduce(response, true);
      client.Take(response);
      for (int32_t index : subscribed) {
        const PartitionData& knows = client.known[index];
        const PartitionData& is = model.state[index];
        ASSERT_EQ(knows.error_code, is.error_code);
        ASSERT_EQ(knows.high_watermark, is.high_watermark);
        ASSERT_EQ(knows.last_stable_offset, is.last_stable_offset);
        ASSERT_EQ(knows.log_start_offset, is.log_start_offset);
      }
      ASSERT_EQ(client.received, sent);
    }
  }
}

TEST(FetchSession, QuietPartitionsAreLeftOutAndBusyOnesGoToTheEnd) {
  FetchSessionCore core;
  core.Apply(RequestFor({0, 1, 2}));
  const auto answer = [](std::set<int32_t> with_records) {
    FetchResponse response;
    auto& topic = response.responses.emplace_back();
    topic.topic = "t";
    for (int32_t index = 0; index < 3; ++index) {
      auto& data = topic.partitions.emplace_back();
      data.partition_index = index;
      data.records = with_records.contains(index) ? Bytes(3) : kafka::Records::Empty();
    }
    return response;
  };
  FetchResponse response = answer({});
  core.Reduce(response, false);
  EXPECT_EQ(response.responses.at(0).partitions.size(), 3u);
  response = answer({});
  core.Reduce(response, true);
  EXPECT_TRUE(response.responses.empty());
  response = answer({0});
  core.Reduce(response, true);
  ASSERT_EQ(response.responses.at(0).partitions.size(), 1u);
  FetchRequest next;
  core.Complete(next);
  std::vector<int32_t> order;
  for (const auto& partition : next.topics.at(0).partitions) order.push_back(partition.partition);
  EXPECT_EQ(order, (std::vector<int32_t>{1, 2, 0}));
}

TEST(FetchSessionCacheTest, SlotsAreBoundedAndGivenUpByRule) {
  Random random(1);
  FetchSessionCache cache(2);
  const MonotonicTime start;
  const auto create = [&](std::set<int32_t> partitions, bool of_replica, Duration at) {
    return cache.Create(RequestFor(partitions), false, of_replica, random, start + at);
  };
  auto small = create({1}, false, seconds(0));
  auto large = create({1, 2, 3}, false, seconds(0));
  ASSERT_TRUE(small != nullptr && large != nullptr);
  EXPECT_NE(small->id, large->id);
  EXPECT_EQ(create({1, 2, 3, 4}, false, seconds(119)), nullptr) << "both are young";
  const auto use = [&](FetchSession& session, Duration at) {
    FetchRequest request = RequestFor({}, session.id, session.epoch);
    return cache.Begin(request, false, start + at).error;
  };
  EXPECT_EQ(use(*small, seconds(100)), ErrorCode::NONE);
  EXPECT_EQ(use(*large, seconds(100)), ErrorCode::NONE);
  EXPECT_EQ(create({1}, false, seconds(130)), nullptr) << "not larger than any";
  auto larger = create({1, 2}, false, seconds(130));
  ASSERT_NE(larger, nullptr) << "takes the place of the smallest";
  EXPECT_EQ(use(*small, seconds(130)), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  auto replica = create({1}, true, seconds(131));
  ASSERT_NE(replica, nullptr) << "a follower goes before any consumer";
  EXPECT_EQ(use(*large, seconds(131)), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_NE(create({1}, false, seconds(300)), nullptr) << "both were idle for long";
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(FetchSessionCache(0).Create(RequestFor({1}), false, true, random, start), nullptr);
}

TEST(FetchSessionCacheTest, EpochsWrapPastZero) {
  Random random(1);
  FetchSessionCache cache(1);
  auto session = cache.Create(RequestFor({1}), false, false, random, MonotonicTime());
  session->epoch = std::numeric_limits<int32_t>::max();
  FetchRequest request = RequestFor({}, session->id, session->epoch);
  EXPECT_EQ(cache.Begin(request, false, MonotonicTime()).error, ErrorCode::NONE);
  EXPECT_EQ(session->epoch, 1);
}

}  // namespace
}  // namespace soliton::broker
