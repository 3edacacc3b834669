#include "cli/client_settings.h"

#include <fmt/format.h>

#include <utility>

#include "config/overrides.h"
#include "protocol/record/codec.h"

namespace soliton::cli {
namespace {

class Given {
 public:
  explicit Given(const config::Config& config) : config_(config) {}

  void Milliseconds(std::string_view name, Duration& target) const {
    if (config_.Given(name)) target = milliseconds(config_.GetInteger(name));
  }
  template <typename Integer>
  void Number(std::string_view name, Integer& target) const {
    if (config_.Given(name)) target = static_cast<Integer>(config_.GetInteger(name));
  }
  void Flag(std::string_view name, bool& target) const {
    if (config_.Given(name)) target = config_.GetBool(name);
  }
  void Text(std::string_view name, std::string& target) const {
    if (config_.Given(name)) target = config_.GetString(name);
  }

 private:
  const config::Config& config_;
};

void ApplyCluster(const Given& given, kafka::ClusterClientOptions& options) {
  given.Text("client.id", options.channel.client_id);
  given.Milliseconds("metadata.max.age.ms", options.metadata_max_age);
  given.Milliseconds("request.timeout.ms", options.request_timeout);
}

}  // namespace

void AddSettingsOption(OptionSet& options, std::vector<std::string>* target) {
  options.Value("-X", "NAME=VALUE", target,
                "a client setting by its Kafka name, for instance -X linger.ms=20");
}

absl::StatusOr<config::Config> ReadClientSettings(const std::vector<std::string>& given,
                                                  uint8_t scopes) {
  config::Diagnostics diagnostics;
  auto entries = config::ReadSetArguments(given, diagnostics);
  config::Config config = config::Config::Make(scopes, {std::move(entries)}, diagnostics);
  if (!diagnostics.ok()) {
    for (const config::Diagnostic& diagnostic : diagnostics.all()) {
      if (diagnostic.severity != config::Diagnostic::Severity::kError) continue;
      return absl::InvalidArgumentError(
          diagnostic.note.empty() ? diagnostic.message
                                  : fmt::format("{} ({})", diagnostic.message, diagnostic.note));
    }
  }
  return config;
}

void ApplySettings(const config::Config& config, producer::ProducerOptions& options) {
  const Given given(config);
  ApplyCluster(given, options.cluster);
  if (config.Given("acks")) {
    const std::string& acks = config.GetString("acks");
    options.acks = static_cast<int16_t>(acks == "1" ? 1 : acks == "0" ? 0 : -1);
  }
  given.Flag("enable.idempotence", options.idempotence);
  given.Milliseconds("linger.ms", options.accumulator.linger);
  given.Number("batch.size", options.accumulator.batch_bytes);
  given.Number("buffer.memory", options.accumulator.buffer_bytes);
  given.Number("max.request.size", options.max_request_bytes);
  given.Milliseconds("max.block.ms", options.metadata_timeout);
  given.Milliseconds("delivery.timeout.ms", options.delivery_timeout);
  given.Milliseconds("request.timeout.ms", options.request_timeout);
  given.Milliseconds("retry.backoff.ms", options.retry_backoff_initial);
  given.Milliseconds("retry.backoff.max.ms", options.retry_backoff_max);
  given.Number("max.in.flight.requests.per.connection", options.max_in_flight);
  if (config.Given("compression.type")) {
    options.accumulator.codec =
        kafka::ParseCodec(config.GetString("compression.type")).value_or(kafka::Codec::kNone);
  }
}

void ApplySettings(const config::Config& config, consumer::ConsumerOptions& options) {
  const Given given(config);
  ApplyCluster(given, options.cluster);
  given.Milliseconds("request.timeout.ms", options.request_timeout);
  given.Number("fetch.min.bytes", options.fetch.min_bytes);
  given.Milliseconds("fetch.max.wait.ms", options.fetch.max_wait);
  given.Number("fetch.max.bytes", options.fetch.max_bytes);
  given.Number("max.partition.fetch.bytes", options.fetch.partition_max_bytes);
  given.Text("client.rack", options.fetch.rack);
  given.Milliseconds("metadata.max.age.ms", options.fetch.preferred_replica_lease);
  given.Flag("check.crcs", options.reader.check_crc);
  if (config.Given("isolation.level")) {
    options.reader.read_committed = config.GetString("isolation.level") == "read_committed";
  }
  if (config.Given("auto.offset.reset")) {
    const std::string& policy = config.GetString("auto.offset.reset");
    options.fetch.reset_policy = policy == "earliest" ? consumer::ResetPolicy::kEarliest
                                 : policy == "none"   ? consumer::ResetPolicy::kNone
                                                      : consumer::ResetPolicy::kLatest;
  }
}

}  // namespace soliton::cli
