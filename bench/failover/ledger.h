// What a load sent, what was acknowledged, and whether the log agrees: the judge of a failover run.
// Pure.
//
// Every record carries (partition, sequence) with sequences 0, 1, 2, ... per partition in send
// order, so reading a partition back tells what was lost, duplicated or reordered without keeping
// the records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/loop/clock.h"

namespace soliton::bench {

struct Verdict {
  int64_t acked = 0;
  int64_t sent = 0;
  int64_t failed = 0;  // the producer said so: not written, or unknown
  int64_t read = 0;
  int64_t lost = 0;          // acknowledged, not in the log
  int64_t duplicated = 0;    // further copies of a record
  int64_t out_of_order = 0;  // behind a later one of its partition
  int64_t misplaced = 0;     // at another offset than the acknowledgement said
  int64_t foreign = 0;       // not records of this run

  // `exactly_once`: the client promises that; else a retry may repeat or overtake.
  bool ok(bool exactly_once = true) const {
    return lost == 0 && misplaced == 0 && foreign == 0 &&
           (!exactly_once || (duplicated == 0 && out_of_order == 0));
  }
};

// Between two acknowledgements of one partition.
struct Pause {
  MonotonicTime last_ack;
  MonotonicTime first_ack;
  bool ended = true;  // false: the run was over before another acknowledgement

  Duration length() const { return first_ack - last_ack; }
};

class Ledger {
 public:
  explicit Ledger(int32_t partitions);

  int32_t partitions() const { return static_cast<int32_t>(lanes_.size()); }
  // The next record of a partition: its sequence.
  int64_t Sent(int32_t partition);
  // `offset` -1: the acknowledgement did not say.
  void Acked(int32_t partition, int64_t sequence, int64_t offset, MonotonicTime when);
  void Failed(int32_t partition, int64_t sequence);

  // Reading back, per partition in offset order. nullopt: not a record of this run.
  void Read(int32_t partition, int64_t offset, std::optional<int64_t> sequence);
  // After everything was read.
  Verdict Judge() const;

  int64_t sent() const { return sent_; }
  int64_t acked() const { return acked_; }
  int64_t failed() const { return failed_; }
  int64_t outstanding() const { return sent_ - acked_ - failed_; }

  // When a record was acknowledged; nullopt: not (yet).
  std::optional<MonotonicTime> AckedAt(int32_t partition, int64_t sequence) const;
  int64_t sent(int32_t partition) const;
  // Of any record; nullopt: none so far.
  std::optional<MonotonicTime> LastAck(int32_t partition) const;

  // The longest pause between two acknowledgements of a partition that ends after `from` and begins
  // before `to`: how long it was not writable for this client. Where nothing was acknowledged any
  // more it lasts until `end`; nullopt when nothing ever was, or no pause touches the window.
  std::optional<Pause> LongestPause(int32_t partition, MonotonicTime from, MonotonicTime to,
                                    MonotonicTime end) const;
  // The longest pause between `from` and `to` of a typical partition (their median): what the
  // load's own rhythm makes. Zero where nothing was acknowledged.
  Duration UsualPause(MonotonicTime from, MonotonicTime to) const;

 private:
  struct Lane {
    std::vector<int64_t> acked_offset;    // by sequence, see ledger.cc for the negative ones
    std::vector<MonotonicTime> acked_at;  // by sequence, where acknowledged
    std::vector<uint8_t> copies;          // read back, by sequence
    std::vector<MonotonicTime> acks;      // in order
    int64_t highest_read = -1;
    int64_t duplicated = 0;
    int64_t out_of_order = 0;
    int64_t misplaced = 0;
    int64_t foreign = 0;
    int64_t read = 0;
  };

  std::vector<Lane> lanes_;
  int64_t sent_ = 0;
  int64_t acked_ = 0;
  int64_t failed_ = 0;
};

// The value of a record: "<run> <partition> <sequence> " padded with dots to `size_bytes`.
std::string MakeValue(std::string_view run, int32_t partition, int64_t sequence, size_t size_bytes);
// Its sequence, when `value` is one of `run` for `partition`.
std::optional<int64_t> ParseValue(std::string_view value, std::string_view run, int32_t partition);

}  // namespace soliton::bench
