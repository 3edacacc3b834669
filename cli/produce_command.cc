// soliton produce: sends lines, a file or one value to a topic.
#include <fmt/format.h>

#include <deque>
#include <utility>

#include "cli/all_commands.h"
#include "cli/client_loop.h"
#include "cli/client_settings.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/record_format.h"
#include "producer/producer.h"
#include "protocol/record/codec.h"
#include "runtime/line_reader.h"

namespace soliton::cli {
namespace {

// A topic may be made by its first record; one that is still not there then does not exist.
constexpr Duration kTopicPatience = seconds(5);
// What a command sends is bulk: larger batches than an application's.
constexpr int64_t kDefaultBatchBytes = 128 * 1024;
constexpr int64_t kDefaultBufferBytes = 64 * 1024 * 1024;
constexpr Duration kRateTick = milliseconds(2);
constexpr Duration kInterruptPatience = seconds(2);

struct ProduceFlags {
  std::string topic;
  std::vector<std::string> value;  // at most one
  std::string file;
  std::optional<std::string> key;
  std::optional<std::string> key_separator;
  std::string delimiter = "\\n";
  std::vector<std::string> headers;
  int32_t partition = -1;
  kafka::Codec codec = kafka::Codec::kNone;
  int acks = -1;
  bool idempotence = true;
  double rate = 0;
  Duration linger = milliseconds(5);
  ByteCount batch_size{kDefaultBatchBytes};
  std::optional<std::string> format;
  bool null_empty = false;
  bool quiet = false;
  std::vector<std::string> settings;
};

// One run: reads, sends, counts. Lives as long as the loop.
class ProduceRun {
 public:
  ProduceRun(ClientLoop& loop, const ProduceFlags& flags, producer::ProducerOptions options,
             std::optional<RecordFormat> format, std::string key_separator)
      : loop_(loop),
        flags_(flags),
        options_(std::move(options)),
        format_(std::move(format)),
        key_separator_(std::move(key_separator)) {}

  void Start(std::unique_ptr<LineReader> reader) {
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
      lines_.push_back(flags_.value.front());
      end_of_input_ = true;
    }
    SendLines();
  }

 private:
  MonotonicTime Now() const { return loop_.shard().clock().Now(); }

