#include "bench/failover/load_driver.h"

#include "bench/failover/rdkafka_driver.h"
#include "bench/failover/while_alive.h"
#include "producer/producer.h"

namespace soliton::bench {
namespace {

class SolitonDriver final : public LoadDriver {
 public:
  SolitonDriver(std::unique_ptr<producer::Producer> producer, std::string topic,
                ResultCallback on_result)
      : producer_(std::move(producer)),
        topic_(std::move(topic)),
        on_result_(std::move(on_result)) {}

  absl::Status Send(int32_t partition, int64_t sequence, std::string value) override {
    producer::ProducerRecord record;
    record.topic = topic_;
    record.partition = partition;
    record.value = std::move(value);
    return producer_->Send(
        std::move(record),
        [this, partition, sequence](const absl::StatusOr<producer::RecordMetadata>& result) {
          if (result.ok()) return on_result_(partition, sequence, result->offset);
          on_result_(partition, sequence, result.status());
        });
  }

  void Flush(absl::AnyInvocable<void()> done) override { producer_->Flush(std::move(done)); }

 private:
  const std::unique_ptr<producer::Producer> producer_;
  const std::string topic_;
  const ResultCallback on_result_;
};

}  // namespace

std::string DriverName(DriverKind kind) {
  return kind == DriverKind::kSoliton ? "soliton" : "librdkafka " + LibrdkafkaVersion();
}

absl::StatusOr<std::unique_ptr<LoadDriver>> MakeLoadDriver(const Ports& ports, Shard& shard,
                                                           const DriverOptions& options,
                                                           LoadDriver::ResultCallback on_result) {
  if (options.kind == DriverKind::kLibrdkafka) {
    return MakeRdkafkaDriver(shard, options, std::move(on_result));
  }
  producer::ProducerOptions settings;
  settings.cluster.bootstrap = options.bootstrap;
  settings.cluster.channel.client_id = "soliton-bench";
  settings.accumulator.linger = milliseconds(1);
  settings.accumulator.buffer_bytes = 512 << 20;  // an outage at full rate must fit
  settings.idempotence = options.idempotence;
  auto producer = producer::Producer::Create(ports, shard, settings);
  if (!producer.ok()) return producer.status();
  return std::make_unique<SolitonDriver>(*std::move(producer), options.topic, std::move(on_result));
}

}  // namespace soliton::bench
