// soliton consume: prints the records of a topic.
#include <fmt/format.h>

#include <utility>

#include "cli/all_commands.h"
#include "cli/client_settings.h"
#include "cli/command.h"
#include "cli/consume_run.h"
#include "consumer/consumer.h"

namespace soliton::cli {
namespace {

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
