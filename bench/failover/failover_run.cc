#include "bench/failover/failover_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/failover/cluster_admin.h"
#include "bench/failover/fault_script.h"
#include "bench/failover/judge.h"
#include "bench/failover/timeline.h"
#include "bench/failover/while_alive.h"
#include "consumer/consumer.h"

namespace soliton::bench {
namespace {

constexpr Duration kTick = milliseconds(1);
constexpr Duration kProgressInterval = milliseconds(100);
constexpr Duration kPollInterval = milliseconds(20);
// Before the fault: choosing a victim, and questions that show what is before.
constexpr Duration kPrepareAhead = milliseconds(300);
// A partition without an acknowledgement for so long is not being written.
constexpr Duration kStalled = milliseconds(250);
// Without a fault and without a given duration.
constexpr Duration kPlainLoad = seconds(10);

}  // namespace

class FailoverRun::Impl {
 public:
  Impl(const Ports& ports, Shard& shard, FailoverOptions options, Events events)
      : ports_(ports),
        shard_(shard),
        options_(std::move(options)),
        events_(std::move(events)),
        admin_(ports, shard, options_.bootstrap) {}

  ~Impl() {
    for (const TimerId timer : {progress_timer_, drain_timer_}) shard_.CancelTimer(timer);
  }

  void Start(absl::AnyInvocable<void(absl::StatusOr<RunRecord>)> done) {
    done_ = std::move(done);
    record_.exactly_once = options_.driver.idempotence;
    run_id_ = Uuid::Generate(shard_.random()).ToString();
    if (options_.fault_spread > Duration::zero()) {
      options_.fault_at += Duration(static_cast<int64_t>(
          shard_.random().Below(static_cast<uint64_t>(options_.fault_spread.count()))));
    }
    admin_.View(options_.topic, lifetime_.Wrap([this](absl::StatusOr<ClusterView> view) {
      if (!view.ok()) return Finish(view.status());
      partitions_ = static_cast<int32_t>(view->topic.size());
      if (partitions_ == 0) {
        return Finish(absl::NotFoundError(options_.topic + " has no partitions"));
      }
      FindEnds();
    }));
  }

 private:
  void Finish(absl::StatusOr<RunRecord> record) {
    if (!done_) return;
    // The caller may destroy this run: not inside of one of its parts.
    shard_.Post(lifetime_.Wrap([this, record = std::move(record)]() mutable {
      if (auto done = std::exchange(done_, nullptr)) done(std::move(record));
    }));
  }

  void Say(const std::string& text) {
    const Duration at = shard_.clock().Now() - start_;
    record_.events.push_back({at, text});
    if (events_.on_event) events_.on_event(at, text);
  }

  // ---- load ----

  // What is in the topic already is not read back.
  void FindEnds() {
    consumer::ConsumerOptions options;
    options.cluster.bootstrap = options_.bootstrap;
    auto created = consumer::Consumer::Create(ports_, shard_, options);
    if (!created.ok()) return Finish(created.status());
    consumer_ = std::move(*created);
    ends_.assign(static_cast<size_t>(partitions_), -1);
    for (int32_t partition = 0; partition < partitions_; ++partition) {
      consumer_->offsets().Find(
          {options_.topic, partition}, consumer::kLatestTimestamp, options_.rejoin_timeout,
          lifetime_.Wrap([this, partition](const absl::StatusOr<consumer::FoundOffset>& found) {
            if (!found.ok()) return Finish(found.status());
            ends_[static_cast<size_t>(partition)] = found->offset;
            if (std::count(ends_.begin(), ends_.end(), -1) > 0) return;
            shard_.Post(lifetime_.Wrap([this] {
              consumer_ = nullptr;
              BeginLoad();
            }));
          }));
    }
  }

  void BeginLoad() {
    DriverOptions driver = options_.driver;
    driver.bootstrap = options_.bootstrap;
    driver.topic = options_.topic;
    auto made = MakeLoadDriver(
        ports_, shard_, driver,
        [this](int32_t partition, int64_t sequence, const absl::StatusOr<int64_t>& offset) {
          OnResult(partition, sequence, offset);
        });
    if (!made.ok()) return Finish(made.status());
    driver_ = *std::move(made);
    start_ = shard_.clock().Now();
    times_.start = start_;
    times_.warm_up = options_.warm_up;
    times_.records_per_second = options_.records_per_second;
    ledger_ = std::make_unique<Ledger>(partitions_);
    timeline_ = std::make_unique<Timeline>(start_);
    next_sequence_.assign(static_cast<size_t>(partitions_), 0);
    phase_ = "load";
    if (options_.fault != FaultKind::kNone) {
      script_ = std::make_unique<FaultScript>(ports_, shard_, options_, admin_, start_,
                                              [this](const std::string& text) { Say(text); });
      const Duration prepare = std::max(Duration::zero(), options_.fault_at - kPrepareAhead);
      shard_.ScheduleAfter(prepare, lifetime_.Wrap([this] { PrepareFault(); }));
    } else {
      fault_over_ = true;
      if (!options_.duration) options_.duration = kPlainLoad;
    }
    Progress();
    Tick();
  }

