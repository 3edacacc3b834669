// What ListOffsets answers to times and special values, by version; as Apache Kafka 4.3.1 does.
#include "protocol/messages/list_offsets.h"

#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

constexpr int64_t kFirst = 1'700'000'000'000;

class ListOffsetsRulesTest : public BrokerClusterTest {
 protected:
  using Found = kafka::ListOffsetsResponse::ListOffsetsPartitionResponse;

  Found Ask(const std::string& name, int64_t timestamp_ms, int16_t version,
            int8_t isolation_level = 0) {
    kafka::ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = isolation_level;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.partitions.emplace_back().timestamp = timestamp_ms;
    auto response = Call(1, request, version);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->topics.at(0).partitions.at(0);
  }
  // The record with the latest time is not the last one.
  void Fill(const Uuid& id) {
    for (int64_t timestamp_ms : {kFirst, kFirst + 1, kFirst - 5}) {
      kafka::BatchBuilder builder({});
      builder.Append(timestamp_ms, std::nullopt, "value");
      ASSERT_EQ(Result(Call(1, ProduceTo(id, 0, builder.Build()))).error_code, ErrorCode::NONE);
    }
  }
};

TEST_F(ListOffsetsRulesTest, SpecialValuesByVersion) {
  Start(1);
  Fill(CreateTopic("t", 1, 1, {}));
  struct Row {
    int64_t timestamp_ms;
    int16_t first_version;  // that knows the value
    int64_t offset;
    int64_t found_ms;
  };
  constexpr int16_t kNever = 100;
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
  const Row rows[] = {
      {-1, 1, 3, -1},          // latest
      {-2, 1, 0, -1},          // earliest
      {-3, 7, 1, kFirst + 1},  // largest time (KIP-734)
      {-4, 8, 0, -1},          // earliest on this disk (KIP-405)
      {-5, 9, -1, -1},         // latest in a remote tier (KIP-1005)
      {-6, 11, -1, -1},        // earliest not yet there (KIP-1023)
      {-7, kNever, -1, -1},    // nothing yet
      {kLowest, kNever, -1, -1},
      {0, 1, 0, kFirst},
      {kFirst - 5, 1, 0, kFirst},
      {kFirst + 1, 1, 1, kFirst + 1},
      {kFirst + 2, 1, -1, -1},
      {kHighest, 1, -1, -1},
  };
  for (int16_t version = 1; version <= 11; ++version) {
    for (const Row& row : rows) {
      SCOPED_TRACE(fmt::format("version {}, timestamp {}", version, row.timestamp_ms));
      const Found found = Ask("t", row.timestamp_ms, version);
      if (version < row.first_version) {
        EXPECT_EQ(found.error_code, ErrorCode::UNSUPPORTED_VERSION);
        EXPECT_EQ(found.offset, -1);
        continue;
      }
      EXPECT_EQ(found.error_code, ErrorCode::NONE);
      EXPECT_EQ(found.offset, row.offset);
      EXPECT_EQ(found.timestamp, row.found_ms);
      EXPECT_EQ(found.leader_epoch, version >= 4 && row.offset >= 0 ? 0 : -1);
    }
  }
}

TEST_F(ListOffsetsRulesTest, EmptyPartition) {
  Start(1);
  CreateTopic("t", 1, 1, {});
  for (int64_t timestamp_ms : {-1, -2, -4}) {
    EXPECT_EQ(Ask("t", timestamp_ms, 11).offset, 0) << timestamp_ms;
    EXPECT_EQ(Ask("t", timestamp_ms, 11).leader_epoch, 0) << timestamp_ms;
  }
  for (int64_t timestamp_ms : {-3, -5, -6, 0}) {
    EXPECT_EQ(Ask("t", timestamp_ms, 11).error_code, ErrorCode::NONE) << timestamp_ms;
    EXPECT_EQ(Ask("t", timestamp_ms, 11).offset, -1) << timestamp_ms;
  }
}

TEST_F(ListOffsetsRulesTest, IsolationLevelsThatThereAreNot) {
  Start(1);
  const Uuid id = CreateTopic("t", 1, 1, {});
  for (int level : {0, 1}) {
    EXPECT_EQ(Ask("t", -1, 11, static_cast<int8_t>(level)).error_code, ErrorCode::NONE);
    kafka::FetchRequest request = FetchFrom(id, 0, 0);
    request.isolation_level = static_cast<int8_t>(level);
    const auto fetched = Fetched(Call(1, request));
    EXPECT_EQ(fetched.error_code, ErrorCode::NONE);
    EXPECT_EQ(fetched.aborted_transactions.has_value(), level == 1);
  }
  for (int level : {-1, 2, 127}) {
    EXPECT_EQ(Ask("t", -1, 11, static_cast<int8_t>(level)).error_code, ErrorCode::INVALID_REQUEST);
    kafka::FetchRequest request = FetchFrom(id, 0, 0);
    request.isolation_level = static_cast<int8_t>(level);
    EXPECT_EQ(Fetched(Call(1, request)).error_code, ErrorCode::INVALID_REQUEST);
  }
}

}  // namespace
}  // namespace soliton::broker
