#include "broker/partition/append_turn.h"

#include <algorithm>
#include <utility>

#include "broker/partition/partition_table.h"

namespace soliton::broker {

using kafka::ErrorCode;

namespace {
constexpr std::string_view kAfterPause =
    "this broker did not run for a while and does not know yet whether it still leads: try again";
}  // namespace

void AppendTurn::Add(std::shared_ptr<PendingAppend> append) {
  owner_.AssertCurrent();
  if (groups_.empty()) owner_.shard().Post([this] { WriteAll(); });
  const auto [found, is_new] = group_of_.try_emplace(append->id, groups_.size());
  if (is_new) groups_.emplace_back();
  groups_[found->second].push_back(std::move(append));
}

void AppendTurn::WriteAll() {
  group_of_.clear();
  for (Appends& appends : std::exchange(groups_, {})) {
    const TopicPartition id = appends.front()->id;
    RefuseUnconfirmed(appends);
    if (!appends.empty()) Write(id, appends);
  }
}

void AppendTurn::RefuseUnconfirmed(Appends& appends) {
  const auto alone = [](const auto& append) { return append->acks != -1; };
  if (std::none_of(appends.begin(), appends.end(), alone) || MayActAlone()) return;
  std::erase_if(appends, [&](const std::shared_ptr<PendingAppend>& append) {
    if (!alone(append)) return false;
    append->outcome.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    append->outcome.error_message = std::string(kAfterPause);
    append->Finished();
    return true;
  });
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
    // The write may have taken long, too.
    if (append.outcome.error == ErrorCode::NONE && append.acks != -1 && !MayActAlone()) {
      append.outcome.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
      append.outcome.error_message = std::string(kAfterPause);
    }
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