  // Sends what is due by now. A timer that fires late sends the more.
  void Tick() {
    if (!done_) return;
    driver_->Poll();
    const MonotonicTime now = shard_.clock().Now();
    if (phase_ != "load") {
      // Only results are still awaited.
      shard_.ScheduleAfter(kTick, lifetime_.Wrap([this] { Tick(); }));
      return;
    }
    const MonotonicTime until =
        options_.duration ? std::min(now, start_ + *options_.duration) : now;
    while (DueAt(times_, ledger_->sent()) < until && SendOne()) {
    }
    if (script_ != nullptr) WatchRecovery(now);
    const bool all_sent = !options_.duration || DueAt(times_, ledger_->sent()) >= until;
    if (LoadIsOver(now) && all_sent) EndLoad();
    shard_.ScheduleAfter(kTick, lifetime_.Wrap([this] { Tick(); }));
  }

  bool LoadIsOver(MonotonicTime now) const {
    if (options_.duration) return now >= start_ + *options_.duration;
    return fault_over_ && now >= fault_over_at_ + options_.settle;
  }

  bool SendOne() {
    const int32_t partition = next_partition_;
    int64_t& sequence = next_sequence_[static_cast<size_t>(partition)];
    std::string value =
        MakeValue(run_id_, partition, sequence, static_cast<size_t>(options_.value_bytes));
    absl::Status accepted = driver_->Send(partition, sequence, std::move(value));
    if (absl::IsResourceExhausted(accepted)) return false;  // tried again, and late
    if (!accepted.ok()) {
      Finish(accepted);
      return false;
    }
    ledger_->Sent(partition);
    ++sequence;
    next_partition_ = (partition + 1) % partitions_;
    return true;
  }

  void OnResult(int32_t partition, int64_t sequence, const absl::StatusOr<int64_t>& offset) {
    const MonotonicTime now = shard_.clock().Now();
    if (offset.ok()) {
      ledger_->Acked(partition, sequence, *offset, now);
      timeline_->Add(now, 1);
      const Duration latency = now - DueAt(times_, sequence * partitions_ + partition);
      const auto bucket = static_cast<size_t>((now - start_) / timeline_->bucket());
      if (worst_us_.size() <= bucket) worst_us_.resize(bucket + 1);
      worst_us_[bucket] = std::max(worst_us_[bucket], latency.count() / 1000);
      return;
    }
    if (record_.first_failure.empty()) {
      record_.first_failure = std::string(offset.status().message());
      Say("first failed record: " + record_.first_failure);
    }
    ledger_->Failed(partition, sequence);
  }

  void Progress() {
    if (events_.on_progress) {
      const MonotonicTime now = shard_.clock().Now();
      FailoverProgress progress;
      progress.phase = phase_;
      progress.elapsed = now - start_;
      progress.acked_buckets = timeline_->CompleteBuckets(phase_ == "load" ? now : load_end_);
      progress.worst_us = worst_us_;
      progress.worst_us.resize(progress.acked_buckets.size());
      progress.target_per_bucket = options_.records_per_second / 10;
      progress.sent = ledger_->sent();
      progress.acked = ledger_->acked();
      events_.on_progress(progress);
    }
    progress_timer_ =
        shard_.ScheduleAfter(kProgressInterval, lifetime_.Wrap([this] { Progress(); }));
  }

  // ---- the fault ----

  void PrepareFault() {
    script_->Prepare(lifetime_.Wrap([this](const absl::Status& status) {
      if (!status.ok()) return Finish(status);
      const MonotonicTime when = std::max(start_ + options_.fault_at, shard_.clock().Now());
      shard_.ScheduleAt(when, lifetime_.Wrap([this] { Break(); }));
    }));
  }

  void Break() {
    script_->Break(lifetime_.Wrap([this](const absl::Status& status) {
      if (!status.ok()) return Finish(status);
      broken_ = true;
      if (options_.recover_at && script_->needs_mending()) {
        const MonotonicTime when = std::max(start_ + *options_.recover_at, shard_.clock().Now());
        shard_.ScheduleAt(when, lifetime_.Wrap([this] { Mend(); }));
      }
    }));
  }

  // Notices that all partitions are being written again, and goes on with mending then.
  void WatchRecovery(MonotonicTime now) {
    if (!broken_ || mending_ || fault_over_) return;
    const Duration interval =
        seconds(1) * partitions_ / std::max<int64_t>(1, options_.records_per_second);
    for (int32_t partition = 0; partition < partitions_; ++partition) {
      const auto last = ledger_->LastAck(partition);
      if (!last || now - *last > std::max(kStalled, 4 * interval)) {
        steady_since_ = std::nullopt;
        return;
      }
    }
    if (!steady_since_) steady_since_ = now;
    if (now - *steady_since_ < options_.settle) return;
    if (!script_->needs_mending()) {
      fault_over_ = true;
      fault_over_at_ = now;
    } else if (!options_.recover_at) {
      Mend();
    }
  }

