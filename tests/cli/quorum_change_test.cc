// The way to one voter more, or less, look by look.
#include "cli/quorum_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

using ::testing::HasSubstr;
using Kind = QuorumChangeStep::Kind;

Uuid Disk(int32_t node_id, uint64_t which = 1) { return {which, static_cast<uint64_t>(node_id)}; }

QuorumMember Member(int32_t node_id, bool voter, uint64_t disk = 1) {
  QuorumMember member;
  member.node_id = node_id;
  member.directory_id = Disk(node_id, disk);
  member.log_end_offset = 1000;
  member.voter = voter;
  member.leads = node_id == 1;
  member.endpoint = {"h", static_cast<uint16_t>(9090 + node_id)};
  return member;
}

// Voters 1, 2 and 3; controller 4 follows, and broker 5.
QuorumView Quorum() {
  QuorumView view{.leader_id = 1, .epoch = 7, .high_watermark = 1000, .members = {}};
  for (int32_t id = 1; id <= 4; ++id) view.members.push_back(Member(id, id <= 3));
  view.members.push_back(Member(5, false));
  view.members.back().endpoint = {};
  return view;
}

QuorumChangeStep Add(const QuorumView& view, int32_t node_id,
                     std::optional<Uuid> directory_id = std::nullopt,
                     std::optional<Uuid> asked_for = std::nullopt) {
  return NextStep(view, {.add = true, .node_id = node_id, .directory_id = directory_id}, asked_for);
}
QuorumChangeStep Remove(const QuorumView& view, int32_t node_id,
                        std::optional<Uuid> directory_id = std::nullopt,
                        std::optional<Uuid> asked_for = std::nullopt) {
  return NextStep(view, {.add = false, .node_id = node_id, .directory_id = directory_id},
                  asked_for);
}

TEST(QuorumChangeTest, OneThatFollowsIsAdded) {
  const auto step = Add(Quorum(), 4);
  EXPECT_EQ(step.kind, Kind::kAsk);
  EXPECT_EQ(step.directory_id, Disk(4));
  EXPECT_EQ(step.endpoint, (Endpoint{"h", 9094}));
  QuorumView view = Quorum();
  view.members[3].voter = true;
  EXPECT_EQ(Add(view, 4, std::nullopt, Disk(4)).kind, Kind::kDone);
  EXPECT_EQ(VotersText(view), "1,2,3,4");
  const auto twice = Add(view, 4);
  EXPECT_EQ(twice.kind, Kind::kFail);
  EXPECT_EQ(twice.error.cause, "it is a voter already");
}

TEST(QuorumChangeTest, OneThatIsNotThereOrLacksTheLogIsWaitedFor) {
  QuorumView view = Quorum();
  view.members[3].lag = 101;
  auto step = Add(view, 4);
  EXPECT_EQ(step.kind, Kind::kWait);
  EXPECT_EQ(step.error.code, ExitCode::kTimeout);
  EXPECT_EQ(step.error.cause, "it still lacks 101 entries of the metadata log");
  view.members[3].lag = 100;
  EXPECT_EQ(Add(view, 4).kind, Kind::kAsk);
  view.members[3].log_end_offset = -1;
  EXPECT_EQ(Add(view, 4).kind, Kind::kWait);
  step = Add(view, 9);
  EXPECT_EQ(step.kind, Kind::kWait);
  EXPECT_THAT(step.error.cause, HasSubstr("no controller with this id"));
  step = Add(view, 5);
  EXPECT_EQ(step.kind, Kind::kWait);
  EXPECT_THAT(step.error.cause, HasSubstr("it is a broker"));
  view.leader_id = -1;
  EXPECT_EQ(Add(view, 4).kind, Kind::kWait);
  EXPECT_EQ(Remove(view, 3).kind, Kind::kWait);
}

TEST(QuorumChangeTest, AReplacedDiskIsRemovedBeforeItIsAdded) {
  QuorumView view = Quorum();
  view.members.push_back(Member(3, false, 2));
  auto step = Add(view, 3);
  EXPECT_EQ(step.kind, Kind::kFail);
  EXPECT_THAT(step.error.cause, HasSubstr("still votes with another disk"));
  EXPECT_EQ(step.error.hint, "soliton cluster quorum remove 3");
  step = Remove(view, 3);
  EXPECT_EQ(step.kind, Kind::kAsk);
  EXPECT_EQ(step.directory_id, Disk(3));
  EXPECT_EQ(Remove(view, 3, Disk(3, 2)).kind, Kind::kFail) << "the new one has no vote";
  view.members.erase(view.members.begin() + 2);
  EXPECT_EQ(Remove(view, 3, std::nullopt, Disk(3)).kind, Kind::kDone);
  step = Add(view, 3);
  EXPECT_EQ(step.kind, Kind::kAsk);
  EXPECT_EQ(step.directory_id, Disk(3, 2));
  EXPECT_EQ(Add(view, 3, Disk(3)).kind, Kind::kFail) << "it has another disk now";
}

TEST(QuorumChangeTest, WhoIsNoVoterIsNotRemoved) {
  for (const int32_t id : {4, 5, 9}) {
    const auto step = Remove(Quorum(), id);
    EXPECT_EQ(step.kind, Kind::kFail);
    EXPECT_EQ(step.error.code, ExitCode::kNotFound);
    EXPECT_EQ(step.error.cause, "it is no voter; voters are 1,2,3");
  }
  const auto other = Remove(Quorum(), 2, Disk(2, 9));
  EXPECT_EQ(other.kind, Kind::kFail);
  EXPECT_THAT(other.error.cause, HasSubstr("it votes with another disk"));
}

}  // namespace
}  // namespace soliton::cli
