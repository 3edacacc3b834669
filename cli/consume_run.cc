#include "cli/consume_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/output.h"
#include "runtime/terminal.h"

namespace soliton::cli {
namespace {

constexpr Duration kTopicPatience = seconds(2);
constexpr Duration kLookupTimeout = seconds(30);
// Batches printed before other events (signals, answers) get their turn.
constexpr int kSetsPerTurn = 16;
constexpr Duration kReaderCheckInterval = milliseconds(250);

}  // namespace

void ConsumeRun::Start() {
  const std::string from = flags_.from.value_or(flags_.exit_at_end ? "start" : "end");
  const auto parsed = ParseFrom(from, loop_.shard().clock().WallMs());
  if (!parsed.ok()) {
    return loop_.Fail({ExitCode::kUsage, std::string(parsed.status().message()), "", "",
                       "soliton consume --help"});
  }
  from_ = *parsed;
  auto created = consumer::Consumer::Create(loop_.ports(), loop_.shard(), options_);
  if (!created.ok()) {
    return loop_.Fail({ExitCode::kUsage, std::string(created.status().message())});
  }
  consumer_ = *std::move(created);
  loop_.FailUnlessConnected(consumer_->cluster());
  loop_.OnInterrupt([this] { Finish(ExitCode::kInterrupted); });
  consumer_->OnEvent([this](const consumer::ConsumerEvent& event) { OnEvent(event); });
  loop_.AwaitTopic(consumer_->cluster(), flags_.topic, kTopicPatience,
                   [this] { ChoosePartitions(); });
}

void ConsumeRun::ChoosePartitions() {
  const kafka::TopicState* topic = consumer_->cluster().metadata().Find(flags_.topic);
  if (wanted_partitions_.empty()) {
    for (const auto& [index, state] : topic->partitions) wanted_partitions_.push_back(index);
  }
  for (const int32_t index : wanted_partitions_) {
    if (!topic->partitions.contains(index)) {
      return loop_.Fail(
          {ExitCode::kNotFound, fmt::format("topic '{}' has no partition {}", flags_.topic, index),
           loop_.bootstrap().text, fmt::format("it has {} partitions", topic->partition_count()),
           fmt::format("soliton topic describe {}", flags_.topic)});
    }
  }
  if (flags_.exit_at_end || from_.last_records > 0) return FindEnds();
  Assign();
}

void ConsumeRun::FindEnds() {
  lookups_left_ = 2 * wanted_partitions_.size();
  for (const int32_t index : wanted_partitions_) {
    const TopicPartition name{flags_.topic, index};
    for (const int64_t which : {consumer::kEarliestTimestamp, consumer::kLatestTimestamp}) {
      consumer_->offsets().Find(
          name, which, kLookupTimeout,
          [this, name, which](const absl::StatusOr<consumer::FoundOffset>& found) {
            if (!found.ok()) {
              return loop_.Fail(ErrorFromStatus(
                  fmt::format("cannot find the offsets of {}-{}", name.topic, name.partition),
                  found.status()));
            }
            (which == consumer::kLatestTimestamp ? ends_ : starts_)[name] = found->offset;
            if (--lookups_left_ == 0) Assign();
          });
    }
  }
}

bool ConsumeRun::StartExists(const TopicPartition& name) const {
  if (from_.position.kind != consumer::StartPosition::Kind::kOffset || !flags_.exit_at_end) {
    return true;
  }
  return from_.position.value >= starts_.at(name) && from_.position.value <= ends_.at(name);
}

void ConsumeRun::Assign() {
  for (const int32_t index : wanted_partitions_) {
    const TopicPartition name{flags_.topic, index};
    if (StartExists(name)) continue;
    return loop_.Fail(
        {ExitCode::kFailed,
         fmt::format("{}-{} has no offset {}", name.topic, index, from_.position.value),
         loop_.bootstrap().text,
         fmt::format("its offsets are {} to {}", starts_.at(name), ends_.at(name)),
         "--from start, --from end, or one partition with -p"});
  }
  std::vector<std::pair<TopicPartition, consumer::StartPosition>> assignment;
  for (const int32_t index : wanted_partitions_) {
    const TopicPartition name{flags_.topic, index};
    consumer::StartPosition position = from_.position;
    if (from_.last_records > 0) {
      position = consumer::StartPosition::Offset(
          std::max(starts_.at(name), ends_.at(name) - from_.last_records));
    } else if (flags_.exit_at_end) {
      // The same end for stopping and for starting at it.
      if (position.kind == consumer::StartPosition::Kind::kLatest) {
        position = consumer::StartPosition::Offset(ends_.at(name));
      } else if (position.kind == consumer::StartPosition::Kind::kEarliest) {
        position = consumer::StartPosition::Offset(starts_.at(name));
      }
    }
    assignment.emplace_back(name, position);
  }
  consumer_->OnReady([this] { ScheduleDrain(); });
  consumer_->Assign(assignment);
  if (flags_.count == 0) return Finish(ExitCode::kOk);
  WatchReader();
}

void ConsumeRun::WatchReader() {
  if (ReaderHasGone(StandardStream::kOut)) return Finish(ExitCode::kOk);
  loop_.shard().ScheduleAfter(kReaderCheckInterval, [this] { WatchReader(); });
}

void ConsumeRun::ScheduleDrain() {
  if (std::exchange(drain_scheduled_, true)) return;
  loop_.shard().Post([this] {
    drain_scheduled_ = false;
    Drain();
  });
}

void ConsumeRun::Drain() {
  if (loop_.finished()) return;
  std::string text;
  const std::vector<consumer::RecordSet> sets = consumer_->Poll(kSetsPerTurn);
  for (const consumer::RecordSet& set : sets) {
    PrintSet(set, text);
    if (Enough()) break;
  }
  TextSink& out = loop_.context().out;
  out.Write(text);
  if (!sets.empty()) {
    ScheduleDrain();
  } else {
    out.Flush();  // caught up: whoever reads the pipe sees everything
  }
  // A reader that has gone (| head) wants no more: that is no failure.
  if (!out.ok() || Enough() || AtEnd()) Finish(ExitCode::kOk);
}

bool ConsumeRun::AtEnd() const {
  if (!flags_.exit_at_end) return false;
  for (const auto& [name, end] : ends_) {
    const std::optional<int64_t> position = consumer_->Position(name);
    if (!position.has_value() || *position < end) return false;
  }
  return true;
}

void ConsumeRun::PrintSet(const consumer::RecordSet& set, std::string& text) {
  const auto end = ends_.find(set.from);
  for (const consumer::ConsumedRecord& record : set.records) {
    if (Enough()) return;
    if (flags_.exit_at_end && end != ends_.end() && record.offset >= end->second) return;
    PrintableRecord printable{.topic = set.from.topic,
                              .partition = set.from.partition,
                              .offset = record.offset,
                              .timestamp_ms = record.timestamp_ms,
                              .leader_epoch = set.leader_epoch,
                              .key = record.key,
                              .value = record.value};
    for (const kafka::RecordHeader& header : record.headers) {
      printable.headers.emplace_back(header.key, header.value);
    }
    if (flags_.output == ConsumeOutput::kJson) {
      PrintJsonRecord(printable, text);
    } else {
      format_.Print(printable, text);
    }
    ++printed_;
  }
}

void ConsumeRun::OnEvent(const consumer::ConsumerEvent& event) {
  const std::string name = fmt::format("{}-{}", event.from.topic, event.from.partition);
  switch (event.kind) {
    case consumer::FetchEvent::Kind::kReset:
      loop_.context().Note(
          fmt::format("warning: offset {} of {} does not exist (any more), "
                      "going on as auto.offset.reset says",
                      event.offset, name));
      break;
    case consumer::FetchEvent::Kind::kTruncated:
      loop_.context().Note(
          fmt::format("warning: {}: {}", name, std::string(event.status.message())));
      break;
    case consumer::FetchEvent::Kind::kFailed: {
      CliError error = ErrorFromStatus(fmt::format("cannot read {}", name), event.status);
      error.at = loop_.bootstrap().text;
      if (absl::IsOutOfRange(event.status)) {
        error.hint = "start elsewhere: --from start, --from end, or see: soliton topic describe " +
                     event.from.topic;
      }
      loop_.Fail(error);
      break;
    }
  }
}

void ConsumeRun::Finish(ExitCode code) {
  if (loop_.finished()) return;
  loop_.context().out.Flush();
  if (!flags_.quiet && loop_.context().err.is_terminal()) {
    loop_.context().Note(fmt::format("{} records", HumanCount(printed_)));
  }
  loop_.Finish(code);
}

}  // namespace soliton::cli