  void ReadMore() {
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

  // Sends what has been read, as far as memory and rate allow, then reads on.
  void SendLines() {
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

  void Wait(const std::function<void(std::function<void()>)>& arrange) {
    waiting_ = true;
    arrange([this] {
      waiting_ = false;
      SendLines();
    });
  }

  double AllowedByRate() const {
    const double elapsed = std::chrono::duration<double>(Now() - started_).count();
    return 1 + elapsed * flags_.rate;
  }

  // False when the producer has no room.
  bool SendLine(const std::string& line) {
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

  producer::SendCallback CallbackFor(const std::string& line, std::string_view value) {
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
      if (!result.ok()) return;
      std::string text;
      format_->Print({.topic = flags_.topic,
                      .partition = result->partition,
                      .offset = result->offset,
                      .timestamp_ms = result->timestamp_ms,
                      .key = key,
                      .value = value},
                     text);
      loop_.context().out.Write(text);
    };
  }

  void OnResult(const absl::StatusOr<producer::RecordMetadata>& result) {
    if (!result.ok()) return OnFailed(result.status());
    ++acked_;
    last_ = *result;
  }

  void OnFailed(const absl::Status& why) {
    if (failed_++ == 0) first_error_ = why;
    // The next records would fail for the same reason.
    if (absl::IsNotFound(why) || absl::IsPermissionDenied(why) || absl::IsUnimplemented(why)) {
      stop_ = true;
      if (!flushing_ && !waiting_) loop_.shard().Post([this] { SendLines(); });
    }
  }

  // Sends no more, and gives what is on its way a moment to be acknowledged.
  void Interrupt() {
    interrupted_ = true;
    stop_ = true;
    loop_.shard().ScheduleAfter(kInterruptPatience, [this] { Finish(); });
    if (!waiting_) SendLines();
  }

  void Flush() {
    if (std::exchange(flushing_, true)) return;
    reader_.reset();
    producer_->Flush([this] { Finish(); });
  }

  void Finish() {
    if (loop_.finished()) return;
    const Duration elapsed = Now() - started_;
    Context& context = loop_.context();
    context.out.Flush();
    if (!flags_.quiet) context.Note(Summary(elapsed));
    if (failed_ > 0) return loop_.Fail(FailureError());
    if (!input_error_.ok()) {
      return loop_.Fail({ExitCode::kFailed, "cannot read the input", "",
                         std::string(input_error_.message()), ""});
    }
    loop_.Finish(interrupted_ ? ExitCode::kInterrupted : ExitCode::kOk);
  }

  std::string Summary(Duration elapsed) const {
    if (acked_ == 1 && sent_ == 1 && failed_ == 0) {
      return last_.offset < 0 ? fmt::format("sent 1 record to partition {}", last_.partition)
                              : fmt::format("acknowledged: partition {}, offset {}",
                                            last_.partition, last_.offset);
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

  CliError FailureError() const {
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

  ClientLoop& loop_;
  const ProduceFlags& flags_;
  const producer::ProducerOptions options_;
  const std::optional<RecordFormat> format_;
  const std::string key_separator_;
  std::unique_ptr<LineReader> reader_;
  std::unique_ptr<producer::Producer> producer_;
  std::deque<std::string> lines_;
  MonotonicTime started_{};
  bool reading_ = false;
  bool end_of_input_ = false;
  bool waiting_ = false;  // for memory or for the rate
  bool flushing_ = false;
  bool stop_ = false;
  bool interrupted_ = false;
  uint64_t sent_ = 0;
  uint64_t acked_ = 0;
  uint64_t failed_ = 0;
  int64_t bytes_ = 0;
  producer::RecordMetadata last_;
  absl::Status first_error_;
  absl::Status input_error_;
};

class ProduceCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "produce",
            .summary = "send records to a topic: lines of standard input, of a file, or one value",
            .details =
                "The exit code is 0 only when every record was acknowledged. A format for -f has "
                "%t topic, %p partition, %o offset, %T timestamp, %k key, %v value, and \\n.",
            .examples = {{"echo hello | soliton produce greetings", ""},
                         {"soliton produce orders -k user42 -H trace=abc hello", "one record"},
                         {"soliton produce orders --file orders.txt -K : --compression zstd", ""},
                         {"seq 100 | soliton produce orders -f '%p/%o\\n'", "where each went"}}};
  }

  void Declare(OptionSet& options) override {
    options.Positional("TOPIC", &flags_.topic, "topic to write to").Required();
    options.Positional("VALUE", &flags_.value, "send this one value instead of lines of input");
    options.Value("--file", "FILE", &flags_.file, "send the lines of this file");
    options.Value("-D,--delimiter", "TEXT", &flags_.delimiter, "what ends a record of the input")
        .ShowDefault("\\n");
    options.Value("-K,--key-separator", "TEXT", &flags_.key_separator,
                  "what stands between key and value, like ':' or '\\t'");
    options.Value("-k,--key", "KEY", &flags_.key, "the key of all records");
    options.Value("-H,--header", "NAME=VALUE", &flags_.headers, "a header of all records");
    options.Value("-p,--partition", "N", &flags_.partition, "the partition (else by key)")
        .Range(0, INT32_MAX);
    options.Flag("-Z,--null", &flags_.null_empty, "an empty value is null: it deletes the key");
    options.Value("-f,--format", "FORMAT", &flags_.format,
                  "print this for each acknowledged record, like '%p %o\\n'");
    options.Flag("-q,--quiet", &flags_.quiet, "no summary");
    options.BeginGroup("Delivery");
    options.Choice<int>("--acks", &flags_.acks, {{"all", -1}, {"1", 1}, {"0", 0}},
                        "who must have a record: all in-sync replicas, the leader, nobody");
    options.Choice<bool>("--idempotence", &flags_.idempotence, {{"on", true}, {"off", false}},
                         "whether retries can neither duplicate nor reorder (needs acks all)");
    options.Choice<kafka::Codec>("-z,--compression", &flags_.codec,
                                 {{"none", kafka::Codec::kNone},
                                  {"gzip", kafka::Codec::kGzip},
                                  {"snappy", kafka::Codec::kSnappy},
                                  {"lz4", kafka::Codec::kLz4},
                                  {"zstd", kafka::Codec::kZstd}},
                                 "codec of batches");
    options.Value("--rate", "N", &flags_.rate, "at most so many records per second");
    options.Value("--linger", "TIME", &flags_.linger, "how long a record may wait for others")
        .ShowDefault("5ms");
    options.Value("--batch-size", "SIZE", &flags_.batch_size, "size at which a batch is sent")
        .ShowDefault("128KiB");
    AddSettingsOption(options, &flags_.settings);
    options.BeginGroup("Connection");
    AddConnectionOptions(options, &connection_);
  }

  ExitCode Run(Context& context, const OptionSet& given) override {
    const auto usage = [&](const absl::Status& status) {
      return context.Fail(
          {ExitCode::kUsage, std::string(status.message()), "", "", "soliton produce --help"});
    };
    if (flags_.value.size() > 1) {
      return usage(absl::InvalidArgumentError("more than one VALUE: quote it, or send lines"));
    }
    for (const std::string& header : flags_.headers) {
      if (header.find('=') == std::string::npos) {
        return usage(absl::InvalidArgumentError(
            fmt::format("bad header '{}': expected NAME=VALUE", header)));
      }
    }
    const auto bootstrap = ResolveBootstrap(connection_, context);
    if (!bootstrap.ok()) return usage(bootstrap.status());
    const auto options = Options(given, *bootstrap);
    if (!options.ok()) return usage(options.status());
    const auto separator = Unescape(flags_.key_separator.value_or(""));
    if (!separator.ok()) return usage(separator.status());
    std::optional<RecordFormat> format;
    if (flags_.format.has_value()) {
      auto parsed = RecordFormat::Parse(*flags_.format);
      if (!parsed.ok()) return usage(parsed.status());
      format = *std::move(parsed);
    }
    auto reader = OpenInput();
    if (absl::IsInvalidArgument(reader.status())) return usage(reader.status());
    if (!reader.ok()) {
      return context.Fail({ExitCode::kNotFound, fmt::format("cannot read '{}'", flags_.file), "",
                           std::string(reader.status().message()), ""});
    }
    ClientLoop loop(context, *bootstrap);
    auto& run = loop.Keep(
        std::make_unique<ProduceRun>(loop, flags_, *options, std::move(format), *separator));
    return loop.Run([&] { run.Start(*std::move(reader)); });
  }

 private:
  // Null when there is one value instead.
  absl::StatusOr<std::unique_ptr<LineReader>> OpenInput() const {
    if (!flags_.value.empty()) return nullptr;
    const auto delimiter = Unescape(flags_.delimiter);
    if (!delimiter.ok()) return delimiter.status();
    if (delimiter->size() != 1) return absl::InvalidArgumentError("the delimiter is one character");
    LineReader::Options options;
    options.delimiter = delimiter->front();
    if (flags_.file.empty() || flags_.file == "-") return LineReader::OfStandardInput(options);
    auto reader = LineReader::OfFile(flags_.file, options);
    if (!reader.ok()) return absl::NotFoundError(std::string(reader.status().message()));
    return reader;
  }

  absl::StatusOr<producer::ProducerOptions> Options(const OptionSet& given,
                                                    const Bootstrap& bootstrap) const {
    const auto settings = ReadClientSettings(flags_.settings, config::kProducerScope);
    if (!settings.ok()) return settings.status();
    producer::ProducerOptions options;
    options.cluster = DefaultClusterOptions(bootstrap);
    options.cluster.allow_auto_topic_creation = true;
    options.accumulator.buffer_bytes = kDefaultBufferBytes;
    options.accumulator.batch_bytes = kDefaultBatchBytes;
    options.metadata_timeout = kTopicPatience;
    ApplySettings(*settings, options);
    if (given.Given("--acks")) options.acks = static_cast<int16_t>(flags_.acks);
    if (given.Given("--compression")) options.accumulator.codec = flags_.codec;
    if (given.Given("--linger")) options.accumulator.linger = flags_.linger;
    if (given.Given("--batch-size")) options.accumulator.batch_bytes = flags_.batch_size.bytes;
    if (given.Given("--idempotence")) {
      options.idempotence = flags_.idempotence;
    } else if (!settings->Given("enable.idempotence") && options.acks != -1) {
      options.idempotence = false;  // without a word, as Kafka's clients do
    }
    return options;
  }

  ProduceFlags flags_;
  ConnectionFlags connection_;
};

}  // namespace

void AddProduceCommands(CommandList& commands) { commands.Add<ProduceCommand>(); }

}  // namespace soliton::cli
