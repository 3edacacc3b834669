#include "segment/state/producer_state.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::segment {
namespace {

using kafka::ErrorCode;
using Outcome = ProducerCheck::Outcome;

constexpr int32_t kMaxSequence = std::numeric_limits<int32_t>::max();

ProducerBatch MakeBatch(int64_t producer_id, int16_t epoch, int32_t first_sequence,
                        int32_t count = 1, int64_t append_time_ms = 1000) {
  return {.producer_id = producer_id,
          .producer_epoch = epoch,
          .first_sequence = first_sequence,
          .last_sequence = kafka::SequenceAfter(first_sequence, count - 1),
          .last_offset_delta = count - 1,
          .append_time_ms = append_time_ms};
}

ProducerBatch MakeMarker(int64_t producer_id, int16_t epoch, int32_t coordinator_epoch) {
  return {.producer_id = producer_id,
          .producer_epoch = epoch,
          .append_time_ms = 1000,
          .is_transactional = true,
          .is_control = true,
          .coordinator_epoch = coordinator_epoch};
}

// What the table answers, in a form to compare.
struct Answer {
  Outcome outcome = Outcome::kAccept;
  ErrorCode error = ErrorCode::NONE;
  int64_t base_offset = -1;
  int64_t last_offset = -1;
  friend bool operator==(const Answer&, const Answer&) = default;
  friend void PrintTo(const Answer& answer, std::ostream* out) {
    *out << "outcome " << static_cast<int>(answer.outcome) << " error "
         << static_cast<int>(answer.error) << " [" << answer.base_offset << ", "
         << answer.last_offset << "]";
  }
};

constexpr Answer kAccept{};
constexpr Answer kOutOfOrder{Outcome::kRefuse, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER};
constexpr Answer kFenced{Outcome::kRefuse, ErrorCode::INVALID_PRODUCER_EPOCH};
Answer Duplicate(int64_t base_offset, int64_t last_offset) {
  return {Outcome::kDuplicate, ErrorCode::NONE, base_offset, last_offset};
}

Answer Check(const ProducerStateTable& table, const ProducerBatch& batch) {
  const ProducerCheck check = table.CheckAppend(batch);
  EXPECT_EQ(check.outcome == Outcome::kRefuse, !check.message.empty());
  return {check.outcome, check.error, check.base_offset, check.last_offset};
}

// Appends `count` batches of one record each, sequences and offsets from the given ones on.
void Fill(ProducerStateTable& table, int64_t producer_id, int16_t epoch, int32_t sequence,
          int count, int64_t offset) {
  for (int i = 0; i < count; ++i) {
    const ProducerBatch batch =
        MakeBatch(producer_id, epoch, kafka::SequenceAfter(sequence, i), 1, 1000 + i);
    ASSERT_EQ(Check(table, batch), kAccept);
    table.Update(batch, offset + i);
  }
}

TEST(ProducerState, UnknownProducersMayBeginAnywhere) {
  const ProducerStateTable table;
  for (int32_t sequence : {0, 7, kMaxSequence - 1, kMaxSequence}) {
    EXPECT_EQ(Check(table, MakeBatch(1, 0, sequence, 2)), kAccept);
  }
}

TEST(ProducerState, FiveLastBatchesAreDuplicatesOlderOnesAreOutOfOrder) {
  ProducerStateTable table;
  Fill(table, 1, 0, 0, 8, 100);
  for (int32_t sequence = 0; sequence < 8; ++sequence) {
    EXPECT_EQ(Check(table, MakeBatch(1, 0, sequence)),
              sequence < 3 ? kOutOfOrder : Duplicate(100 + sequence, 100 + sequence))
        << sequence;
  }
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 8)), kAccept);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 9)), kOutOfOrder);
  EXPECT_EQ(table.CheckAppend(MakeBatch(1, 0, 5)).append_time_ms, 1005);
}

TEST(ProducerState, PartlyOverlappingBatchesAreOutOfOrder) {
  ProducerStateTable table;
  table.Update(MakeBatch(1, 0, 0, 10), 50);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 0, 10)), Duplicate(50, 59));
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 0, 9)), kOutOfOrder);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 0, 11)), kOutOfOrder);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 1, 9)), kOutOfOrder);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 5, 10)), kOutOfOrder);
}

