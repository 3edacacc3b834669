#include "cli/produce_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/output.h"

namespace soliton::cli {
namespace {

constexpr Duration kRateTick = milliseconds(2);
constexpr Duration kInterruptPatience = seconds(2);

}  // namespace

void ProduceRun::Start(std::unique_ptr<LineReader> reader) {
  started_ = Now();
  auto created = producer::Producer::Create(loop_.ports(), loop_.shard(), options_);
  if (!created.ok()) {
    return loop_.Fail({ExitCode::kUsage, std::string(created.status().message())});
  }
  producer_ = *std::move(created);
  loop_.FailUnlessConnected(producer_->cluster());
  loop_.OnInterrupt([this] { Interrupt(); });
  reader_ = std::move(reader);
  if (reader_ == nullptr) {
    lines_.push_back(*flags_.value);
    end_of_input_ = true;
  }
  SendLines();
}

void ProduceRun::ReadMore() {
  if (reading_ || end_of_input_) return;
  reading_ = true;
  reader_->ReadBatch(loop_.shard(), [this](absl::StatusOr<LineReader::Batch> batch) {
    reading_ = false;
    if (!batch.ok()) {
      input_error_ = batch.status();
      end_of_input_ = true;
    } else {
      for (std::string& line : batch->lines) lines_.push_back(std::move(line));
      end_of_input_ |= batch->end_of_input;
    }
    SendLines();
  });
}

void ProduceRun::SendLines() {
  if (waiting_ || flushing_) return;
  while (!lines_.empty() && !stop_) {
    if (flags_.rate > 0 && static_cast<double>(sent_) >= AllowedByRate()) {
      return Wait([this](auto resume) { loop_.shard().ScheduleAfter(kRateTick, resume); });
    }
    if (!SendLine(lines_.front())) {
      return Wait([this](auto resume) { producer_->OnWritable(resume); });
    }
    lines_.pop_front();
    ++sent_;
  }
  if (stop_ || end_of_input_) return Flush();
  ReadMore();
}

void ProduceRun::Wait(const std::function<void(std::function<void()>)>& arrange) {
  waiting_ = true;
  arrange([this] {
    waiting_ = false;
    SendLines();
  });
}

double ProduceRun::AllowedByRate() const {
  const double elapsed = std::chrono::duration<double>(Now() - started_).count();
  return 1 + elapsed * flags_.rate;
}

bool ProduceRun::SendLine(const std::string& line) {
  producer::ProducerRecord record;
  record.topic = flags_.topic;
  if (flags_.partition >= 0) record.partition = flags_.partition;
  std::string_view value = line;
  if (flags_.key.has_value()) {
    record.key = *flags_.key;
  } else if (!key_separator_.empty()) {
    const size_t at = line.find(key_separator_);
    if (at != std::string::npos) {
      record.key = line.substr(0, at);
      value.remove_prefix(at + key_separator_.size());
    }
  }
  if (!(flags_.null_empty && value.empty())) record.value = std::string(value);
  for (const std::string& header : flags_.headers) {
    const size_t equals = header.find('=');
    record.headers.emplace_back(header.substr(0, equals), header.substr(equals + 1));
  }
  const auto bytes = static_cast<int64_t>(line.size());
  const absl::Status accepted = producer_->Send(std::move(record), CallbackFor(line, value));
  if (absl::IsResourceExhausted(accepted)) return false;
  if (accepted.ok()) {
    bytes_ += bytes;
  } else {
    OnFailed(accepted);
  }
  return true;
}

producer::SendCallback ProduceRun::CallbackFor(const std::string& line, std::string_view value) {
  if (!format_.has_value()) {
    return [this](const absl::StatusOr<producer::RecordMetadata>& result) { OnResult(result); };
  }
  std::string key = flags_.key.value_or("");
  if (!flags_.key.has_value() && value.size() < line.size()) {
    key = line.substr(0, line.size() - value.size() - key_separator_.size());
  }
  return [this, key = std::move(key),
          value = std::string(value)](const absl::StatusOr<producer::RecordMetadata>& result) {
    OnResult(result);
    if (result.ok()) Print(*result, key, value);
  };
}

void ProduceRun::Print(const producer::RecordMetadata& metadata, const std::string& key,
                       const std::string& value) {
  std::string text;
  format_->Print({.topic = flags_.topic,
                  .partition = metadata.partition,
                  .offset = metadata.offset,
                  .timestamp_ms = metadata.timestamp_ms,
                  .key = key,
                  .value = value},
                 text);
  loop_.context().out.Write(text);
  // Once per turn: whoever reads the pipe sees each acknowledgement when it comes.
  if (std::exchange(output_flush_scheduled_, true)) return;
  loop_.shard().Post([this] {
    output_flush_scheduled_ = false;
    loop_.context().out.Flush();
  });
}

void ProduceRun::OnResult(const absl::StatusOr<producer::RecordMetadata>& result) {
  if (!result.ok()) return OnFailed(result.status());
  ++acked_;
  last_ = *result;
}

void ProduceRun::OnFailed(const absl::Status& why) {
  if (failed_++ == 0) first_error_ = why;
  // The next records would fail for the same reason.
  if (absl::IsNotFound(why) || absl::IsPermissionDenied(why) || absl::IsUnimplemented(why)) {
    stop_ = true;
    if (!flushing_ && !waiting_) loop_.shard().Post([this] { SendLines(); });
  }
}

void ProduceRun::Interrupt() {
  interrupted_ = true;
  stop_ = true;
  loop_.shard().ScheduleAfter(kInterruptPatience, [this] { Finish(); });
  if (!waiting_) SendLines();
}

void ProduceRun::Flush() {
  if (std::exchange(flushing_, true)) return;
  reader_.reset();
  producer_->Flush([this] { Finish(); });
}

void ProduceRun::Finish() {
  if (loop_.finished()) return;
  const Duration elapsed = Now() - started_;
  Context& context = loop_.context();
  context.out.Flush();
  if (!flags_.quiet) context.Note(Summary(elapsed));
  if (failed_ > 0) return loop_.Fail(FailureError());
  if (!input_error_.ok()) {
    return loop_.Fail(
        {ExitCode::kFailed, "cannot read the input", "", std::string(input_error_.message()), ""});
  }
  loop_.Finish(interrupted_ ? ExitCode::kInterrupted : ExitCode::kOk);
}

std::string ProduceRun::Summary(Duration elapsed) const {
  if (acked_ == 1 && sent_ == 1 && failed_ == 0) {
    return last_.offset < 0 ? fmt::format("sent 1 record to partition {}", last_.partition)
                            : fmt::format("acknowledged: partition {}, offset {}", last_.partition,
                                          last_.offset);
  }
  const double seconds_taken = std::max(1e-6, std::chrono::duration<double>(elapsed).count());
  std::string text = fmt::format(
      "{} records ({}) {} in {}, {} records/s", HumanCount(static_cast<int64_t>(acked_)),
      HumanBytes(bytes_), options_.acks == 0 ? "sent" : "acknowledged", HumanDuration(elapsed),
      HumanCount(static_cast<int64_t>(static_cast<double>(acked_) / seconds_taken)));
  if (failed_ > 0) text += fmt::format(", {} failed", HumanCount(static_cast<int64_t>(failed_)));
  if (const uint64_t unknown = sent_ - acked_ - failed_; unknown > 0) {
    text += fmt::format(", {} not acknowledged yet", HumanCount(static_cast<int64_t>(unknown)));
  }
  return text;
}

CliError ProduceRun::FailureError() const {
  CliError error{ExitCodeOf(first_error_),
                 fmt::format("{} of {} records {} not acknowledged", failed_, acked_ + failed_,
                             failed_ == 1 ? "was" : "were"),
                 loop_.bootstrap().text, std::string(first_error_.message()), ""};
  if (absl::IsNotFound(first_error_)) {
    error.what = fmt::format("unknown topic '{}'", flags_.topic);
    error.hint = fmt::format("create it with: soliton topic create {}", flags_.topic);
  }
  return error;
}

}  // namespace soliton::cli
