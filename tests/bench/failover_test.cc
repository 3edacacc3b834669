// The figures of a failover run: what counts as an outage, how it is split, and what many runs come
// to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/failover/failover_json.h"
#include "bench/failover/fault.h"
#include "bench/failover/judge.h"
#include "bench/failover/node_control.h"
#include "bench/failover/summary.h"

namespace soliton::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(1000 + ms)); }

TEST(LedgerTest, APauseCountsWhereItMeetsTheWindow) {
  Ledger ledger(2);
  for (int i = 0; i < 5; ++i) ledger.Sent(0);
  for (const auto& [sequence, at] : {std::pair(0, 0), {1, 300}, {2, 310}, {3, 350}, {4, 900}}) {
    ledger.Acked(0, sequence, sequence, At(at));
  }
  const auto pause = ledger.LongestPause(0, At(305), At(360), At(1000));
  ASSERT_TRUE(pause.has_value());
  EXPECT_EQ(pause->length(), milliseconds(550));
  EXPECT_TRUE(pause->ended);
  // The same pause begins too late for a window that ends before it.
  EXPECT_EQ(ledger.LongestPause(0, At(305), At(350), At(1000))->length(), milliseconds(40));
  // One that ended before the window does not count, one that spans its begin does.
  EXPECT_EQ(ledger.LongestPause(0, At(200), At(340), At(1000))->length(), milliseconds(300));
  // Nothing came any more.
  const auto silent = ledger.LongestPause(0, At(950), At(3000), At(2900));
  ASSERT_TRUE(silent.has_value());
  EXPECT_FALSE(silent->ended);
  EXPECT_EQ(silent->length(), milliseconds(2000));
  EXPECT_FALSE(ledger.LongestPause(1, At(0), At(1000), At(1000)).has_value());
}

TEST(LedgerTest, WithoutOffsetsOnlyPlacesAreNotChecked) {
  Ledger ledger(1);
  ledger.Sent(0);
  ledger.Sent(0);
  ledger.Acked(0, 0, -1, At(0));
  ledger.Acked(0, 1, -1, At(1));
  ledger.Read(0, 17, 0);
  const Verdict verdict = ledger.Judge();
  EXPECT_EQ(verdict.misplaced, 0);
  EXPECT_EQ(verdict.lost, 1);
  EXPECT_FALSE(verdict.ok());
}

TEST(LedgerTest, WithoutIdempotenceOnlyLossIsAFailure) {
  Ledger ledger(1);
  ledger.Sent(0);
  ledger.Acked(0, 0, 0, At(0));
  ledger.Read(0, 0, 0);
  ledger.Read(0, 1, 0);
  EXPECT_EQ(ledger.Judge().duplicated, 1);
  EXPECT_FALSE(ledger.Judge().ok(/*exactly_once=*/true));
  EXPECT_TRUE(ledger.Judge().ok(/*exactly_once=*/false));
}

TEST(LedgerTest, TheUsualPauseIsThatOfATypicalPartition) {
  Ledger ledger(3);
  for (int32_t partition = 0; partition < 3; ++partition) {
    for (int i = 0; i < 200; ++i) {
      ledger.Sent(partition);
      // Two at a time; one partition once waits long.
      const int late = partition == 2 && i >= 100 ? 300 : 0;
      ledger.Acked(partition, i, i, At(i / 2 * (4 + partition) + late));
    }
  }
  EXPECT_EQ(ledger.UsualPause(At(0), At(1000)), milliseconds(5));
  EXPECT_EQ(ledger.UsualPause(At(5000), At(6000)), Duration::zero());
}

TEST(OutageTest, ThePartsAddUp) {
  const Sightings seen{milliseconds(20), milliseconds(25), milliseconds(27)};
  const auto parts = SplitOutage(milliseconds(10), milliseconds(40), seen);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->detection, milliseconds(10));
  EXPECT_EQ(parts->election, milliseconds(5));
  EXPECT_EQ(parts->propagation, milliseconds(2));
  EXPECT_EQ(parts->client, milliseconds(13));
}

TEST(OutageTest, SightingsOutsideOfTheOutageAreCutToIt) {
  // The first acknowledgement came before anybody was seen to know.
  const auto late = SplitOutage(milliseconds(10), milliseconds(15),
                                {milliseconds(12), milliseconds(20), milliseconds(21)});
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->detection, milliseconds(2));
  EXPECT_EQ(late->election, milliseconds(3));
  EXPECT_EQ(late->propagation + late->client, Duration::zero());
  // A planned move: told before the last acknowledgement of the old leader.
  const auto early = SplitOutage(milliseconds(10), milliseconds(15),
                                 {milliseconds(1), milliseconds(2), milliseconds(12)});
  ASSERT_TRUE(early.has_value());
  EXPECT_EQ(early->detection + early->election, Duration::zero());
  EXPECT_EQ(early->propagation, milliseconds(2));
  EXPECT_EQ(early->client, milliseconds(3));
  EXPECT_FALSE(SplitOutage(milliseconds(1), milliseconds(9), {}).has_value());
}