TEST(ProducerState, EpochsFence) {
  ProducerStateTable table;
  Fill(table, 1, 5, 0, 3, 0);
  EXPECT_EQ(Check(table, MakeBatch(1, 4, 3)), kFenced);
  EXPECT_EQ(Check(table, MakeBatch(1, 4, 0)), kFenced);
  EXPECT_EQ(Check(table, MakeBatch(1, 4, 2)), kFenced) << "sequences of another epoch are no match";
  EXPECT_EQ(Check(table, MakeBatch(1, 6, 3)), kOutOfOrder);
  EXPECT_EQ(Check(table, MakeBatch(1, 6, 0)), kAccept);
  table.Update(MakeBatch(1, 6, 0), 10);
  EXPECT_EQ(Check(table, MakeBatch(1, 6, 0)), Duplicate(10, 10));
  EXPECT_EQ(Check(table, MakeBatch(1, 6, 1)), kAccept);
  EXPECT_EQ(Check(table, MakeBatch(1, 6, 2)), kOutOfOrder) << "the old epoch's batches are gone";
  EXPECT_EQ(Check(table, MakeBatch(1, 5, 3)), kFenced);
}

TEST(ProducerState, SequencesWrapInsideAndBetweenBatches) {
  ProducerStateTable table;
  table.Update(MakeBatch(1, 0, kMaxSequence - 1, 4), 0);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, kMaxSequence - 1, 4)), Duplicate(0, 3));
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 2)), kAccept);
  table.Update(MakeBatch(2, 0, kMaxSequence, 1), 4);
  EXPECT_EQ(Check(table, MakeBatch(2, 0, 0)), kAccept);
  EXPECT_EQ(Check(table, MakeBatch(2, 0, 1)), kOutOfOrder);
}

TEST(ProducerState, ProducersAreIndependent) {
  ProducerStateTable table;
  Fill(table, 1, 0, 0, 3, 0);
  Fill(table, 2, 0, 0, 1, 3);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 3)), kAccept);
  EXPECT_EQ(Check(table, MakeBatch(2, 0, 3)), kOutOfOrder);
  EXPECT_EQ(table.size(), 2u);
}

TEST(ProducerState, CheckingChangesNothing) {
  ProducerStateTable table;
  Fill(table, 1, 0, 0, 2, 0);
  const ProducerStateTable before = table;
  for (const ProducerBatch& batch : {MakeBatch(1, 0, 2), MakeBatch(1, 1, 0), MakeBatch(9, 0, 0)}) {
    EXPECT_EQ(Check(table, batch), kAccept);
    EXPECT_EQ(table, before);
  }
}

TEST(ProducerState, BatchesWithoutProducerAreIgnored) {
  ProducerStateTable table;
  table.Update(MakeBatch(-1, -1, 3), 0);
  EXPECT_EQ(table.size(), 0u);
}

TEST(ProducerState, ExpiresIdleProducersButNotOpenTransactions) {
  ProducerStateTable table;
  table.Update(MakeBatch(1, 0, 0, 1, 1000), 0);
  table.Update(MakeBatch(2, 0, 0, 1, 2000), 1);
  ProducerBatch transactional = MakeBatch(3, 0, 0, 1, 1000);
  transactional.is_transactional = true;
  table.Update(transactional, 2);
  EXPECT_EQ(table.Find(3)->current_txn_first_offset, 2);
  EXPECT_EQ(table.Expire(1999, 1000), 0);
  EXPECT_EQ(table.Expire(2000, 1000), 1);
  EXPECT_EQ(table.Find(1), nullptr);
  EXPECT_NE(table.Find(2), nullptr);
  EXPECT_EQ(table.Expire(1000000, 1000), 1);
  ASSERT_NE(table.Find(3), nullptr);
  table.Update(MakeMarker(3, 0, 7), 3);
  EXPECT_EQ(table.Expire(1000000, 1000), 1);
  EXPECT_EQ(table.size(), 0u);
}

