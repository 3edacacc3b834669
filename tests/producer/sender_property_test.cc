// Any interleaving of errors, lost connections, late requests and leader changes keeps order and
// exactly-once, and every batch ends.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "producer/sender_core.h"
#include "tests/producer/model_brokers.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

constexpr int kBrokers = 3;
constexpr int kPartitions = 4;

struct RunOptions {
  bool idempotent = true;
  bool expire = false;  // some batches run into their delivery timeout
  ModelBrokers::Faults faults;
};

// Drives one sender against the model from one seed.
class SenderRun {
 public:
  SenderRun(uint64_t seed, const RunOptions& options)
      : options_(options),
        random_(seed),
        sender_({.idempotent = options.idempotent}, seed + 1),
        brokers_(kBrokers, kPartitions, options.idempotent, seed + 2) {
    for (int i = 0; i < kPartitions; ++i) sender_.AddPartition();
  }

  void Disturbed(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step(options_.faults);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  // Without faults everything that was admitted must end.
  void Healed() {
    const ModelBrokers::Faults none{0, 0, 0, 0, 0, false};
    admitting_ = false;
    for (int i = 0; i < 20000 && ended_.size() < admitted_.size(); ++i) Step(none);
    ASSERT_EQ(ended_.size(), admitted_.size()) << "batches never ended";
  }

  void CheckLogs() const {
    for (PartitionIndex partition = 0; partition < kPartitions; ++partition) {
      BatchId last = 0;
      std::set<BatchId> present;
      for (const ModelBrokers::Entry& entry : brokers_.log(partition)) {
        if (options_.idempotent) {
          ASSERT_GT(entry.batch, last) << "out of order or twice in partition " << partition;
        }
        last = entry.batch;
        present.insert(entry.batch);
      }
      for (const auto& [batch, where] : admitted_) {
        const auto end = ended_.find(batch);
        if (where != partition || end == ended_.end()) continue;
        const Completion& completion = end->second;
        const bool acked = completion.acked;
        if (acked && !options_.faults.unclean) {
          ASSERT_TRUE(present.contains(batch)) << "acknowledged batch " << batch << " is lost";
        }
        if (!acked && !completion.maybe_appended) {
          ASSERT_FALSE(present.contains(batch)) << "batch " << batch << " was said to be absent";
        }
      }
    }
  }

  void Dump() const {
    for (PartitionIndex partition = 0; partition < kPartitions; ++partition) {
      std::string text;
      for (const ModelBrokers::Entry& entry : brokers_.log(partition)) {
        text += fmt::format(" {}({}/{}@{}+{})", entry.batch, entry.producer.id,
                            entry.producer.epoch, entry.first_sequence, entry.count);
      }
      std::printf("partition %u:%s\n", partition, text.c_str());
    }
  }

  uint64_t sequence_resets() const { return sender_.sequence_resets(); }
  size_t acked() const {
    size_t count = 0;
    for (const auto& [batch, completion] : ended_) {
      count += completion.acked;
    }
    return count;
  }

 private:
  void Step(const ModelBrokers::Faults& faults) {
    now_ += Duration(random_.Between(0, 4'000'000));
    switch (random_.Below(8)) {
      case 0:
      case 1:
        AdmitOne();
        break;
      case 2:
        Learn();
        break;
      case 3:
      case 4:
        SendSome();
        break;
      default:
        brokers_.Step(sender_, now_, faults);
        break;
    }
    if (sender_.needs_producer_id() && random_.Chance(1, 3)) {
      sender_.SetProducerId({next_producer_id_++, 0});
    }
    sender_.Tick(now_);
    TakeCompletions();
  }

  void AdmitOne() {
    const auto partition = static_cast<PartitionIndex>(random_.Below(kPartitions));
    if (!admitting_ || !sender_.CanAdmit(partition)) return;
    const BatchId id = next_batch_++;
    const auto count = static_cast<int32_t>(random_.Between(1, 9));
    admitted_[id] = partition;
    counts_[id] = count;
    const bool expires = options_.expire && random_.Chance(1, 2);
    sender_.Admit(partition, {.id = id,
                              .record_count = count,
                              .size_bytes = 100,
                              .expires_at = now_ + (expires ? Duration(milliseconds(60))
                                                            : Duration(seconds(1'000'000)))});
    ASSERT_LE(sender_.unresolved(partition), options_.idempotent ? 5u : 1u);
  }

  // Metadata arrives, sometimes about one partition only.
  void Learn() {
    for (PartitionIndex partition = 0; partition < kPartitions; ++partition) {
      if (random_.Chance(1, 2)) sender_.SetLeader(partition, brokers_.leader(partition), now_);
    }
  }

  void SendSome() {
    for (const int32_t broker : sender_.BrokersWithWork(now_)) {
      if (auto plan = sender_.Plan(broker, now_, 250)) brokers_.Send(*plan, counts_);
    }
  }

  void TakeCompletions() {
    for (const Completion& completion : sender_.TakeCompletions()) {
      ASSERT_TRUE(ended_.emplace(completion.batch, completion).second)
          << "batch " << completion.batch << " ended twice";
      BatchId& last = last_ended_[admitted_.at(completion.batch)];
      ASSERT_LT(last, completion.batch) << "told out of order";
      last = completion.batch;
    }
  }

  const RunOptions options_;
  Random random_;
  SenderCore sender_;
  ModelBrokers brokers_;
  MonotonicTime now_{};
  bool admitting_ = true;
  BatchId next_batch_ = 1;
  int64_t next_producer_id_ = 1000;
  std::map<BatchId, PartitionIndex> admitted_;
  std::map<BatchId, int32_t> counts_;
  std::map<BatchId, Completion> ended_;
  std::map<PartitionIndex, BatchId> last_ended_;
};

struct Totals {
  size_t acked = 0;
  uint64_t resets = 0;
};

Totals RunSeeds(uint64_t seeds, const RunOptions& options) {
  Totals totals;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SenderRun run(seed * 7919, options);
    run.Disturbed(1500);
    run.Healed();
    run.CheckLogs();
    if (testing::Test::HasFatalFailure()) {
      run.Dump();
      return totals;
    }
    totals.acked += run.acked();
    totals.resets += run.sequence_resets();
  }
  return totals;
}

TEST(SenderPropertyTest, IdempotentKeepsOrderAndExactlyOnce) {
  const Totals totals = RunSeeds(400, {});
  EXPECT_GT(totals.acked, 400u * 20);
}

TEST(SenderPropertyTest, IdempotentWithoutFaultsNeverResets) {
  const Totals totals = RunSeeds(50, {.faults = {0, 0, 0, 0, 0, false}});
  EXPECT_EQ(totals.resets, 0u);
}

TEST(SenderPropertyTest, ExpiringBatchesNeverLieAboutBeingAbsent) {
  const Totals totals = RunSeeds(400, {.expire = true});
  EXPECT_GT(totals.resets, 0u) << "a gap must have led to new sequences somewhere";
}

TEST(SenderPropertyTest, UncleanElectionsNeitherDuplicateNorReorder) {
  const Totals totals = RunSeeds(400, {.faults = {.unclean = true}});
  EXPECT_GT(totals.resets, 0u);
}

TEST(SenderPropertyTest, WithoutIdempotenceNothingAckedIsLost) {
  RunSeeds(100, {.idempotent = false});
}

}  // namespace
}  // namespace soliton::producer