TEST(LeaderHistoryTest, OnlyWhatDiffersIsNews) {
  LeaderHistory history;
  history.SetBaseline(0, {1, 5, false});
  history.Saw(0, 2, {1, 5, false}, milliseconds(1));
  EXPECT_FALSE(history.Of(0).noticed.has_value());
  history.Saw(0, 2, {1, 4, false}, milliseconds(2));  // a broker that lags behind
  EXPECT_FALSE(history.Of(0).noticed.has_value());
  history.Saw(0, 3, {1, 5, true}, milliseconds(3));
  history.Saw(0, 2, {3, 6, true}, milliseconds(4));
  EXPECT_FALSE(history.Settled(1));
  history.Saw(0, 3, {3, 6, true}, milliseconds(6));
  history.Saw(0, 3, {3, 6, true}, milliseconds(8));
  const Sightings seen = history.Of(0);
  EXPECT_EQ(seen.noticed, milliseconds(3));
  EXPECT_EQ(seen.elected, milliseconds(4));
  EXPECT_EQ(seen.leader_knows, milliseconds(6));
  EXPECT_TRUE(history.Settled(1));
}

// 100 records a second to two partitions; the leader of partition 1 dies at 2 s.
RunRecord OneRun() {
  Ledger ledger(2);
  RunTimes times;
  times.start = At(0);
  times.warm_up = milliseconds(500);
  times.records_per_second = 100;
  times.fault = At(2000);
  times.fault_end = At(3000);
  times.load_end = At(4000);
  times.drained = At(4010);
  LeaderHistory history;
  history.SetBaseline(1, {1, 0, false});
  history.Saw(1, 2, {2, 1, true}, milliseconds(2100));
  history.Saw(1, 3, {2, 1, true}, milliseconds(2101));
  for (int64_t index = 0; index < 400; ++index) {
    const auto partition = static_cast<int32_t>(index % 2);
    const int64_t sequence = ledger.Sent(partition);
    const MonotonicTime due = DueAt(times, index);
    MonotonicTime acked = due + milliseconds(2);
    if (partition == 1 && acked > At(2000) && acked < At(2200)) acked = At(2200);
    ledger.Acked(partition, sequence, sequence, acked);
    ledger.Read(partition, sequence, sequence);
  }
  RunRecord record;
  record.victim = 1;
  record.led_by_victim = 1;
  JudgeRun(ledger, times, {1}, &history, record);
  record.rejoin_expected = true;
  record.rejoined_after = milliseconds(120);
  record.mended_at = milliseconds(3000);
  record.events.push_back({milliseconds(2000), "SIGKILL node 1"});
  return record;
}