TEST(ProducerState, MarkersEndTransactionsAndRaiseEpochs) {
  ProducerStateTable table;
  Fill(table, 1, 0, 0, 2, 0);
  table.Update(MakeMarker(1, 0, 7), 2);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 2)), kAccept) << "a marker takes no sequence";
  EXPECT_EQ(table.Find(1)->coordinator_epoch, 7);
  table.Update(MakeMarker(1, 1, 8), 3);
  EXPECT_EQ(Check(table, MakeBatch(1, 0, 2)), kFenced);
  EXPECT_EQ(Check(table, MakeBatch(1, 1, 2)), kOutOfOrder);
  EXPECT_EQ(Check(table, MakeBatch(1, 1, 0)), kAccept);
}

TEST(ProducerState, AppendTimeIsNotTheClientsTime) {
  uint8_t bytes[kafka::kBatchHeaderBytes] = {};
  StoreBigEndian(bytes + kafka::batch_layout::kProducerId, int64_t{5});
  StoreBigEndian(bytes + kafka::batch_layout::kMaxTimestamp, int64_t{111});
  const kafka::RecordBatchHeader header(bytes);
  EXPECT_EQ(ProducerBatch::Of(header, 999).append_time_ms, 999);
  StoreBigEndian(bytes + kafka::batch_layout::kAttributes, kafka::kLogAppendTimeBit);
  EXPECT_EQ(ProducerBatch::Of(header, 999).append_time_ms, 111);
}

TEST(ProducerSnapshot, WritesKafkasBytes) {
  ProducerStateTable table;
  ProducerBatch batch = MakeBatch(0x0102030405060708, 0x1112, 0x21222324, 3, 0x3132333435363738);
  batch.is_transactional = true;
  table.Update(batch, 0x41);
  const std::string bytes = table.Encode();
  ASSERT_EQ(bytes.size(), 10u + 46u);
  EXPECT_EQ(bytes.substr(0, 2), std::string("\x00\x01", 2));
  EXPECT_EQ(bytes.substr(6), std::string("\x00\x00\x00\x01"
                                         "\x01\x02\x03\x04\x05\x06\x07\x08"
                                         "\x11\x12"
                                         "\x21\x22\x23\x26"
                                         "\x00\x00\x00\x00\x00\x00\x00\x43"
                                         "\x00\x00\x00\x02"
                                         "\x31\x32\x33\x34\x35\x36\x37\x38"
                                         "\xff\xff\xff\xff"
                                         "\x00\x00\x00\x00\x00\x00\x00\x41",
                                         50));
}

TEST(ProducerSnapshot, AllFiveBatchesSurviveARestart) {
  ProducerStateTable table;
  Fill(table, 9, 3, 10, 7, 500);
  Fill(table, 4, 0, 0, 2, 507);
  table.Update(MakeMarker(11, 2, 6), 509);
  const auto decoded = ProducerStateTable::Decode(table.Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, table);
  EXPECT_EQ(Check(*decoded, MakeBatch(9, 3, 12)), Duplicate(502, 502));
  EXPECT_EQ(Check(*decoded, MakeBatch(9, 3, 11)), kOutOfOrder);
  EXPECT_EQ(decoded->Encode(), table.Encode());
}

TEST(ProducerSnapshot, EmptyTablesRoundTrip) {
  const auto decoded = ProducerStateTable::Decode(ProducerStateTable().Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->size(), 0u);
}

TEST(ProducerSnapshot, AnyDamageIsSeen) {
  ProducerStateTable table;
  Fill(table, 9, 3, 10, 3, 500);
  const std::string good = table.Encode();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= static_cast<char>(1 << (i % 8));
    EXPECT_TRUE(absl::IsDataLoss(ProducerStateTable::Decode(bad).status())) << "byte " << i;
    EXPECT_TRUE(absl::IsDataLoss(ProducerStateTable::Decode(good.substr(0, i)).status()));
  }
  EXPECT_TRUE(absl::IsDataLoss(ProducerStateTable::Decode(good + "x").status()));
  EXPECT_TRUE(absl::IsDataLoss(ProducerStateTable::Decode(good + good).status()));
}

