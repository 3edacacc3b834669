#include "broker/partition/isr_proposals.h"

#include <gtest/gtest.h>

#include <set>

namespace soliton::broker {
namespace {

TopicPartition Id(int32_t partition) { return {{1, 1}, partition}; }

IsrProposal At(int32_t partition_epoch) {
  return {.leader_epoch = 1, .partition_epoch = partition_epoch, .new_isr = {{1, 101}}};
}

TEST(IsrProposalsTest, OneRequestAtATimeWithAllThatCameUp) {
  IsrProposals proposals;
  EXPECT_TRUE(proposals.StartRequest().empty());
  proposals.Add(Id(0), At(0));
  EXPECT_EQ(proposals.StartRequest().size(), 1u);
  proposals.Add(Id(1), At(0));
  proposals.Add(Id(2), At(0));
  EXPECT_TRUE(proposals.StartRequest().empty()) << "the first one is under way";
  proposals.OnRequestDone();
  EXPECT_EQ(proposals.StartRequest().size(), 2u);
  proposals.OnRequestDone();
  EXPECT_TRUE(proposals.StartRequest().empty());
  proposals.Add(Id(3), At(0));
  EXPECT_EQ(proposals.StartRequest().size(), 1u) << "an empty one was not under way";
}

TEST(IsrProposalsTest, TheNewestOfAPartitionCounts) {
  IsrProposals proposals;
  proposals.Add(Id(0), At(4));
  proposals.Add(Id(0), At(5));
  const IsrProposals::Request request = proposals.StartRequest();
  ASSERT_EQ(request.size(), 1u);
  EXPECT_EQ(request[0].second.partition_epoch, 5);
}

TEST(IsrProposalsTest, ARequestIsBoundedAndNothingIsLost) {
  constexpr int32_t kMany = 2 * int32_t{IsrProposals::kMostAtOnce} + 1;
  IsrProposals proposals;
  for (int32_t i = 0; i < kMany; ++i) proposals.Add(Id(i), At(0));
  std::set<int32_t> sent;
  int requests = 0;
  for (auto request = proposals.StartRequest(); !request.empty();
       request = proposals.StartRequest()) {
    EXPECT_LE(request.size(), IsrProposals::kMostAtOnce);
    for (const auto& [id, proposal] : request) sent.insert(id.partition);
    proposals.OnRequestDone();
    ++requests;
  }
  EXPECT_EQ(sent.size(), static_cast<size_t>(kMany));
  EXPECT_EQ(requests, 3);
}

}  // namespace
}  // namespace soliton::broker
