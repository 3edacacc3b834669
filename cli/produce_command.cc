// soliton produce: sends lines, a file or one value to a topic.
#include <fmt/format.h>

#include <utility>

#include "cli/all_commands.h"
#include "cli/client_settings.h"
#include "cli/command.h"
#include "cli/produce_run.h"
#include "producer/producer.h"
#include "protocol/record/codec.h"
#include "runtime/line_reader.h"

namespace soliton::cli {
namespace {

// A topic may be made by its first record; one that is still not there then does not exist.
constexpr Duration kTopicPatience = seconds(5);
constexpr int64_t kDefaultBufferBytes = 64 * 1024 * 1024;

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
    if (flags_.value.has_value()) return nullptr;
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
