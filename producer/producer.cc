#include "producer/producer.h"

#include <fmt/format.h>

#include <utility>

#include "producer/producer_impl.h"

namespace soliton::producer {

absl::StatusOr<std::unique_ptr<Producer>> Producer::Create(const Ports& ports, Shard& shard,
                                                           ProducerOptions options) {
  if (options.acks < -1 || options.acks > 1) {
    return absl::InvalidArgumentError(
        fmt::format("acks must be all, 1 or 0, not {}", options.acks));
  }
  if (options.idempotence && options.acks != -1) {
    return absl::InvalidArgumentError("idempotence needs acks=all");
  }
  if (options.max_in_flight < 1 || options.max_in_flight > 5) {
    return absl::InvalidArgumentError("max_in_flight must be 1 to 5");
  }
  if (options.cluster.bootstrap.empty()) {
    return absl::InvalidArgumentError("no bootstrap address");
  }
  auto impl = std::make_shared<Impl>(*ports.transport, shard, std::move(options));
  impl->Start();
  return std::unique_ptr<Producer>(new Producer(std::move(impl)));
}

Producer::Producer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() { impl_->Abandon(); }

absl::Status Producer::Send(ProducerRecord record, SendCallback callback) {
  return impl_->Send(std::move(record), std::move(callback));
}
void Producer::OnWritable(absl::AnyInvocable<void()> callback) {
  impl_->OnWritable(std::move(callback));
}
void Producer::Flush(absl::AnyInvocable<void()> done) { impl_->Flush(std::move(done)); }
void Producer::Close(absl::AnyInvocable<void()> done) { impl_->Close(std::move(done)); }
ProducerStats Producer::stats() const { return impl_->stats(); }
kafka::ClusterClient& Producer::cluster() { return impl_->cluster(); }

}  // namespace soliton::producer
