// soliton consume: prints the records of a topic.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "cli/all_commands.h"
#include "cli/client_loop.h"
#include "cli/client_settings.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/record_format.h"
#include "cli/start_position.h"
#include "consumer/consumer.h"

namespace soliton::cli {
namespace {

using consumer::TopicPartition;

constexpr Duration kTopicPatience = seconds(2);
constexpr Duration kLookupTimeout = seconds(30);
// Batches printed before other events (signals, answers) get their turn.
constexpr int kSetsPerTurn = 16;

enum class ConsumeOutput { kText, kJson };

struct ConsumeFlags {
  std::string topic;
  std::optional<std::string> from;
  std::optional<std::string> partitions;
  int64_t count = -1;
  bool follow = false;
  bool exit_at_end = false;
  std::optional<std::string> format;
  ConsumeOutput output = ConsumeOutput::kText;
  bool read_committed = false;
  bool quiet = false;
  std::vector<std::string> settings;
};

// One run: finds where to start (and to end), reads, prints. Lives as long as the loop.
class ConsumeRun {
 public:
  ConsumeRun(ClientLoop& loop, const ConsumeFlags& flags, consumer::ConsumerOptions options,
             RecordFormat format, std::vector<int32_t> partitions)
      : loop_(loop),
        flags_(flags),
        options_(std::move(options)),
        format_(std::move(format)),
        wanted_partitions_(std::move(partitions)) {}

  void Start() {
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

 private:
  void ChoosePartitions() {
    const kafka::TopicState* topic = consumer_->cluster().metadata().Find(flags_.topic);
    if (wanted_partitions_.empty()) {
      for (const auto& [index, state] : topic->partitions) wanted_partitions_.push_back(index);
    }
    for (const int32_t index : wanted_partitions_) {
      if (!topic->partitions.contains(index)) {
        return loop_.Fail({ExitCode::kNotFound,
                           fmt::format("topic '{}' has no partition {}", flags_.topic, index),
                           loop_.bootstrap().text,
                           fmt::format("it has {} partitions", topic->partition_count()),
                           fmt::format("soliton topic describe {}", flags_.topic)});
      }
    }
    if (flags_.exit_at_end || from_.last_records > 0) return FindEnds();
    Assign();
  }

  // What "the end" means is settled once: records that come later are not waited for.
  void FindEnds() {
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

  // An offset that does not exist (yet) would make -e end at once, as if all were read.
  bool StartExists(const TopicPartition& name) const {
    if (from_.position.kind != consumer::StartPosition::Kind::kOffset || !flags_.exit_at_end) {
      return true;
    }
    return from_.position.value >= starts_.at(name) && from_.position.value <= ends_.at(name);
  }

  void Assign() {
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
    if (flags_.count == 0) Finish(ExitCode::kOk);
  }

  void ScheduleDrain() {
    if (std::exchange(drain_scheduled_, true)) return;
    loop_.shard().Post([this] {
      drain_scheduled_ = false;
      Drain();
    });
  }

  void Drain() {
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

  bool Enough() const { return flags_.count >= 0 && printed_ >= flags_.count; }

  bool AtEnd() const {
    if (!flags_.exit_at_end) return false;
    for (const auto& [name, end] : ends_) {
      const std::optional<int64_t> position = consumer_->Position(name);
      if (!position.has_value() || *position < end) return false;
    }
    return true;
  }

  void PrintSet(const consumer::RecordSet& set, std::string& text) {
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

  void OnEvent(const consumer::ConsumerEvent& event) {
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
          error.hint =
              "start elsewhere: --from start, --from end, or see: soliton topic describe " +
              event.from.topic;
        }
        loop_.Fail(error);
        break;
      }
    }
  }

  void Finish(ExitCode code) {
    if (loop_.finished()) return;
    loop_.context().out.Flush();
    if (!flags_.quiet && loop_.context().err.is_terminal()) {
      loop_.context().Note(fmt::format("{} records", HumanCount(printed_)));
    }
    loop_.Finish(code);
  }

  ClientLoop& loop_;
  const ConsumeFlags& flags_;
  const consumer::ConsumerOptions options_;
  const RecordFormat format_;
  FromOption from_;
  std::vector<int32_t> wanted_partitions_;  // empty = all
  std::unique_ptr<consumer::Consumer> consumer_;
  std::map<TopicPartition, int64_t> starts_;
  std::map<TopicPartition, int64_t> ends_;
  size_t lookups_left_ = 0;
  int64_t printed_ = 0;
  bool drain_scheduled_ = false;
};

class ConsumeCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "consume",
        .summary = "print the records of a topic",
        .details =
            "--from takes start, end, -5m (a time ago), -100 (records before the end), @1234 (an "
            "offset) or @2026-01-31T12:00 (a time, UTC). Without it reading begins at the end, or "
            "at the start with -e.\n"
            "A format for -f has %t topic, %p partition, %o offset, %k key, %v value, %h headers, "
            "%T timestamp in ms, %d time or %d{%H:%M:%S}, %K %S lengths of key and value, %% and "
            "the escapes \\n \\t \\xHH; %k and %v take {hex}, {base64} and {json}.",
        .examples = {{"soliton consume greetings --from start -n 1", ""},
                     {"soliton consume orders -e -f '%p/%o %k %v\\n'", "all there is, then stop"},
                     {"soliton consume orders --from -5m -o json | jq .value", ""},
                     {"soliton consume orders -p 0,2 --from @1234", "two partitions"}}};
  }