  void Mend() {
    mending_ = true;
    record_.rejoin_expected = true;
    script_->Mend(lifetime_.Wrap([this](const absl::Status& status) {
      const MonotonicTime now = shard_.clock().Now();
      fault_over_ = true;
      fault_over_at_ = now;
      if (status.ok()) {
        record_.rejoined_after = now - *script_->mended_at();
      } else if (!absl::IsDeadlineExceeded(status)) {
        Finish(status);
      }
    }));
  }

  // ---- end ----

  void EndLoad() {
    load_end_ = shard_.clock().Now();
    phase_ = "waiting for the last acknowledgements";
    drain_timer_ = shard_.ScheduleAfter(options_.drain_timeout, lifetime_.Wrap([this] {
      Finish(absl::DeadlineExceededError(
          fmt::format("{} records were neither acknowledged nor refused", ledger_->outstanding())));
    }));
    driver_->Flush(lifetime_.Wrap([this] {
      shard_.CancelTimer(drain_timer_);
      drained_ = shard_.clock().Now();
      AwaitRejoin();
    }));
  }

  void AwaitRejoin() {
    phase_ = "waiting for the replicas";
    if (mending_ && !fault_over_) {
      shard_.ScheduleAfter(kPollInterval, lifetime_.Wrap([this] { AwaitRejoin(); }));
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
    for (int32_t p = 0; p < partitions_; ++p) {
      all.push_back(
          {{options_.topic, p}, consumer::StartPosition::Offset(ends_[static_cast<size_t>(p)])});
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
    for (int32_t p = 0; p < partitions_; ++p) {
      const auto position = consumer_->Position({options_.topic, p});
      const auto high_watermark = consumer_->HighWatermark({options_.topic, p});
      if (!position || !high_watermark || *position < *high_watermark) return;
    }
    judged_ = true;
    shard_.Post(lifetime_.Wrap([this] { Judge(); }));
  }

  void Judge() {
    std::set<int32_t> led;
    const LeaderHistory* history = nullptr;
    times_.load_end = load_end_;
    times_.drained = drained_;
    times_.fault_end = load_end_;
    if (script_ != nullptr && script_->broken_at()) {
      times_.fault = script_->broken_at();
      times_.fault_end = script_->mended_at().value_or(load_end_);
      const Victim& victim = script_->victim();
      record_.victim = victim.node;
      record_.victim_led_quorum = victim.leads_quorum;
      record_.led_by_victim = static_cast<int32_t>(victim.leads.size());
      if (script_->mended_at()) record_.mended_at = *script_->mended_at() - start_;
      led.insert(victim.leads.begin(), victim.leads.end());
      if (options_.fault == FaultKind::kRollingRestart) {
        // Every node was a victim.
        for (int32_t p = 0; p < partitions_; ++p) led.insert(p);
      }
      if (const LeaderWatch* watch = script_->watch()) {
        history = &watch->history();
        if (watch->quorum_elected()) {
          record_.quorum_elected_after = *watch->quorum_elected() - (*times_.fault - start_);
        }
      }
    }
    JudgeRun(*ledger_, times_, led, history, record_);
    Finish(std::move(record_));
  }

  const Ports ports_;
  Shard& shard_;
  FailoverOptions options_;
  const Events events_;
  absl::AnyInvocable<void(absl::StatusOr<RunRecord>)> done_;

  std::string run_id_;
  std::string phase_;
  int32_t partitions_ = 0;
  std::vector<int64_t> ends_;  // offsets before the load, by partition
  ClusterAdmin admin_;
  std::unique_ptr<LoadDriver> driver_;
  std::unique_ptr<consumer::Consumer> consumer_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Timeline> timeline_;
  std::unique_ptr<FaultScript> script_;
  std::vector<int64_t> worst_us_;  // per bucket of the timeline
  RunRecord record_;
  RunTimes times_;
  int32_t next_partition_ = 0;
  std::vector<int64_t> next_sequence_;
  MonotonicTime start_;
  MonotonicTime load_end_;
  MonotonicTime drained_;
  bool broken_ = false;
  bool mending_ = false;
  std::optional<MonotonicTime> steady_since_;
  bool fault_over_ = false;  // and mended, where it could be
  MonotonicTime fault_over_at_{};
  bool judged_ = false;
  TimerId progress_timer_ = 0;
  TimerId drain_timer_ = 0;
  Lifetime lifetime_;
};

FailoverRun::FailoverRun(const Ports& ports, Shard& shard, FailoverOptions options, Events events)
    : impl_(std::make_unique<Impl>(ports, shard, std::move(options), std::move(events))) {}

FailoverRun::~FailoverRun() = default;

void FailoverRun::Start(absl::AnyInvocable<void(absl::StatusOr<RunRecord>)> done) {
  impl_->Start(std::move(done));
}

}  // namespace soliton::bench
