#include "bench/failover/failover_run.h"

#include <algorithm>
#include <deque>

#include "bench/failover/timeline.h"
#include "consumer/consumer.h"
#include "producer/producer.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/metadata.h"
#include "runtime/process.h"

namespace soliton::bench {
namespace {

using kafka::ErrorCode;
using kafka::MetadataRequest;
using kafka::MetadataResponse;

constexpr Duration kTick = milliseconds(2);
constexpr Duration kProgressInterval = milliseconds(100);
constexpr Duration kPollInterval = milliseconds(100);
constexpr Duration kRequestTimeout = seconds(10);

std::string ReplaceAll(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace

class FailoverRun::Impl {
 public:
  Impl(const Ports& ports, Shard& shard, FailoverOptions options, Events events)
      : ports_(ports), shard_(shard), options_(std::move(options)), events_(std::move(events)) {}

  void Start(absl::AnyInvocable<void(absl::StatusOr<FailoverReport>)> done) {
    done_ = std::move(done);
    run_id_ = Uuid::Generate(shard_.random()).ToString();
    producer::ProducerOptions options;
    options.cluster.bootstrap = options_.bootstrap;
    options.cluster.channel.client_id = "soliton-bench";
    options.accumulator.linger = milliseconds(1);
    options.accumulator.buffer_bytes = 512 << 20;  // an outage at full rate must fit
    auto created = producer::Producer::Create(ports_, shard_, options);
    if (!created.ok()) return Finish(created.status());
    producer_ = std::move(*created);
    AskTopic([this](const MetadataResponse::MetadataResponseTopic& topic) { BeginLoad(topic); });
  }

 private:
  using Topic = MetadataResponse::MetadataResponseTopic;

  void Finish(absl::StatusOr<FailoverReport> report) {
    if (!done_) return;
    shard_.CancelTimer(progress_timer_);
    auto done = std::move(done_);
    done_ = nullptr;
    done(std::move(report));
  }

  void Say(const std::string& text) {
    if (events_.on_event) events_.on_event(shard_.clock().Now() - start_, text);
  }

  // ---- metadata ----

  void AskTopic(std::function<void(const Topic&)> then) {
    MetadataRequest request;
    request.topics.emplace().emplace_back().name = options_.topic;
    request.allow_auto_topic_creation = false;
    producer_->cluster().SendToAny(
        request, kRequestTimeout,
        [this, then = std::move(then)](absl::StatusOr<MetadataResponse> response) {
          if (!done_) return;
          if (!response.ok()) {
            // A broker may just have died under the question: ask again until something answers.
            if (++failed_questions_ > 100) return Finish(response.status());
            shard_.ScheduleAfter(kPollInterval, [this, then] { AskTopic(then); });
            return;
          }
          failed_questions_ = 0;
          const Topic& topic = response->topics.at(0);
          if (topic.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) {
            return Finish(absl::NotFoundError("no topic " + options_.topic));
          }
          then(topic);
        });
  }

  // ---- load ----

  void BeginLoad(const Topic& topic) {
    start_ = shard_.clock().Now();
    ledger_ = std::make_unique<Ledger>(static_cast<int32_t>(topic.partitions.size()));
    timeline_ = std::make_unique<Timeline>(start_);
    if (!options_.fault_command.empty()) {
      shard_.ScheduleAfter(options_.fault_at, [this] { Fault(); });
      if (!options_.recover_command.empty()) {
        shard_.ScheduleAfter(options_.recover_at, [this] { Recover(); });
      }
    }
    phase_ = "load";
    Progress();
    Tick();
  }

  // Sends what is due by now. A timer that fires late sends the more.
  void Tick() {
    const Duration elapsed = shard_.clock().Now() - start_;
    const Duration capped = std::min(elapsed, options_.duration);
    const auto due = static_cast<int64_t>(std::chrono::duration<double>(capped).count() *
                                          static_cast<double>(options_.records_per_second));
    while (ledger_->sent() < due && SendOne()) {
    }
    if (elapsed >= options_.duration && ledger_->sent() >= due) return EndLoad();
    shard_.ScheduleAfter(kTick, [this] { Tick(); });
  }

  bool SendOne() {
    const int32_t partition = next_partition_;
    producer::ProducerRecord record;
    record.topic = options_.topic;
    record.partition = partition;
    const int64_t sequence = next_sequence_[partition];
    record.value =
        MakeValue(run_id_, partition, sequence, static_cast<size_t>(options_.value_bytes));
    absl::Status accepted = producer_->Send(
        std::move(record),
        [this, partition, sequence](const absl::StatusOr<producer::RecordMetadata>& result) {
          OnSent(partition, sequence, result);
        });
    if (!accepted.ok()) return false;  // full: the next tick tries again, and is late
    ledger_->Sent(partition);
    ++next_sequence_[partition];
    next_partition_ = (partition + 1) % ledger_->partitions();
    return true;
  }

  void OnSent(int32_t partition, int64_t sequence,
              const absl::StatusOr<producer::RecordMetadata>& result) {
    const MonotonicTime now = shard_.clock().Now();
    if (result.ok()) {
      ledger_->Acked(partition, sequence, result->offset, now);
      timeline_->Add(now, 1);
    } else {
      if (ledger_->failed() == 0)
        Say("first failed record: " + std::string(result.status().message()));
      ledger_->Failed(partition, sequence);
    }
  }

  void Progress() {
    if (events_.on_progress) {
      const MonotonicTime now = shard_.clock().Now();
      FailoverProgress progress;
      progress.phase = phase_;
      progress.elapsed = now - start_;
      progress.acked_buckets =
          timeline_->CompleteBuckets(std::min(now, start_ + options_.duration));
      progress.target_per_bucket = options_.records_per_second / 10;
      progress.sent = ledger_->sent();
      progress.acked = ledger_->acked();
      events_.on_progress(progress);
    }
    progress_timer_ = shard_.ScheduleAfter(kProgressInterval, [this] { Progress(); });
  }

  // ---- faults ----

  void RunCommandThen(const std::string& command, std::function<void()> then) {
    auto result = std::make_shared<absl::StatusOr<int>>(0);
    ports_.disk->Submit(
        0, shard_, [result, command] { *result = RunCommand(command); },
        [this, result, command, then = std::move(then)] {
          if (!result->ok() || **result != 0) {
            return Finish(
                absl::AbortedError(fmt::format("'{}' failed: {}", command,
                                               result->ok() ? fmt::format("exit code {}", **result)
                                                            : result->status().ToString())));
          }
          then();
        });
  }

  void Fault() {
    AskTopic([this](const Topic& topic) {
      std::map<int32_t, int32_t> led;
      for (const auto& partition : topic.partitions) ++led[partition.leader_id];
      auto most = std::max_element(
          led.begin(), led.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
      report_.victim = most->first;
      report_.led_by_victim = most->second;
      for (const auto& partition : topic.partitions) {
        report_.outages.push_back(
            {partition.partition_index, partition.leader_id == report_.victim, std::nullopt});
      }
      fault_time_ = shard_.clock().Now();
      Say(fmt::format("killing broker {} (leader of {} of {} partitions)", report_.victim,
                      report_.led_by_victim, topic.partitions.size()));
      RunCommandThen(ReplaceAll(options_.fault_command, "{node}", std::to_string(report_.victim)),
                     [] {});
    });
  }

  void Recover() {
    if (report_.victim < 0) return;
    recover_time_ = shard_.clock().Now();
    Say(fmt::format("restarting broker {}", report_.victim));
    RunCommandThen(ReplaceAll(options_.recover_command, "{node}", std::to_string(report_.victim)),
                   [this] {
                     Say(fmt::format("broker {} serves again", report_.victim));
                     AwaitFullIsr();
                   });
  }

  void AwaitFullIsr() {
    if (shard_.clock().Now() - *recover_time_ > options_.rejoin_timeout) {
      rejoin_decided_ = true;
      return;
    }
    AskTopic([this](const Topic& topic) {
      const bool full =
          std::all_of(topic.partitions.begin(), topic.partitions.end(), [](const auto& partition) {
            return partition.isr_nodes.size() == partition.replica_nodes.size();
          });
      if (full) {
        report_.rejoined_after = shard_.clock().Now() - *recover_time_;
        rejoin_decided_ = true;
        Say(fmt::format("broker {} is in sync again on all partitions", report_.victim));
        return;
      }
      shard_.ScheduleAfter(kPollInterval, [this] { AwaitFullIsr(); });
    });
  }

  // ---- end ----

  void EndLoad() {
    load_end_ = shard_.clock().Now();
    phase_ = "waiting for the last acknowledgements";
    drain_timer_ = shard_.ScheduleAfter(options_.drain_timeout, [this] {
      Finish(absl::DeadlineExceededError(
          fmt::format("{} records were neither acknowledged nor refused", ledger_->outstanding())));
    });
    producer_->Flush([this] {
      shard_.CancelTimer(drain_timer_);
      drained_ = shard_.clock().Now();
      AwaitRejoin();
    });
  }

  void AwaitRejoin() {
    phase_ = "waiting for the replicas";
    if (recover_time_ && !rejoin_decided_) {
      shard_.ScheduleAfter(kPollInterval, [this] { AwaitRejoin(); });
      return;
    }
    ReadBack();
  }

  void ReadBack() {
    phase_ = "reading back";
    consumer::ConsumerOptions options;
    options.cluster.bootstrap = options_.bootstrap;
    auto created = consumer::Consumer::Create(ports_, shard_, options);
    if (!created.ok()) return Finish(created.status());
    consumer_ = std::move(*created);
    std::vector<std::pair<consumer::TopicPartition, consumer::StartPosition>> all;
    for (int32_t p = 0; p < ledger_->partitions(); ++p) {
      all.push_back({{options_.topic, p}, consumer::StartPosition::Earliest()});
    }
    consumer_->OnEvent([this](const consumer::ConsumerEvent& event) {
      if (event.kind == consumer::FetchEvent::Kind::kFailed) Finish(event.status);
    });
    consumer_->Assign(all);
    consumer_->OnReady([this] { Drain(); });
  }

  void Drain() {
    if (!done_ || judged_) return;
    for (;;) {
      const std::vector<consumer::RecordSet> sets = consumer_->Poll(64);
      if (sets.empty()) break;
      for (const consumer::RecordSet& set : sets) {
        for (const consumer::ConsumedRecord& record : set.records) {
          ledger_->Read(set.from.partition, record.offset,
                        ParseValue(record.value.value_or(""), run_id_, set.from.partition));
        }
      }
    }
    for (int32_t p = 0; p < ledger_->partitions(); ++p) {
      const auto position = consumer_->Position({options_.topic, p});
      const auto high_watermark = consumer_->HighWatermark({options_.topic, p});
      if (!position || !high_watermark || *position < *high_watermark) return;
    }
    judged_ = true;
    // Out of the consumer's callback before it is destroyed with this run.
    shard_.Post([this] { Judge(); });
  }

  void Judge() {
    report_.verdict = ledger_->Judge();
    report_.partitions = ledger_->partitions();
    report_.rejoin_expected = recover_time_.has_value();
    const MonotonicTime warm = start_ + std::min<Duration>(seconds(1), options_.duration / 4);
    report_.rate_before = timeline_->Rate(warm, fault_time_.value_or(load_end_));
    if (fault_time_) {
      const MonotonicTime until = recover_time_.value_or(load_end_);
      report_.rate_during = timeline_->Rate(*fault_time_, until);
      report_.rate_after = timeline_->Rate(until, load_end_);
      for (PartitionOutage& outage : report_.outages) {
        outage.silence = ledger_->LongestSilence(outage.partition, *fault_time_, load_end_);
      }
    }
    Finish(report_);
  }

  const Ports ports_;
  Shard& shard_;
  const FailoverOptions options_;
  const Events events_;
  absl::AnyInvocable<void(absl::StatusOr<FailoverReport>)> done_;

  std::string run_id_;
  std::string phase_;
  std::unique_ptr<producer::Producer> producer_;
  std::unique_ptr<consumer::Consumer> consumer_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Timeline> timeline_;
  FailoverReport report_;
  int32_t next_partition_ = 0;
  std::map<int32_t, int64_t> next_sequence_;
  int failed_questions_ = 0;
  MonotonicTime start_;
  MonotonicTime load_end_;
  MonotonicTime drained_;
  std::optional<MonotonicTime> fault_time_;
  std::optional<MonotonicTime> recover_time_;
  bool rejoin_decided_ = false;
  bool judged_ = false;
  TimerId progress_timer_ = 0;
  TimerId drain_timer_ = 0;
};

FailoverRun::FailoverRun(const Ports& ports, Shard& shard, FailoverOptions options, Events events)
    : impl_(std::make_unique<Impl>(ports, shard, std::move(options), std::move(events))) {}

FailoverRun::~FailoverRun() = default;

void FailoverRun::Start(absl::AnyInvocable<void(absl::StatusOr<FailoverReport>)> done) {
  impl_->Start(std::move(done));
}

}  // namespace soliton::bench