  void Declare(OptionSet& options) override {
    options.Positional("TOPIC", &flags_.topic, "topic to read").Required();
    options.Value("--from", "WHERE", &flags_.from, "where to begin: start, end, -5m, @OFFSET ...");
    options.Value("-p,--partitions", "LIST", &flags_.partitions, "only these, like 0,2,5-7");
    options.Value("-n,--count", "N", &flags_.count, "stop after so many records")
        .Range(0, INT64_MAX)
        .ShowDefault("no limit");
    options.Flag("-e,--exit-at-end", &flags_.exit_at_end, "stop at what is the end when starting");
    options.Flag("--follow", &flags_.follow, "wait for new records (the default without -e)");
    options.BeginGroup("Output");
    options.Value("-f,--format", "FORMAT", &flags_.format, "how to print a record")
        .ShowDefault("%v\\n");
    options.Choice<ConsumeOutput>("-o,--output", &flags_.output,
                                  {{"text", ConsumeOutput::kText},
                                   {"json", ConsumeOutput::kJson},
                                   {"jsonl", ConsumeOutput::kJson}},
                                  "text by --format, or one JSON object per line");
    options.Flag("-q,--quiet", &flags_.quiet, "no count at the end");
    options.BeginGroup("Reading");
    options.Choice<bool>("--isolation", &flags_.read_committed,
                         {{"read_uncommitted", false}, {"read_committed", true}},
                         "whether records of open or aborted transactions count");
    AddSettingsOption(options, &flags_.settings);
    options.BeginGroup("Connection");
    AddConnectionOptions(options, &connection_);
  }

  ExitCode Run(Context& context, const OptionSet& given) override {
    const auto usage = [&](const absl::Status& status) {
      return context.Fail(
          {ExitCode::kUsage, std::string(status.message()), "", "", "soliton consume --help"});
    };
    if (flags_.follow && flags_.exit_at_end) {
      return usage(absl::InvalidArgumentError("--follow and --exit-at-end exclude each other"));
    }
    std::vector<int32_t> partitions;
    if (flags_.partitions.has_value()) {
      auto parsed = ParsePartitions(*flags_.partitions);
      if (!parsed.ok()) return usage(parsed.status());
      partitions = *std::move(parsed);
    }
    auto format = RecordFormat::Parse(flags_.format.value_or("%v\\n"));
    if (!format.ok()) return usage(format.status());
    const auto bootstrap = ResolveBootstrap(connection_, context);
    if (!bootstrap.ok()) return usage(bootstrap.status());
    const auto settings = ReadClientSettings(flags_.settings, config::kConsumerScope);
    if (!settings.ok()) return usage(settings.status());
    consumer::ConsumerOptions options;
    options.cluster = DefaultClusterOptions(*bootstrap);
    // A position that does not exist is an error to tell, unless asked otherwise.
    options.fetch.reset_policy = consumer::ResetPolicy::kNone;
    ApplySettings(*settings, options);
    if (given.Given("--isolation")) options.reader.read_committed = flags_.read_committed;

    ClientLoop loop(context, *bootstrap);
    auto& run = loop.Keep(std::make_unique<ConsumeRun>(loop, flags_, options, *std::move(format),
                                                       std::move(partitions)));
    return loop.Run([&] { run.Start(); });
  }

 private:
  ConsumeFlags flags_;
  ConnectionFlags connection_;
};

}  // namespace

void AddConsumeCommands(CommandList& commands) { commands.Add<ConsumeCommand>(); }

}  // namespace soliton::cli
