#include "bench/failover/failover_series.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/failover/while_alive.h"

namespace soliton::bench {
namespace {

bool IsThisMachine(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

FailoverSeries::FailoverSeries(const Ports& ports, Shard& shard, SeriesOptions options,
                               FailoverSetup setup, Events events)
    : ports_(ports),
      shard_(shard),
      options_(std::move(options)),
      events_(std::move(events)),
      admin_(ports, shard, options_.run.bootstrap) {
  data_.setup = std::move(setup);
}

void FailoverSeries::Start(Done done) {
  done_ = std::move(done);
  if (!options_.proxies.empty()) {
    auto proxy = LinkProxy::Open(ports_, options_.proxies);
    if (!proxy.ok()) return End(proxy.status());
    proxy_ = *std::move(proxy);
  }
  Next();
}

void FailoverSeries::End(const absl::Status& status) {
  if (auto done = std::exchange(done_, nullptr)) done(status, std::move(data_));
}

void FailoverSeries::Next() {
  if (static_cast<int32_t>(data_.runs.size()) == options_.runs) return End(absl::OkStatus());
  const std::string given = options_.run.topic;
  const std::string topic = given.empty()
                                ? fmt::format("soliton-bench-failover-{:08x}",
                                              static_cast<uint32_t>(shard_.random().Next()))
                                : given;
  const auto look = [this, topic] {
    admin_.View(topic, lifetime_.Wrap([this, topic](absl::StatusOr<ClusterView> view) {
      if (!view.ok()) return End(view.status());
      Learn(*view);
      Run(topic);
    }));
  };
  if (!given.empty()) return look();
  admin_.CreateTopic(topic, options_.partitions, static_cast<int16_t>(options_.replication_factor),
                     lifetime_.Wrap([this, look](const absl::Status& status) {
                       if (!status.ok()) return End(status);
                       look();
                     }));
}

void FailoverSeries::Learn(const ClusterView& view) {
  FailoverSetup& setup = data_.setup;
  setup.topic = options_.run.topic;
  setup.partitions = static_cast<int32_t>(view.topic.size());
  setup.replication_factor =
      view.topic.empty() ? 0 : static_cast<int32_t>(view.topic[0].replicas.size());
  setup.shares_machine =
      std::all_of(view.brokers.begin(), view.brokers.end(),
                  [](const auto& broker) { return IsThisMachine(broker.second.host); });
}

void FailoverSeries::Run(const std::string& topic) {
  FailoverOptions options = options_.run;
  options.topic = topic;
  options.proxy = proxy_.get();
  FailoverRun::Events events = events_.run;
  events.on_progress = [this](FailoverProgress progress) {
    progress.run = static_cast<int32_t>(data_.runs.size()) + 1;
    progress.runs = options_.runs;
    if (events_.run.on_progress) events_.run.on_progress(progress);
  };
  run_ = std::make_unique<FailoverRun>(ports_, shard_, options, events);
  run_->Start(lifetime_.Wrap([this, topic](absl::StatusOr<RunRecord> record) {
    // Out of the run's own call before it goes.
    shard_.Post(lifetime_.Wrap([this, topic, record = std::move(record)]() mutable {
      run_ = nullptr;
      if (!record.ok()) return End(record.status());
      record->number = static_cast<int32_t>(data_.runs.size()) + 1;
      data_.runs.push_back(*std::move(record));
      if (events_.on_run) events_.on_run(data_.runs.back());
      if (!options_.run.topic.empty()) return Next();
      // A topic that stays behind disturbs nothing but the disk.
      admin_.DeleteTopic(topic, lifetime_.Wrap([this](const absl::Status&) { Next(); }));
    }));
  }));
}

}  // namespace soliton::bench
