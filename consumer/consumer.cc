#include "consumer/consumer.h"

#include <utility>

#include "consumer/consumer_impl.h"

namespace soliton::consumer {

absl::StatusOr<std::unique_ptr<Consumer>> Consumer::Create(const Ports& ports, Shard& shard,
                                                           ConsumerOptions options) {
  if (options.cluster.bootstrap.empty()) {
    return absl::InvalidArgumentError("no bootstrap address");
  }
  if (options.fetch.max_bytes <= 0 || options.fetch.partition_max_bytes <= 0) {
    return absl::InvalidArgumentError("fetch sizes must be positive");
  }
  auto impl = std::make_shared<Impl>(*ports.transport, shard, std::move(options));
  impl->Start();
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

Consumer::Consumer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() { impl_->Abandon(); }

void Consumer::Assign(const std::vector<std::pair<TopicPartition, StartPosition>>& partitions) {
  impl_->Assign(partitions);
}
void Consumer::Seek(const TopicPartition& partition, const StartPosition& position) {
  impl_->Seek(partition, position);
}
void Consumer::Pause(const TopicPartition& partition) { impl_->SetPaused(partition, true); }
void Consumer::Resume(const TopicPartition& partition) { impl_->SetPaused(partition, false); }
std::vector<RecordSet> Consumer::Poll(int max_sets) { return impl_->Poll(max_sets); }
void Consumer::OnReady(std::function<void()> callback) { impl_->on_ready_ = std::move(callback); }
void Consumer::OnEvent(std::function<void(const ConsumerEvent&)> callback) {
  impl_->on_event_ = std::move(callback);
}
std::optional<int64_t> Consumer::Position(const TopicPartition& partition) const {
  return impl_->Position(partition);
}
std::optional<int64_t> Consumer::HighWatermark(const TopicPartition& partition) const {
  return impl_->HighWatermark(partition);
}
OffsetLookup& Consumer::offsets() { return impl_->offsets(); }
kafka::ClusterClient& Consumer::cluster() { return impl_->cluster(); }
ConsumerStats Consumer::stats() const { return impl_->stats(); }

}  // namespace soliton::consumer