TEST(JudgeTest, PhasesOutagesAndBuckets) {
  const RunRecord run = OneRun();
  EXPECT_TRUE(run.ok());
  // Due at 1990, acknowledged at 1992, and the next at 2200.
  EXPECT_EQ(run.WorstOutage(true), milliseconds(208));
  EXPECT_EQ(run.WorstOutage(false), milliseconds(20));
  const PartitionOutage& hit = run.outages.at(1);
  ASSERT_TRUE(hit.parts.has_value());
  EXPECT_EQ(hit.parts->detection, milliseconds(108));
  EXPECT_EQ(hit.parts->client, milliseconds(100));
  EXPECT_FALSE(run.outages.at(0).parts.has_value());
  EXPECT_EQ(run.usual_pause, milliseconds(20));
  EXPECT_EQ(run.before.due, 150);
  EXPECT_EQ(run.before.latency.max(), milliseconds(2));
  EXPECT_EQ(run.during.to, milliseconds(2200));
  EXPECT_EQ(run.during.latency.max(), milliseconds(190));  // due at 2010
  EXPECT_EQ(run.before.due + run.during.due + run.after.due, 350);
  EXPECT_EQ(run.after.latency.max(), milliseconds(2));
  EXPECT_EQ(run.acked.at(220), 11);  // ten that waited, and one that was due then
  EXPECT_EQ(run.worst_us.at(201), 190'000);
  EXPECT_EQ(run.BackToSpeed(), milliseconds(110));
}

TEST(JudgeTest, WithoutAFaultEverythingIsBefore) {
  Ledger ledger(1);
  RunTimes times;
  times.start = At(0);
  times.records_per_second = 1000;
  times.load_end = times.fault_end = times.drained = At(10);
  for (int i = 0; i < 10; ++i) ledger.Acked(0, ledger.Sent(0), i, At(i));
  for (int i = 0; i < 10; ++i) ledger.Read(0, i, i);
  RunRecord record;
  JudgeRun(ledger, times, {}, nullptr, record);
  EXPECT_EQ(record.before.due, 10);
  EXPECT_TRUE(record.outages.empty());
  EXPECT_TRUE(record.ok());
  EXPECT_FALSE(record.BackToSpeed().has_value());
}

TEST(JudgeTest, APartitionThatNeverComesBackIsNotOk) {
  Ledger ledger(1);
  RunTimes times;
  times.start = At(0);
  times.records_per_second = 10;
  times.fault = At(1000);
  times.fault_end = times.load_end = At(3000);
  times.drained = At(3000);
  for (int i = 0; i < 10; ++i) ledger.Acked(0, ledger.Sent(0), i, At(i * 100));
  for (int i = 0; i < 10; ++i) ledger.Read(0, i, i);
  RunRecord record;
  JudgeRun(ledger, times, {0}, nullptr, record);
  EXPECT_FALSE(record.outages.at(0).ended);
  EXPECT_FALSE(record.ok());
}

TEST(JudgeTest, LongLoadsAtHighRatesAreDueExactly) {
  RunTimes times;
  times.start = At(0);
  times.records_per_second = 3'000'000;
  EXPECT_EQ(DueAt(times, int64_t{3'000'000} * 100'000) - times.start, seconds(100'000));
  EXPECT_EQ(DueAt(times, 1) - times.start, Duration(333));
}

TEST(SpreadTest, PercentilesWereMeasured) {
  EXPECT_EQ(SpreadOf({}).count, 0);
  std::vector<Duration> values;
  for (int i = 30; i >= 1; --i) values.push_back(milliseconds(i));
  const Spread spread = SpreadOf(values);
  EXPECT_EQ(spread.median, milliseconds(15));
  EXPECT_EQ(spread.p90, milliseconds(27));
  EXPECT_EQ(spread.p95, milliseconds(29));
  EXPECT_EQ(spread.worst, milliseconds(30));
}

FailoverData TwoRuns() {
  FailoverData data;
  data.setup.label = "a cluster";
  data.setup.fault = "kill-leader";
  data.setup.driver = "soliton";
  data.setup.partitions = 2;
  data.setup.replication_factor = 3;
  data.setup.records_per_second = 100;
  data.setup.value_bytes = 200;
  data.setup.driver_settings = {"socket.timeout.ms=1000"};
  data.runs = {OneRun(), OneRun()};
  data.runs[1].number = 2;
  return data;
}

TEST(SummaryTest, SaysWhatManyRunsComeTo) {
  const FailoverData data = TwoRuns();
  const FailoverSummary summary = Summarize(data);
  EXPECT_EQ(summary.hit.count, 2);
  EXPECT_EQ(summary.hit.median, milliseconds(208));
  EXPECT_EQ(summary.verdict.acked, 800);
  EXPECT_EQ(summary.latency_before.count(), 300);
  EXPECT_EQ(summary.runs_not_ok, 0);
  const std::string text = SummaryText(data);
  EXPECT_THAT(text, HasSubstr("unavailable                    208 ms   208 ms"));
  EXPECT_THAT(text, HasSubstr("acked 800   failed 0   read back 800"));
  EXPECT_THAT(text, testing::Not(HasSubstr("NOT")));
}

TEST(SummaryTest, NamesWhatIsNotOk) {
  FailoverData data = TwoRuns();
  data.runs[1].verdict.failed = 3;
  data.runs[1].first_failure = "timed out";
  data.runs[0].rejoined_after = std::nullopt;
  const std::string text = SummaryText(data);
  EXPECT_FALSE(data.ok());
  EXPECT_THAT(text, HasSubstr("run 1 NOT OK: some in-sync set is still short\n"));
  EXPECT_THAT(text, HasSubstr("run 2 NOT OK: 3 records failed (timed out)\n"));
}

TEST(FailoverJsonTest, WhatIsWrittenIsReadAgain) {
  const FailoverData data = TwoRuns();
  const std::string text = ToJson(data);
  const auto read = FailoverDataFromJson(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), text);
  EXPECT_EQ(SummaryText(*read), SummaryText(data));
}

