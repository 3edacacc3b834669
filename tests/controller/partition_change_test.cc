#include "controller/core/partition_change.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "runtime/base/random.h"

namespace soliton::controller {
namespace {

using Ids = std::vector<int32_t>;

constexpr int kNone = kNoLeader;

// All partitions of the table have replicas 1, 2, 3, leader epoch 5 and partition epoch 10.
struct State {
  Ids isr;
  int leader = kNone;
  Ids elr;
  int last_known = 0;  // 0: none
};

struct Expected {
  State state;
  int leader_epoch = 5;
  ElectionKind election = ElectionKind::kNone;
};

struct Case {
  const char* name;
  State before;
  std::set<int32_t> active;
  Expected after;  // leader_epoch -1: no change at all
  int min_isr = 1;
  std::set<int32_t> lost;
  std::optional<Ids> new_isr;
  bool unclean = false;
};

constexpr int kUnchanged = -1;

PartitionInfo ToInfo(const State& state) {
  PartitionInfo info;
  info.replicas = {1, 2, 3};
  info.isr = state.isr;
  info.eligible_leaders = state.elr;
  if (state.last_known != 0) info.last_known_leader = state.last_known;
  info.leader = state.leader;
  info.leader_epoch = 5;
  info.partition_epoch = 10;
  return info;
}

std::string Text(const PartitionInfo& info) {
  return fmt::format("leader {} isr [{}] elr [{}] last {} epochs {}/{}", info.leader,
                     fmt::join(info.isr, ","), fmt::join(info.eligible_leaders, ","),
                     info.last_known_leader.value_or(0), info.leader_epoch, info.partition_epoch);
}

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

class PartitionChangeTest : public ::testing::TestWithParam<Case> {};

TEST_P(PartitionChangeTest, Decides) {
  const Case& c = GetParam();
  PartitionRules rules;
  rules.min_isr = c.min_isr;
  rules.unclean_leader_election = c.unclean;
  rules.is_active = [&](int32_t id) { return c.active.contains(id); };
  PartitionEvent event;
  event.new_isr = c.new_isr;
  event.lost_data = c.lost;
  const auto decision = DecidePartition(ToInfo(c.before), event, rules);
  if (c.after.leader_epoch == kUnchanged) {
    EXPECT_FALSE(decision.has_value()) << Text(decision->next);
    return;
  }
  ASSERT_TRUE(decision.has_value());
  PartitionInfo expected = ToInfo(c.after.state);
  expected.leader_epoch = c.after.leader_epoch;
  expected.partition_epoch = 11;
  EXPECT_EQ(Text(decision->next), Text(expected));
  EXPECT_EQ(ElectionKindName(decision->election), ElectionKindName(c.after.election));
  EXPECT_EQ(decision->next.unclean_epoch,
            c.after.election == ElectionKind::kUnclean ? c.after.leader_epoch : -1);
}

const Expected kNothing = {.leader_epoch = kUnchanged};

const Case kCases[] = {
    // ---- Nothing happened ----
    {"nothing_changes", {{1, 2, 3}, 1}, {1, 2, 3}, kNothing},
    {"nothing_changes_below_min_isr", {{1}, 1, {2}}, {1, 3}, kNothing, 2},
    {"leaderless_stays_leaderless", {{1}, kNone, {}, 1}, {2, 3}, kNothing},
    {"a_replica_outside_the_isr_comes_and_goes", {{1, 2}, 1}, {1, 2}, kNothing},

    // ---- A broker goes: clean elections ----
    {"leader_dies_first_in_sync_replica_takes_over",
     {{1, 2, 3}, 1},
     {2, 3},
     {{{2, 3}, 2}, 6, ElectionKind::kInSync}},
    {"replica_order_decides_not_isr_order",
     {{3, 2, 1}, 1},
     {2, 3},
     {{{3, 2}, 2}, 6, ElectionKind::kInSync}},
    {"the_next_leader_must_be_in_sync", {{1, 3}, 1}, {2, 3}, {{{3}, 3}, 6, ElectionKind::kInSync}},
    {"follower_dies_leader_stays_and_forgets_it", {{1, 2, 3}, 1}, {1, 3}, {{{1, 3}, 1}, 6}},
    {"two_of_three_die_at_once", {{1, 2, 3}, 1}, {3}, {{{3}, 3}, 6, ElectionKind::kInSync}},
    {"all_die_at_once_all_stay_in_sync",
     {{1, 2, 3}, 1},
     {},
     {{{1, 2, 3}, kNone, {}, 1}, 6, ElectionKind::kLeaderLost}},
    {"last_member_dies_and_stays_in_the_isr",
     {{1}, 1},
     {2, 3},
     {{{1}, kNone, {}, 1}, 6, ElectionKind::kLeaderLost}},

    // ---- A broker comes back ----
    {"last_member_returns_and_leads",
     {{1}, kNone, {}, 1},
     {1, 2, 3},
     {{{1}, 1}, 6, ElectionKind::kInSync}},
    {"a_replica_that_is_not_in_sync_returns", {{1}, kNone, {}, 1}, {2}, kNothing},
    {"one_of_several_gone_members_returns",
     {{1, 2}, kNone, {}, 1},
     {2},
     {{{2}, 2}, 6, ElectionKind::kInSync}},
    {"one_of_several_gone_members_returns_below_min_isr",
     {{1, 2}, kNone, {}, 1},
     {2},
     {{{2}, 2, {1}}, 6, ElectionKind::kInSync},
     2},

    // ---- Eligible leader replicas (KIP-966) ----
    // The last ones became eligible under another minimum.
    {"a_min_isr_that_is_still_too_large_keeps_the_elr", {{1}, 1, {2, 3}}, {1, 2, 3}, kNothing, 2},
    {"a_larger_min_isr_keeps_the_elr_of_a_leaderless_partition",
     {{1}, kNone, {2}, 1},
     {3},
     kNothing,
     3},
    {"a_min_isr_that_is_met_clears_the_elr", {{1}, 1, {2, 3}}, {1, 2, 3}, {{{1}, 1}, 5}},
    {"a_min_isr_that_is_met_clears_the_elr_of_a_leaderless_partition",
     {{1}, kNone, {2}, 1},
     {3},
     {{{1}, kNone, {}, 1}, 5}},
    {"a_larger_min_isr_makes_nobody_eligible", {{1, 2}, 1}, {1, 2, 3}, kNothing, 3},
    {"leaving_below_min_isr_makes_eligible", {{1, 2}, 1}, {1}, {{{1}, 1, {2}}, 6}, 2},
    {"leaving_above_min_isr_does_not", {{1, 2, 3}, 1}, {1, 2}, {{{1, 2}, 1}, 6}, 2},
    {"eligible_replica_leads_when_the_isr_is_gone",
     {{1}, 1, {2}},
     {2, 3},
     {{{2}, 2, {1}}, 6, ElectionKind::kEligible},
     2},
    {"eligible_replica_must_be_alive",
     {{1}, 1, {2}},
     {3},
     {{{1}, kNone, {2}, 1}, 6, ElectionKind::kLeaderLost},
     2},
    {"eligible_replica_returns_first",
     {{1}, kNone, {2}, 1},
     {2},
     {{{2}, 2, {1}}, 6, ElectionKind::kEligible},
     2},
    {"in_sync_replica_before_eligible_one",
     {{3}, kNone, {1, 2}, 3},
     {1, 2, 3},
     {{{3}, 3, {1, 2}}, 6, ElectionKind::kInSync},
     2},
    {"first_eligible_in_replica_order",
     {{3}, 3, {2, 1}},
     {1, 2},
     {{{1}, 1, {2, 3}}, 6, ElectionKind::kEligible},
     3},
    {"isr_grows_to_min_isr_and_clears_the_elr",
     {{1}, 1, {2}},
     {1, 2, 3},
     {{{1, 3}, 1}, 5},
     2,
     {},
     Ids{1, 3}},
    {"isr_grows_but_not_enough",
     {{1}, 1, {2, 3}},
     {1, 2, 3},
     {{{1, 2}, 1, {3}}, 5},
     3,
     {},
     Ids{1, 2}},
    {"min_isr_met_nobody_is_eligible_any_more", {{1, 2}, 1, {3}}, {1, 2}, {{{1, 2}, 1}, 5}, 2},

    // ---- The leader's own proposals ----
    {"shrink_does_not_raise_the_leader_epoch",
     {{1, 2, 3}, 1},
     {1, 2, 3},
     {{{1, 2}, 1}, 5},
     1,
     {},
     Ids{1, 2}},
    {"shrink_below_min_isr_makes_eligible",
     {{1, 2}, 1},
     {1, 2, 3},
     {{{1}, 1, {2}}, 5},
     2,
     {},
     Ids{1}},
    {"expand", {{1}, 1}, {1, 2}, {{{1, 2}, 1}, 5}, 1, {}, Ids{1, 2}},
    {"same_isr_is_no_change", {{1, 2}, 1}, {1, 2}, kNothing, 1, {}, Ids{1, 2}},
    {"a_proposed_member_that_is_gone_stays_out",
     {{1, 3}, 1},
     {1, 2},
     {{{1, 2}, 1}, 6},
     1,
     {},
     Ids{1, 2, 3}},

    // ---- Lost data ----
    {"unclean_member_leaves_the_isr", {{1, 2, 3}, 1}, {1, 2}, {{{1, 2}, 1}, 6}, 1, {3}},
    {"unclean_member_leaves_even_if_alive", {{1, 2, 3}, 1}, {1, 2, 3}, {{{1, 2}, 1}, 6}, 1, {3}},
    {"unclean_member_does_not_become_eligible", {{1, 2}, 1}, {1}, {{{1}, 1}, 6}, 2, {2}},
    {"unclean_member_leaves_the_elr", {{1}, 1, {2, 3}}, {1}, {{{1}, 1, {3}}, 5}, 3, {2}},
    {"unclean_leader_is_replaced", {{1, 2}, 1}, {2}, {{{2}, 2}, 6, ElectionKind::kInSync}, 1, {1}},
    {"unclean_last_member_stays", {{1}, kNone, {}, 1}, {}, kNothing, 1, {1}},
    {"unclean_last_member_stays_and_may_lead",
     {{1}, kNone, {}, 1},
     {1},
     {{{1}, 1}, 6, ElectionKind::kInSync},
     1,
     {1}},
    {"unclean_last_member_gives_way_to_eligible_ones",
     {{1}, kNone, {2}, 1},
     {},
     {{{2}, kNone, {}, 1}, 6},
     2,
     {1}},
    {"unclean_last_member_gives_way_to_a_live_eligible_one",
     {{1}, kNone, {2}, 1},
     {2},
     {{{2}, 2}, 6, ElectionKind::kInSync},
     2,
     {1}},
    {"two_unclean_members_the_third_leads",
     {{1, 2, 3}, 1},
     {3},
     {{{3}, 3}, 6, ElectionKind::kInSync},
     1,
     {1, 2}},
    {"all_members_unclean_all_stay",
     {{1, 2}, 1},
     {},
     {{{1, 2}, kNone, {}, 1}, 6, ElectionKind::kLeaderLost},
     1,
     {1, 2}},

    // ---- Last known leader: only without ISR and ELR, and only alive (KAFKA-19522) ----
    {"fenced_last_known_leader_is_not_elected", {{}, kNone, {}, 1}, {2, 3}, kNothing},
    {"live_last_known_leader_is_elected",
     {{}, kNone, {}, 1},
     {1, 2},
     {{{1}, 1}, 6, ElectionKind::kLastKnownLeader}},
    {"last_known_leader_waits_for_eligible_replicas",
     {{}, kNone, {2}, 1},
     {1},
     {{{2}, kNone, {}, 1}, 5},
     2},
    {"last_known_leader_waits_for_the_isr", {{2}, kNone, {}, 1}, {1}, kNothing},

    // ---- Unclean election ----
    {"unclean_election_when_allowed",
     {{1}, 1},
     {2, 3},
     {{{2}, 2}, 6, ElectionKind::kUnclean},
     2,
     {},
     std::nullopt,
     true},
    {"unclean_election_resets_the_elr",
     {{1}, 1, {2}},
     {3},
     {{{3}, 3}, 6, ElectionKind::kUnclean},
     2,
     {},
     std::nullopt,
     true},
    {"clean_before_unclean",
     {{1, 3}, 1},
     {2, 3},
     {{{3}, 3}, 6, ElectionKind::kInSync},
     1,
     {},
     std::nullopt,
     true},
    {"eligible_before_unclean",
     {{1}, 1, {3}},
     {2, 3},
     {{{3}, 3, {1}}, 6, ElectionKind::kEligible},
     2,
     {},
     std::nullopt,
     true},
    {"unclean_needs_somebody_alive",
     {{1}, 1},
     {},
     {{{1}, kNone, {}, 1}, 6, ElectionKind::kLeaderLost},
     1,
     {},
     std::nullopt,
     true},
};

INSTANTIATE_TEST_SUITE_P(Table, PartitionChangeTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// What holds for every decision, whatever the state and the event.
TEST(PartitionChangeRulesTest, HoldForRandomStates) {
  Random random(1);
  const auto subset = [&](const Ids& of) {
    Ids chosen;
    for (const int32_t id : of) {
      if (random.Chance(1, 2)) chosen.push_back(id);
    }
    return chosen;
  };
  int changes = 0, completed = 0;
  for (int i = 0; i < 200000; ++i) {
    PartitionInfo before;
    before.replicas = {4, 2, 9, 7};
    before.isr = subset(before.replicas);
    if (before.isr.empty()) before.isr = {9};
    const Ids active_list = subset(before.replicas);
    const std::set<int32_t> was_active(active_list.begin(), active_list.end());
    for (const int32_t id : subset(before.replicas)) {
      if (std::find(before.isr.begin(), before.isr.end(), id) == before.isr.end()) {
        before.eligible_leaders.push_back(id);
      }
    }
    before.leader = random.Chance(1, 2) ? before.isr[random.Below(before.isr.size())] : kNoLeader;
    if (before.leader == kNoLeader) before.last_known_leader = before.replicas[random.Below(4)];
    before.leader_epoch = 3;
    before.partition_epoch = 8;
    if (random.Chance(1, 4)) before.unclean_epoch = 1;

    const Ids now = subset(before.replicas);
    const std::set<int32_t> active(now.begin(), now.end());
    const Ids lost_list = random.Chance(1, 3) ? subset(before.replicas) : Ids{};
    PartitionEvent event;
    event.lost_data = {lost_list.begin(), lost_list.end()};
    PartitionRules rules;
    rules.min_isr = static_cast<int>(random.Between(1, 4));
    rules.unclean_leader_election = random.Chance(1, 4);
    rules.is_active = [&](int32_t id) { return active.contains(id); };

    std::optional<ReplicaAssignment> moved;
    if (random.Chance(1, 3)) {
      // One is under way.
      before.adding_replicas = {4};
      if (random.Chance(1, 2)) before.removing_replicas = {7};
    }
    if (random.Chance(1, 3)) {
      const bool keeps_4 = before.adding_replicas.empty() || random.Chance(1, 2);
      moved = keeps_4
                  ? ReplicaAssignment{.replicas = {9, 4, 11, 2, 7}, .adding = {11}, .removing = {7}}
                  : ReplicaAssignment{.replicas = {2, 9, 7}, .adding = {}, .removing = {}};
      const auto stays = [&](int32_t id) { return keeps_4 || id != 4; };
      // Whoever asks sees to it that somebody is left.
      if (!std::any_of(before.isr.begin(), before.isr.end(), stays)) moved.reset();
    }
    event.assignment = moved;
    event.prefer_first = random.Chance(1, 5);

    const auto decision = DecidePartition(before, event, rules);
    if (!decision) continue;
    ++changes;
    const PartitionInfo& after = decision->next;
    const auto in = [](const Ids& list, int32_t id) {
      return std::find(list.begin(), list.end(), id) != list.end();
    };
    ASSERT_FALSE(after.isr.empty()) << Text(before);
    const Ids& aim = moved ? moved->replicas : before.replicas;
    const bool was_moving = moved ? !moved->adding.empty() : before.reassigning();
    if (was_moving && !after.reassigning()) {
      ++completed;
      const Ids going = moved ? moved->removing : before.removing_replicas;
      for (const int32_t id : aim) ASSERT_NE(in(after.replicas, id), in(going, id));
      for (const int32_t id : after.replicas) {
        ASSERT_TRUE(in(after.isr, id) && active.contains(id)) << Text(before);
      }
    } else {
      ASSERT_EQ(after.replicas, aim);
    }
    for (const int32_t id : before.replicas) {
      if (in(after.replicas, id)) continue;
      ASSERT_GT(after.leader_epoch, before.leader_epoch) << "fetches of a replica that left count";
    }
    ASSERT_EQ(after.partition_epoch, before.partition_epoch + 1);
    ASSERT_GE(after.leader_epoch, before.leader_epoch);
    if (after.leader != before.leader) {
      ASSERT_EQ(after.leader_epoch, before.leader_epoch + 1);
    }
    if (after.leader != kNoLeader) {
      ASSERT_TRUE(in(after.isr, after.leader)) << Text(before) << " => " << Text(after);
      ASSERT_TRUE(active.contains(after.leader));
      ASSERT_FALSE(after.last_known_leader.has_value());
      for (const int32_t id : after.isr) ASSERT_TRUE(active.contains(id)) << Text(after);
    }
    for (const int32_t id : after.isr) ASSERT_TRUE(in(after.replicas, id));
    for (const int32_t id : after.eligible_leaders) {
      ASSERT_TRUE(in(after.replicas, id));
      ASSERT_FALSE(in(after.isr, id));
      ASSERT_FALSE(event.lost_data.contains(id));
    }
    if (static_cast<int>(after.isr.size()) >= rules.min_isr) {
      ASSERT_TRUE(after.eligible_leaders.empty());
    }
    // Only holders of all committed records get into the ISR, unless data loss was allowed.
    if (decision->election != ElectionKind::kUnclean) {
      for (const int32_t id : after.isr) {
        ASSERT_TRUE(in(before.isr, id) || in(before.eligible_leaders, id)) << Text(before);
      }
    }
    ASSERT_EQ(after.unclean_epoch, decision->election == ElectionKind::kUnclean
                                       ? after.leader_epoch
                                       : before.unclean_epoch)
        << "what was lost once stays known";
    // Deciding again changes nothing: the decision was complete.
    PartitionEvent nothing;
    const auto again = DecidePartition(after, nothing, rules);
    ASSERT_FALSE(again.has_value())
        << Text(before) << " => " << Text(after) << " => " << Text(again->next);
  }
  EXPECT_GT(changes, 100000);
  EXPECT_GT(completed, 200);
}

}  // namespace
}  // namespace soliton::controller