// The rules again, over the whole history instead of a window.
class Model {
 public:
  Answer Check(const ProducerBatch& batch) const {
    const auto found = history_.find(batch.producer_id);
    if (found == history_.end()) return kAccept;
    const std::vector<Appended>& all = found->second;
    const int16_t epoch = all.back().batch.producer_epoch;
    if (batch.producer_epoch == epoch) {
      size_t seen = 0;
      for (auto it = all.rbegin(); it != all.rend() && seen < 5; ++it, ++seen) {
        if (it->batch.producer_epoch != epoch) break;
        if (it->batch.first_sequence == batch.first_sequence &&
            it->batch.last_sequence == batch.last_sequence) {
          return Duplicate(it->base_offset, it->base_offset + it->batch.last_offset_delta);
        }
      }
    }
    if (batch.producer_epoch < epoch) return kFenced;
    const int64_t last = all.back().batch.last_sequence;
    const int64_t expected = batch.producer_epoch > epoch ? 0 : last == kMaxSequence ? 0 : last + 1;
    return batch.first_sequence == expected ? kAccept : kOutOfOrder;
  }
  void Append(const ProducerBatch& batch, int64_t base_offset) {
    history_[batch.producer_id].push_back({batch, base_offset});
  }
  void Truncate(int64_t offset) {
    for (auto it = history_.begin(); it != history_.end();) {
      std::erase_if(it->second, [&](const Appended& a) {
        return a.base_offset + a.batch.last_offset_delta >= offset;
      });
      it = it->second.empty() ? history_.erase(it) : std::next(it);
    }
  }
  int32_t NextSequence(int64_t producer_id) const {
    const auto found = history_.find(producer_id);
    return found == history_.end()
               ? 0
               : kafka::SequenceAfter(found->second.back().batch.last_sequence, 1);
  }

 private:
  struct Appended {
    ProducerBatch batch;
    int64_t base_offset = 0;
  };
  std::map<int64_t, std::vector<Appended>> history_;
};

TEST(ProducerState, FollowsAModelThroughAppendsRetriesSnapshotsAndTruncations) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    ProducerStateTable table;
    Model model;
    std::vector<std::pair<ProducerBatch, int64_t>> log;
    std::string snapshot = table.Encode();
    int64_t snapshot_offset = 0;
    int64_t end_offset = 0;
    int duplicates = 0;
    for (int step = 0; step < 400; ++step) {
      if (random.Chance(1, 40)) {
        snapshot = table.Encode();
        snapshot_offset = end_offset;
      }
      if (random.Chance(1, 40) && end_offset > snapshot_offset) {
        // As a log does it: back to the snapshot, then forward over what is left.
        int64_t to = random.Between(snapshot_offset, end_offset);
        while (!log.empty() && log.back().second + log.back().first.last_offset_delta >= to) {
          to = std::min(to, log.back().second);
          log.pop_back();
        }
        model.Truncate(to);
        end_offset = to;
        auto decoded = ProducerStateTable::Decode(snapshot);
        ASSERT_TRUE(decoded.ok()) << decoded.status();
        table = *std::move(decoded);
        for (const auto& [batch, base_offset] : log) {
          if (base_offset >= snapshot_offset) table.Update(batch, base_offset);
        }
      }
      const auto producer_id = static_cast<int64_t>(random.Below(3));
      const int32_t next = model.NextSequence(producer_id);
      const ProducerBatch batch =
          MakeBatch(producer_id, static_cast<int16_t>(random.Below(8) == 0 ? random.Below(4) : 1),
                    random.Chance(1, 2)
                        ? next
                        : kafka::SequenceAfter(next, random.Chance(1, 30) ? kMaxSequence - 3
                                                                          : random.Between(-12, 2)),
                    static_cast<int32_t>(random.Between(1, 3)));
      const Answer expected = model.Check(batch);
      ASSERT_EQ(Check(table, batch), expected) << "seed " << seed << " step " << step;
      duplicates += expected.outcome == Outcome::kDuplicate ? 1 : 0;
      if (expected != kAccept) continue;
      table.Update(batch, end_offset);
      model.Append(batch, end_offset);
      log.emplace_back(batch, end_offset);
      end_offset += batch.last_offset_delta + 1;
    }
    EXPECT_GT(duplicates, 0) << "seed " << seed << " tried no retry";
  }
}

}  // namespace
}  // namespace soliton::segment
