// Turns fetched batches into record sets: checks the CRC, decompresses, drops what lies below the
// wanted offset, control records, and (read_committed) the records of aborted transactions. Pure;
// one per partition, one owner.
// Sources: record batch v2; KIP-98 for aborted transactions.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "consumer/record_set.h"
#include "protocol/record/record_batch.h"

namespace soliton::consumer {

// A transaction that was rolled back: records of this producer from this offset to its abort marker
// do not count.
struct AbortedTransaction {
  int64_t producer_id = -1;
  int64_t first_offset = 0;

  friend auto operator<=>(const AbortedTransaction&, const AbortedTransaction&) = default;
};

struct BatchReaderOptions {
  bool check_crc = true;
  bool read_committed = false;
  // A batch that decompresses to more is refused.
  int64_t max_batch_bytes = 256 * 1024 * 1024;
};

class BatchReader {
 public:
  explicit BatchReader(const BatchReaderOptions& options) : options_(options) {}

  // Before the first batch of an answer: its list replaces the state, since every answer lists all
  // aborted transactions that touch its range.
  void BeginAnswer(const std::vector<AbortedTransaction>& aborted);

  // The records of `batch` from `from_offset` on; possibly none. kDataLoss: the batch is damaged.
  absl::StatusOr<RecordSet> Read(const kafka::RecordBatchView& batch, int64_t from_offset);

 private:
  // Whether the batch belongs to an aborted transaction; keeps the state of transactions.
  bool IsAborted(const kafka::RecordBatchView& batch);
  void EndTransaction(const kafka::RecordBatchView& batch);

  const BatchReaderOptions options_;
  std::set<std::pair<int64_t, int64_t>> pending_;  // (first offset, producer id), ascending
  std::set<int64_t> aborted_producers_;            // inside an aborted transaction now
};

}  // namespace soliton::consumer
