#include "tests/sim/client_history.h"

#include <algorithm>

#include "tests/sim/checkers/invariant_13_read_bounds.h"
#include "tests/sim/payload.h"

namespace soliton::sim {

int32_t ClientHistory::NextProducer(Promise promise) {
  promises_.push_back(promise);
  return static_cast<int32_t>(promises_.size()) - 1;
}

void ClientHistory::OnSent(const PartitionName& partition, const RecordName& name) {
  const Promise promise = PromiseOf(name.producer);
  if (promise == Promise::kExactlyOnce) producers_.OnSent(partition, name);
  if (promise == Promise::kKept) plain_.OnSent(partition, name);
  auto highest = highest_acked_.find(partition);
  unanswered_[{partition, name}] = {highest == highest_acked_.end() ? -1 : highest->second};
}

void ClientHistory::OnAcked(const PartitionName& partition, const RecordName& name,
                            int64_t offset) {
  world_.MixTrace(static_cast<uint64_t>(offset));
  auto pending = unanswered_.find({partition, name});
  if (pending == unanswered_.end()) {
    world_.Fail("10: one answer",
                absl::InternalError(fmt::format("{}: {} was answered twice", partition.ToString(),
                                                name.ToString())));
    return;
  }
  const Pending sent = pending->second;
  unanswered_.erase(pending);
  ++acked_of_partition_[partition];
  ++acked_of_producer_[name.producer];
  ++acked_in_all_;
  if (PromiseOf(name.producer) == Promise::kNothing) return;
  world_.Fail("7: acked once committed",
              CheckCommitted(partition, name.ToString(), offset, truth_.high_watermark(partition)));
  if (offset <= sent.acked_before) {
    world_.Fail("9: order of acks",
                absl::InternalError(fmt::format(
                    "{}: {} acked at offset {}, but offset {} was acked before it was sent",
                    partition.ToString(), name.ToString(), offset, sent.acked_before)));
  }
  world_.Fail("7: acked once", acked_.OnAck(partition, offset, name));
  int64_t& highest = highest_acked_.try_emplace(partition, -1).first->second;
  highest = std::max(highest, offset);
}

void ClientHistory::OnFailed(const PartitionName& partition, const RecordName& name) {
  world_.MixTrace(static_cast<uint64_t>(name.number));
  unanswered_.erase({partition, name});
  NoteFailed(partition, name);
  ++failed_in_all_;
}

void ClientHistory::NoteFailed(const PartitionName& partition, const RecordName& name) {
  const Promise promise = PromiseOf(name.producer);
  if (promise == Promise::kExactlyOnce) producers_.OnFailed(partition, name);
  if (promise == Promise::kKept) plain_.OnFailed(partition, name);
}

void ClientHistory::OnProducerGone(int32_t producer) {
  for (auto it = unanswered_.begin(); it != unanswered_.end();) {
    if (it->first.second.producer != producer) {
      ++it;
      continue;
    }
    NoteFailed(it->first.first, it->first.second);
    it = unanswered_.erase(it);
  }
}

void ClientHistory::OnRead(const std::string& consumer, const PartitionName& partition,
                           int64_t offset, std::string_view value) {
  world_.MixTrace(static_cast<uint64_t>(offset));
  ++read_in_all_;
  auto name = ParsePayload(partition, value);
  if (!name.ok()) {
    world_.Fail("8: records are unchanged", name.status());
    return;
  }
  world_.Fail("13: read bounds",
              CheckCommitted(partition, consumer, offset, truth_.high_watermark(partition)));
  world_.Fail("8: offsets are immutable", contents_.OnRead(partition, {offset, *name}));
  world_.Fail("28: honest errors", errors_.OnSeen(partition, {offset, *name}));
  const auto [position, first] = positions_.try_emplace({consumer, partition}, offset);
  const bool was_reset = reset_.erase({consumer, partition}) > 0;
  const bool deleted =
      (offset > position->second || was_reset) && offset <= truth_.log_start(partition);
  if (position->second != offset && !deleted) {
    world_.Fail(
        "9: consumers see every offset once",
        absl::InternalError(fmt::format("{}: {} read offset {} after {}", partition.ToString(),
                                        consumer, offset, position->second - 1)));
  }
  position->second = offset + 1;
}

void ClientHistory::OnReset(const std::string& consumer, const PartitionName& partition) {
  visibility_.Forget(consumer, partition);
  reset_.insert({consumer, partition});
}

void ClientHistory::OnHighWatermark(const std::string& consumer, const PartitionName& partition,
                                    int64_t offset) {
  world_.Fail("12: monotone visibility",
              visibility_.Observe(consumer, partition, "the high watermark", offset));
}

void ClientHistory::OnEndOffset(const std::string& consumer, const PartitionName& partition,
                                int64_t offset) {
  if (offset > 0) {
    world_.Fail("13: read bounds",
                CheckCommitted(partition, consumer, offset - 1, truth_.high_watermark(partition)));
  }
}

absl::Status ClientHistory::Audit(const PartitionName& partition, int64_t log_start_offset,
                                  const std::vector<RecordObservation>& records,
                                  bool all_answered) {
  if (absl::Status status = acked_.Audit(partition, log_start_offset, records); !status.ok()) {
    return status;
  }
  for (const RecordObservation& record : records) {
    if (absl::Status status = contents_.OnRead(partition, record); !status.ok()) return status;
    if (absl::Status status = errors_.OnSeen(partition, record); !status.ok()) return status;
  }
  if (deleted_on_request_ && log_start_offset > 0) return absl::OkStatus();
  if (absl::Status status = plain_.Audit(partition, records); !status.ok()) return status;
  return producers_.Audit(partition, log_start_offset, records, all_answered);
}

int64_t ClientHistory::acked(const PartitionName& partition) const {
  auto found = acked_of_partition_.find(partition);
  return found == acked_of_partition_.end() ? 0 : found->second;
}

int64_t ClientHistory::acked_by(int32_t producer) const {
  auto found = acked_of_producer_.find(producer);
  return found == acked_of_producer_.end() ? 0 : found->second;
}

int64_t ClientHistory::position(const std::string& consumer, const PartitionName& partition) const {
  auto found = positions_.find({consumer, partition});
  return found == positions_.end() ? 0 : found->second;
}

}  // namespace soliton::sim