TEST(FailoverJsonTest, SaysWhatIsWrong) {
  const std::string text = ToJson(TwoRuns());
  const auto with = [&](std::string_view what, std::string_view instead) {
    std::string changed = text;
    const size_t at = changed.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    changed.replace(at, what.size(), instead);
    return std::string(FailoverDataFromJson(changed).status().message());
  };
  EXPECT_THAT(with("\"version\":2", "\"version\":3"), HasSubstr("version 3"));
  EXPECT_THAT(with("\"victim\":1", "\"victim\":\"x\""), "runs[0].victim is not a whole number");
  EXPECT_THAT(with("\"sent\":400", "\"sent\":4e2"), "runs[0].verdict.sent is not a whole number");
  EXPECT_THAT(with("\"acked\":400,", ""), "runs[0].verdict.acked is missing");
  EXPECT_THAT(with("\"kind\":\"soliton bench failover\"", "\"kind\":\"x\""),
              HasSubstr("kind is not"));
  EXPECT_THAT(with("\"fault_at_us\":2000000", "\"fault_at_us\":9000000"),
              "runs[0].fault_at_us is outside of the load");
  EXPECT_THAT(with("\"bucket_us\":10000", "\"bucket_us\":100"), HasSubstr("bucket_us"));
  EXPECT_THAT(with("{\"version\"", "{{"), HasSubstr("not JSON"));
  EXPECT_THAT(std::string(FailoverDataFromJson("[]").status().message()), HasSubstr("object"));
}

// ---- faults ----

std::vector<PartitionLeaders> Topic(const std::vector<int32_t>& leaders) {
  std::vector<PartitionLeaders> topic;
  for (size_t i = 0; i < leaders.size(); ++i) {
    topic.push_back({static_cast<int32_t>(i), leaders[i], 0, {1, 2, 3}, {1, 2, 3}});
  }
  return topic;
}

TEST(ChooseVictimTest, TheLeaderOfMostThatDoesNotLeadTheQuorum) {
  const auto topic = Topic({1, 1, 1, 2, 2, 3});
  EXPECT_EQ(ChooseVictim(FaultKind::kKillLeader, topic, std::nullopt, std::nullopt)->node, 1);
  const auto victim = ChooseVictim(FaultKind::kKillLeader, topic, 1, std::nullopt);
  EXPECT_EQ(victim->node, 2);
  EXPECT_FALSE(victim->leads_quorum);
  EXPECT_THAT(victim->leads, ElementsAre(3, 4));
  // Where one node leads everything it is the only choice.
  EXPECT_TRUE(ChooseVictim(FaultKind::kTermLeader, Topic({2, 2}), 2, std::nullopt)->leads_quorum);
  EXPECT_EQ(ChooseVictim(FaultKind::kStopLeader, topic, 1, 3)->node, 3);
  EXPECT_FALSE(ChooseVictim(FaultKind::kKillLeader, Topic({-1}), 1, std::nullopt).ok());
}

TEST(ChooseVictimTest, TheQuorumLeaderMustBeKnownAndLead) {
  const auto topic = Topic({1, 2});
  EXPECT_TRUE(absl::IsFailedPrecondition(
      ChooseVictim(FaultKind::kKillController, topic, std::nullopt, std::nullopt).status()));
  EXPECT_EQ(ChooseVictim(FaultKind::kKillController, topic, 3, std::nullopt)->node, 3);
  const auto leads_nothing = ChooseVictim(FaultKind::kKillLeaderController, topic, 3, std::nullopt);
  EXPECT_THAT(std::string(leads_nothing.status().message()), HasSubstr("node 3"));
  const auto both = ChooseVictim(FaultKind::kKillLeaderController, topic, 2, std::nullopt);
  EXPECT_THAT(both->leads, ElementsAre(1));
  EXPECT_TRUE(both->leads_quorum);
}

TEST(OrderTest, TheNextInSyncReplicaComesFirst) {
  EXPECT_THAT(*OrderWithoutLeaderFirst({0, 1, 0, {1, 2, 3}, {1, 3}}), ElementsAre(3, 1, 2));
  EXPECT_THAT(*OrderWithoutLeaderFirst({0, 2, 0, {1, 2, 3}, {1, 2, 3}}), ElementsAre(1, 2, 3));
  EXPECT_FALSE(OrderWithoutLeaderFirst({0, 1, 0, {1, 2}, {1}}).has_value());
}

TEST(FaultNameTest, EveryKindHasOne) {
  for (const auto& [name, kind] : FaultKinds()) EXPECT_EQ(FaultName(kind), name);
  EXPECT_EQ(FaultName(FaultKind::kNone), "none");
}

TEST(NodeControlTest, PidsAndCommands) {
  const auto pids = ParsePids("1 4711 node\n\n2 4712\n");
  ASSERT_TRUE(pids.ok()) << pids.status();
  EXPECT_EQ(*pids, (std::map<int32_t, int>{{1, 4711}, {2, 4712}}));
  for (const char* bad : {"1", "1 x", "x 1", "1 0", "-1 5", "1 5x", "1  5"}) {
    EXPECT_FALSE(ParsePids(bad).ok()) << bad;
  }
  EXPECT_EQ(FillCommand("ssh {host} kill {node} {node} {port}", 3, {"b", 9}), "ssh b kill 3 3 9");
}

}  // namespace
}  // namespace soliton::bench
