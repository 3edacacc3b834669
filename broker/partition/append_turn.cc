#include "broker/partition/append_turn.h"

#include <utility>

#include "broker/partition/partition_table.h"

namespace soliton::broker {

using kafka::ErrorCode;

void AppendTurn::Add(std::shared_ptr<PendingAppend> append) {
  owner_.AssertCurrent();
  if (groups_.empty()) owner_.shard().Post([this] { WriteAll(); });
  const auto [found, is_new] = group_of_.try_emplace(append->id, groups_.size());
  if (is_new) groups_.emplace_back();
  groups_[found->second].push_back(std::move(append));
}

void AppendTurn::WriteAll() {
  group_of_.clear();
  for (const Appends& appends : std::exchange(groups_, {})) {
    Write(appends.front()->id, appends);
  }
}

void AppendTurn::Write(const TopicPartition& id, const Appends& appends) {
  Partition* const partition = partitions_.Find(id);
  if (partition == nullptr) {
    const ErrorCode error = partitions_.AbsenceError(id);
    for (const auto& append : appends) {
      append->outcome.error = error;
      append->Finished();
    }
    return;
  }
  std::vector<ProduceBatch> batches;
  batches.reserve(appends.size());
  for (const auto& append : appends) {
    batches.push_back({std::exchange(append->records, {}), append->acks});
  }
  std::vector<ProduceOutcome> outcomes = partition->AppendAsLeader(batches);
  for (size_t i = 0; i < appends.size(); ++i) {
    PendingAppend& append = *appends[i];
    append.outcome = std::move(outcomes[i]);
    if (append.outcome.error != ErrorCode::NONE || append.acks != -1 ||
        partition->replica().high_watermark() >= append.outcome.required_offset) {
      append.Finished();
      continue;
    }
    append.Waits();
    partition->WhenCommitted(append.outcome.required_offset, append.outcome.leader_epoch,
                             [waiting = appends[i]](ErrorCode error) {
                               waiting->outcome.error = error;
                               waiting->Finished();
                             });
  }
}

}  // namespace soliton::broker
