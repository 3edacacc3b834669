// Every checker of replicas and metadata accepts a legal history and rejects the smallest illegal
// one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/checkers/invariant_01_metadata_quorum.h"
#include "tests/sim/checkers/invariant_03_leader_completeness.h"
#include "tests/sim/checkers/invariant_05_quorum_superset.h"
#include "tests/sim/checkers/invariant_06_durable_before_counted.h"
#include "tests/sim/checkers/invariant_07_acked_records.h"
#include "tests/sim/checkers/invariant_09_10_idempotent_producer.h"
#include "tests/sim/checkers/invariant_13_read_bounds.h"
#include "tests/sim/checkers/invariant_15_stale_actors.h"
#include "tests/sim/checkers/invariant_19_metadata_determinism.h"
#include "tests/sim/checkers/invariant_27_legal_deletion.h"

namespace soliton::sim {
namespace {

const PartitionName kPartition{"t", 0};

BatchObservation Batch(int64_t base, int64_t last, int32_t epoch, uint64_t hash) {
  return {.base_offset = base, .last_offset = last, .leader_epoch = epoch, .content_hash = hash};
}

ReplicaObservation Leader(int32_t broker, int32_t epoch, int64_t high_watermark,
                          int64_t log_end_offset) {
  ReplicaObservation leader;
  leader.broker = broker;
  leader.partition = kPartition;
  leader.leader = true;
  leader.leader_epoch = epoch;
  leader.isr = leader.maximal_isr = {1, 2};
  leader.min_insync_replicas = 2;
  leader.high_watermark = high_watermark;
  leader.log_end_offset = leader.flushed_offset = log_end_offset;
  return leader;
}

TEST(CommittedLedgerTest, ALeaderHasTheLastCommittedBatch) {
  CommittedLedger ledger;
  EXPECT_TRUE(ledger.CheckLeader(Leader(1, 0, 0, 0), {}).ok()) << "nothing is committed yet";
  EXPECT_TRUE(ledger.Commit(kPartition, 1, {Batch(0, 1, 0, 100), Batch(2, 3, 0, 200)}).ok());
  EXPECT_EQ(ledger.end(kPartition), 4);
  EXPECT_TRUE(ledger.CheckLeader(Leader(2, 1, 0, 6), {Batch(2, 3, 0, 200)}).ok());
  EXPECT_EQ(ledger.CheckLeader(Leader(2, 1, 0, 2), {}).code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(ledger.CheckLeader(Leader(2, 1, 0, 4), {Batch(2, 3, 0, 201)}).ok());
  EXPECT_FALSE(ledger.CheckLeader(Leader(2, 1, 0, 4), {Batch(2, 3, 1, 200)}).ok());
}

TEST(CommittedLedgerTest, NoOffsetIsCommittedTwice) {
  CommittedLedger ledger;
  EXPECT_TRUE(ledger.Commit(kPartition, 1, {Batch(0, 1, 0, 100)}).ok());
  EXPECT_TRUE(ledger.Commit(kPartition, 1, {Batch(2, 2, 0, 200)}).ok());
  EXPECT_FALSE(ledger.Commit(kPartition, 2, {Batch(2, 2, 1, 300)}).ok());
}

TEST(CommittedLedgerTest, LogsAgreeWithItBelowTheirHighWatermark) {
  CommittedLedger ledger;
  EXPECT_TRUE(ledger.Commit(kPartition, 1, {Batch(0, 1, 0, 100), Batch(2, 3, 0, 200)}).ok());
  LogObservation log{.broker = 2, .partition = kPartition, .high_watermark = 4};
  log.batches = {Batch(0, 1, 0, 100), Batch(2, 3, 1, 200)};
  EXPECT_FALSE(ledger.CheckLog(log).ok());
  log.high_watermark = 2;
  EXPECT_TRUE(ledger.CheckLog(log).ok()) << "its own tail may yet be cut";
}

TEST(QuorumSupersetTest, WantsMinInsyncReplicasAndEveryCandidate) {
  const PartitionMetadata committed{
      .partition = kPartition, .leader = 1, .leader_epoch = 3, .isr = {1, 2}};
  EXPECT_TRUE(CheckQuorum(Leader(1, 3, 5, 5), committed).ok());
  ReplicaObservation alone = Leader(1, 3, 5, 5);
  alone.isr = {1};
  EXPECT_FALSE(CheckQuorum(alone, committed).ok()) << "one of two";
  PartitionMetadata wider = committed;
  wider.isr = {1, 2, 3};
  EXPECT_FALSE(CheckQuorum(Leader(1, 3, 5, 5), wider).ok()) << "broker 3 may be elected";
  wider.leader_epoch = 4;
  EXPECT_TRUE(CheckQuorum(Leader(1, 3, 5, 5), wider).ok());
}

TEST(DurableBeforeCountedTest, WhatWasFlushedIsThereAfterARestart) {
  DurableBeforeCounted checker;
  ReplicaObservation replica = Leader(1, 0, 0, 8);
  EXPECT_TRUE(checker.Observe(replica).ok());
  replica.log_end_offset = replica.flushed_offset = 6;
  EXPECT_TRUE(checker.Observe(replica).ok()) << "truncated";
  replica.incarnation = 1;
  EXPECT_TRUE(checker.Observe(replica).ok());
  replica.incarnation = 2;
  replica.log_end_offset = 5;
  EXPECT_FALSE(checker.Observe(replica).ok());
  checker.Forget(1);
  replica.incarnation = 3;
  replica.log_end_offset = 0;
  EXPECT_TRUE(checker.Observe(replica).ok()) << "a new disk";
}

TEST(AckedRecordsTest, ADuplicateMustBeAnsweredWithTheOffsetOfItsOwnRecord) {
  AckedRecords acked;  // invariant 11
  EXPECT_TRUE(acked.OnAck(kPartition, 1, {1, 0}).ok());
  EXPECT_FALSE(acked.Audit(kPartition, 0, {{0, {1, 0}}, {1, {1, 1}}}).ok());
}

TEST(ReadBoundsTest, NothingAtOrAboveTheHighWatermark) {
  EXPECT_TRUE(CheckCommitted(kPartition, "c", 4, 5).ok());
  EXPECT_FALSE(CheckCommitted(kPartition, "c", 5, 5).ok());
}

TEST(StaleActorsTest, EpochsOnlyGrow) {
  StaleActors checker;
  EXPECT_TRUE(checker.OnBrokerEpoch(1, 10).ok());
  EXPECT_TRUE(checker.OnBrokerEpoch(1, 12).ok());
  EXPECT_FALSE(checker.OnBrokerEpoch(1, 10).ok());
  PartitionMetadata partition{
      .partition = kPartition, .leader = 1, .leader_epoch = 1, .partition_epoch = 4, .isr = {1, 2}};
  EXPECT_TRUE(checker.OnPartition(partition).ok());
  EXPECT_TRUE(checker.OnPartition(partition).ok());
  PartitionMetadata same_epoch = partition;
  same_epoch.isr = {1};
  EXPECT_FALSE(checker.OnPartition(same_epoch).ok());
  PartitionMetadata new_leader = partition;
  new_leader.leader = 2;
  new_leader.partition_epoch = 5;
  EXPECT_FALSE(checker.OnPartition(new_leader).ok()) << "another leader in the same epoch";
  new_leader.leader_epoch = 2;
  EXPECT_TRUE(checker.OnPartition(new_leader).ok());
  EXPECT_FALSE(checker.OnPartition(partition).ok()) << "back";
}

TEST(StaleActorsTest, ADeposedLeaderCommitsOnlyWhatItsSuccessorHas) {
  StaleActors checker;
  checker.OnLeader(Leader(1, 1, 4, 8));
  checker.OnLeader(Leader(2, 2, 4, 6));
  EXPECT_TRUE(checker.OnCommit(Leader(1, 1, 6, 8)).ok());
  EXPECT_FALSE(checker.OnCommit(Leader(1, 1, 7, 8)).ok());
  EXPECT_TRUE(checker.OnCommit(Leader(2, 2, 7, 8)).ok());
}

TEST(MetadataQuorumTest, OneLeaderPerEpochAndNothingShrinks) {
  MetadataQuorum checker;
  const auto seen = [&](const std::string& voter, int32_t epoch, bool leads, int64_t committed) {
    return checker.Observe({voter + "'s", voter, epoch, leads, committed});
  };
  EXPECT_TRUE(seen("a", 1, true, 0).ok());
  EXPECT_TRUE(seen("b", 1, false, 0).ok());
  EXPECT_TRUE(seen("b", 2, true, 7).ok());
  EXPECT_TRUE(seen("a", 1, true, 5).ok()) << "it does not know yet";
  EXPECT_FALSE(seen("a", 2, true, 7).ok()) << "two leaders";
  EXPECT_FALSE(seen("b", 2, true, 6).ok()) << "commits shrink";
  EXPECT_FALSE(seen("b", 1, false, 7).ok()) << "epochs shrink";
}

TEST(MetadataDeterminismTest, OneContentPerOffset) {
  MetadataDeterminism checker;
  EXPECT_TRUE(checker.Observe("controller", 5, 0xa).ok());
  EXPECT_TRUE(checker.Observe("broker", 5, 0xa).ok());
  EXPECT_TRUE(checker.Observe("broker", 6, 0xb).ok());
  EXPECT_FALSE(checker.Observe("other", 6, 0xc).ok());
  EXPECT_FALSE(checker.Observe("broker", 5, 0xa).ok()) << "back";
}

TEST(LegalDeletionTest, OnlyWhatIsCommittedAndOnlyWithRetention) {
  ReplicaObservation replica = Leader(1, 0, 5, 8);
  EXPECT_TRUE(CheckDeletion(replica, 5, false).ok());
  replica.log_start_offset = 5;
  EXPECT_TRUE(CheckDeletion(replica, 5, true).ok());
  EXPECT_FALSE(CheckDeletion(replica, 5, false).ok());
  replica.log_start_offset = 6;
  EXPECT_FALSE(CheckDeletion(replica, 5, true).ok());
}

TEST(PlainOrderTest, RepeatsAreLegalAndFirstsAreInOrder) {
  PlainOrder checker;
  for (int64_t i = 0; i < 3; ++i) checker.OnSent(kPartition, {1, i});
  const auto audit = [&](std::vector<RecordObservation> records) {
    return checker.Audit(kPartition, records).ok();
  };
  EXPECT_TRUE(audit({{0, {1, 0}}, {1, {1, 1}}, {2, {1, 0}}, {3, {1, 2}}}));
  EXPECT_FALSE(audit({{0, {1, 1}}, {1, {1, 0}}}));
  checker.OnFailed(kPartition, {1, 0});
  EXPECT_TRUE(audit({{0, {1, 1}}, {1, {1, 0}}})) << "given up, and in the log all the same";
}

TEST(IdempotentProducersTest, ADeletedHeadIsNoGap) {
  IdempotentProducers checker;
  for (int64_t i = 0; i < 3; ++i) checker.OnSent(kPartition, {1, i});
  EXPECT_FALSE(checker.Audit(kPartition, 0, {{7, {1, 2}}}, true).ok());
  EXPECT_TRUE(checker.Audit(kPartition, 7, {{7, {1, 2}}}, true).ok());
  EXPECT_FALSE(checker.Audit(kPartition, 7, {{7, {1, 1}}}, true).ok()) << "the last one is missing";
}

}  // namespace
}  // namespace soliton::sim
