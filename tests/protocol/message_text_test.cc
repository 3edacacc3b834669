#include <gtest/gtest.h>

#include "protocol/messages/fetch.h"
#include "protocol/messages/produce.h"

namespace soliton::kafka {
namespace {

TEST(MessageText, OneLineWithSizesInsteadOfBytes) {
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 1500;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "a\n\"b\"";
  topic.partition_data.emplace_back().records = Records(Buffer::Allocate(12));
  topic.partition_data.emplace_back().index = 3;
  EXPECT_EQ(request.ToString(),
            "ProduceRequest{acks=-1, timeout_ms=1500, topic_data=[{name=\"a\\x0a\\\"b\\\"\", "
            "partition_data=[{index=0, records=12B}, {index=3, records=null}]}]}");
}

TEST(MessageText, OptionalFieldsShowOnlyWhenSet) {
  FetchRequest::FetchPartition partition;
  EXPECT_EQ(partition.ToString(),
            "FetchPartition{partition=0, fetch_offset=0, partition_max_bytes=0}");
  partition.flushed_offset = 5;
  partition.unknown_tagged_fields.push_back({77, Buffer::Allocate(3)});
  EXPECT_EQ(partition.ToString(),
            "FetchPartition{partition=0, fetch_offset=0, partition_max_bytes=0, flushed_offset=5, "
            "tag77=3B}");
  FetchResponse::PartitionData data;
  data.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  EXPECT_NE(data.ToString().find("error_code=NOT_LEADER_OR_FOLLOWER"), std::string::npos);
}

}  // namespace
}  // namespace soliton::kafka
