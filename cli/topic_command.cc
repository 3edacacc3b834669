// soliton topic create | list | describe | delete.
#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "cli/all_commands.h"
#include "cli/client_loop.h"
#include "cli/command.h"
#include "cli/output.h"
#include "consumer/offset_lookup.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

constexpr Duration kAdminTimeout = seconds(30);
// How long a new topic may take to have leaders everywhere.
constexpr Duration kSettleTimeout = seconds(5);
constexpr int kAdminAttempts = 5;

int32_t Milliseconds(Duration duration) {
  return static_cast<int32_t>(std::chrono::duration_cast<milliseconds>(duration).count());
}

// What all verbs share: the connection, and one cluster client in a loop.
class TopicCommand : public Command {
 protected:
  // Runs `body` with a cluster client once metadata is there.
  ExitCode WithCluster(Context& context, bool all_topics,
                       const std::function<void(ClientLoop&, kafka::ClusterClient&)>& body) {
    absl::StatusOr<Bootstrap> bootstrap = ResolveBootstrap(connection_, context);
    if (!bootstrap.ok()) {
      return context.Fail({ExitCode::kUsage, std::string(bootstrap.status().message())});
    }
    ClientLoop loop(context, *std::move(bootstrap));
    return loop.Run([&loop, all_topics, body] {
      auto& cluster = loop.Keep(std::make_unique<kafka::ClusterClient>(
          loop.shard(), *loop.ports().transport, DefaultClusterOptions(loop.bootstrap())));
      loop.FailUnlessConnected(cluster);
      auto started = std::make_shared<bool>(false);
      cluster.OnMetadata([&loop, &cluster, body, started] {
        if (!std::exchange(*started, true)) body(loop, cluster);
      });
      if (all_topics) {
        cluster.WatchAll();
      } else {
        cluster.RequestRefresh();
      }
    });
  }

  // Sends an admin request to some broker, again to others while connections fail.
  template <class Request>
  static void Ask(ClientLoop& loop, kafka::ClusterClient& cluster, Request request,
                  std::function<void(kafka::ResponseOf<Request>&)> done,
                  int attempts_left = kAdminAttempts) {
    Request copy = request;
    cluster.SendToAny(std::move(copy), kAdminTimeout,
                      [&loop, &cluster, request = std::move(request), done = std::move(done),
                       attempts_left](absl::StatusOr<kafka::ResponseOf<Request>> response) mutable {
                        if (response.ok()) return done(*response);
                        if (absl::IsUnavailable(response.status()) && attempts_left > 1) {
                          return Ask(loop, cluster, std::move(request), std::move(done),
                                     attempts_left - 1);
                        }
                        loop.Fail(ErrorFromStatus("the request failed", response.status()));
                      });
  }

  ConnectionFlags connection_;
};

class TopicCreateCommand final : public TopicCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic create",
            .summary = "make a topic",
            .details = "",
            .examples = {{"soliton topic create orders", "the broker's default partitions"},
                         {"soliton topic create orders -p 12 -r 3", ""},
                         {"soliton topic create orders -p 6 -r 3 -c min.insync.replicas=2", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    options.Value("-p,--partitions", "N", &partitions_, "number of partitions")
        .Range(1, 1000000)
        .ShowDefault("as the brokers are set");
    options.Value("-r,--replication-factor", "N", &replication_factor_, "copies of each partition")
        .Range(1, 32767)
        .ShowDefault("as the brokers are set");
    options.Value("-c,--config", "NAME=VALUE", &configs_, "a topic setting, like retention.ms=1h");
    options.Flag("--if-not-exists", &if_not_exists_, "succeed when the topic is there already");
    options.Flag("--dry-run", &dry_run_, "only check whether it could be made");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    kafka::CreateTopicsRequest request;
    request.timeout_ms = Milliseconds(kAdminTimeout);
    request.validate_only = dry_run_;
    auto& topic = request.topics.emplace_back();
    topic.name = name_;
    topic.num_partitions = partitions_;
    topic.replication_factor = static_cast<int16_t>(replication_factor_);
    for (const std::string& each : configs_) {
      const size_t equals = each.find('=');
      if (equals == std::string::npos || equals == 0) {
        return context.Fail({ExitCode::kUsage, fmt::format("bad topic setting '{}'", each), "",
                             "expected NAME=VALUE", "soliton topic create --help"});
      }
      auto& config = topic.configs.emplace_back();
      config.name = each.substr(0, equals);
      config.value = each.substr(equals + 1);
    }
    return WithCluster(context, false,
                       [this, request](ClientLoop& loop, kafka::ClusterClient& cluster) {
                         Ask<kafka::CreateTopicsRequest>(
                             loop, cluster, request,
                             [this, &loop, &cluster](kafka::CreateTopicsResponse& response) {
                               OnCreated(loop, cluster, response);
                             });
                       });
  }

 private:
  void OnCreated(ClientLoop& loop, kafka::ClusterClient& cluster,
                 const kafka::CreateTopicsResponse& response) {
    if (response.topics.empty()) {
      return loop.Fail({ExitCode::kFailed, fmt::format("cannot create topic '{}'", name_), "",
                        "the broker's answer does not mention it", ""});
    }
    const auto& result = response.topics.front();
    if (result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS && if_not_exists_) {
      loop.context().Note(fmt::format("topic {} is there already", name_));
      return loop.Finish(ExitCode::kOk);
    }
    if (result.error_code != ErrorCode::NONE) {
      CliError error{ExitCodeOf(result.error_code), fmt::format("cannot create topic '{}'", name_),
                     loop.bootstrap().text, CauseOf(result.error_code), ""};
      const std::string text = result.error_message.value_or("");
      error.cause += fmt::format(
          ": {}", text.empty() ? std::string(kafka::ErrorText(result.error_code)) : text);
      if (result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS) {
        error.hint = fmt::format("look at it with: soliton topic describe {}", name_);
      }
      return loop.Fail(error);
    }
    if (dry_run_) {
      loop.context().Note(fmt::format("topic {} could be created; nothing was done", name_));
      return loop.Finish(ExitCode::kOk);
    }
    loop.AwaitTopic(cluster, name_, kSettleTimeout, [this, &loop, &cluster] {
      const kafka::TopicState* state = cluster.metadata().Find(name_);
      const auto& first = state->partitions.begin()->second;
      loop.context().Note(fmt::format("created topic {}: {} partition{}, replication factor {}",
                                      name_, state->partition_count(),
                                      state->partition_count() == 1 ? "" : "s",
                                      first.replicas.size()));
      loop.Finish(ExitCode::kOk);
    });
  }

  std::string name_;
  int32_t partitions_ = -1;
  int32_t replication_factor_ = -1;
  std::vector<std::string> configs_;
  bool if_not_exists_ = false;
  bool dry_run_ = false;
};

// "ok", or what is wrong with a partition.
std::string StateText(const kafka::PartitionState& partition) {
  if (partition.leader.leader_id < 0) return "NO LEADER";
  std::string missing;
  for (const int32_t replica : partition.replicas) {
    bool in_sync = false;
    for (const int32_t member : partition.isr) in_sync |= member == replica;
    if (!in_sync) missing += fmt::format("{}{}", missing.empty() ? "" : ",", replica);
  }
  if (!missing.empty()) return fmt::format("UNDER-REPLICATED: node {} not in sync", missing);
  return "ok";
}

std::vector<int64_t> Ids(const std::vector<int32_t>& ids) { return {ids.begin(), ids.end()}; }

std::string Joined(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

class TopicListCommand final : public TopicCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic list",
            .summary = "list the topics",
            .details = "",
            .examples = {{"soliton topic list", ""},
                         {"soliton topic list -o json | jq -r '.topics[].name'", "only names"},
                         {"soliton topic list --internal -o wide", ""}}};
  }
  void Declare(OptionSet& options) override {
    AddOutputOption(options, &format_);
    options.Flag("-i,--internal", &internal_, "also those that the brokers keep for themselves");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    using Align = Column::Align;
    Table table("topics", {{"NAME", "name", "string"},
                           {"PARTITIONS", "partitions", "int", Align::kRight},
                           {"REPLICAS", "replication_factor", "int", Align::kRight},
                           {"ID", "id", "string", Align::kLeft, true},
                           {"INTERNAL", "internal", "bool", Align::kLeft, true},
                           {"STATE", "state", "string"}});
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(table.Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, true, [&](ClientLoop& loop, kafka::ClusterClient& cluster) {
      for (const auto& [name, topic] : cluster.metadata().topics()) {
        if (topic.is_internal && !internal_) continue;
        size_t replicas = 0;
        int bad = 0;
        for (const auto& [index, partition] : topic.partitions) {
          replicas = std::max(replicas, partition.replicas.size());
          if (StateText(partition) != "ok") ++bad;
        }
        table.AddRow({name, int64_t{topic.partition_count()}, static_cast<int64_t>(replicas),
                      topic.id.ToString(), topic.is_internal,
                      bad == 0 ? std::string("ok") : fmt::format("{} partitions not ok", bad)});
      }
      context.out.Write(table.Render(format_));
      loop.Finish(ExitCode::kOk);
    });
  }

 private:
  OutputFormat format_ = OutputFormat::kTable;
  bool internal_ = false;
};

class TopicDescribeCommand final : public TopicCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic describe",
            .summary = "show a topic's partitions: leaders, replicas, offsets",
            .details = "",
            .examples = {{"soliton topic describe orders", ""},
                         {"soliton topic describe orders -o json", ""},
                         {"soliton topic describe orders -o csv", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(EmptyTable().Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      loop.AwaitTopic(cluster, name_, milliseconds(500),
                      [this, &loop, &cluster] { FindOffsets(loop, cluster); });
    });
  }

 private:
  struct Offsets {
    std::optional<int64_t> start;
    std::optional<int64_t> end;
  };

  static Table EmptyTable() {
    using Align = Column::Align;
    return Table("partitions", {{"PART", "partition", "int", Align::kRight},
                                {"LEADER", "leader", "int", Align::kRight},
                                {"EPOCH", "leader_epoch", "int", Align::kRight, true},
                                {"REPLICAS", "replicas", "int[]"},
                                {"IN-SYNC", "in_sync", "int[]"},
                                {"START", "start_offset", "int", Align::kRight},
                                {"END", "end_offset", "int", Align::kRight},
                                {"STATE", "state", "string"}});
  }

  void FindOffsets(ClientLoop& loop, kafka::ClusterClient& cluster) {
    auto& lookup = loop.Keep(std::make_unique<consumer::OffsetLookup>(cluster, false));
    const kafka::TopicState* topic = cluster.metadata().Find(name_);
    auto found = std::make_shared<std::map<int32_t, Offsets>>();
    auto left = std::make_shared<size_t>(2 * topic->partitions.size());
    for (const auto& [index, partition] : topic->partitions) {
      for (const int64_t which : {consumer::kEarliestTimestamp, consumer::kLatestTimestamp}) {
        lookup.Find({name_, index}, which, seconds(3),
                    [this, &loop, &cluster, found, left, number = index,
                     which](const absl::StatusOr<consumer::FoundOffset>& offset) {
                      if (offset.ok()) {
                        Offsets& offsets = (*found)[number];
                        (which == consumer::kEarliestTimestamp ? offsets.start : offsets.end) =
                            offset->offset;
                      }
                      if (--*left == 0) Print(loop, cluster, *found);
                    });
      }
    }
  }

  void Print(ClientLoop& loop, kafka::ClusterClient& cluster,
             const std::map<int32_t, Offsets>& found) {
    const kafka::TopicState* topic = cluster.metadata().Find(name_);
    if (topic == nullptr || topic->partitions.empty()) {
      return loop.Fail(
          UnknownTopic(name_, {}, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, loop.bootstrap().text));
    }
    Table table = EmptyTable();
    const auto cell = [](const std::optional<int64_t>& offset) {
      return offset.has_value() ? Cell(*offset) : Cell();
    };
    size_t replicas = 0;
    for (const auto& [index, partition] : topic->partitions) {
      const auto offsets = found.find(index);
      const Offsets known = offsets == found.end() ? Offsets{} : offsets->second;
      replicas = std::max(replicas, partition.replicas.size());
      table.AddRow(
          {int64_t{index},
           partition.leader.leader_id < 0 ? Cell() : Cell(int64_t{partition.leader.leader_id}),
           int64_t{partition.leader.leader_epoch},
           Cell(Ids(partition.replicas), Joined(partition.replicas)),
           Cell(Ids(partition.isr), Joined(partition.isr)), cell(known.start), cell(known.end),
           StateText(partition)});
    }
    if (format_ == OutputFormat::kTable || format_ == OutputFormat::kWide) {
      loop.context().out.Write(
          fmt::format("{}   {} partition{}   rf {}{}\n", name_, topic->partition_count(),
                      topic->partition_count() == 1 ? "" : "s", replicas,
                      topic->id.is_zero() ? std::string() : "   id " + topic->id.ToString()));
    }
    loop.context().out.Write(table.Render(format_));
    loop.Finish(ExitCode::kOk);
  }

  std::string name_;
  OutputFormat format_ = OutputFormat::kTable;
};

class TopicDeleteCommand final : public TopicCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic delete",
            .summary = "delete a topic with all its records",
            .details = "",
            .examples = {{"soliton topic delete orders", "asks for the name on a terminal"},
                         {"soliton topic delete orders --yes", "in scripts"},
                         {"soliton topic delete orders --dry-run", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    options.Flag("--yes", &yes_, "do not ask");
    options.Flag("--dry-run", &dry_run_, "only show what would be deleted");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (!yes_ && !dry_run_) {
      if (!context.err.is_terminal()) {
        return context.Fail({ExitCode::kUsage, "deleting a topic needs --yes here", "",
                             "there is no terminal to ask on",
                             fmt::format("soliton topic delete {} --yes", name_)});
      }
      context.err.Write(
          fmt::format("This deletes topic {} with all its records.\n"
                      "Type its name to go on: ",
                      name_));
      context.err.Flush();
      std::string typed;
      std::getline(context.in, typed);
      if (typed != name_) return context.Fail({ExitCode::kFailed, "not confirmed"});
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      loop.AwaitTopic(cluster, name_, milliseconds(500), [this, &loop, &cluster] {
        const int32_t partitions = cluster.metadata().Find(name_)->partition_count();
        if (dry_run_) {
          loop.context().Note(
              fmt::format("would delete topic {} with its {} partitions", name_, partitions));
          return loop.Finish(ExitCode::kOk);
        }
        Delete(loop, cluster);
      });
    });
  }

 private:
  void Delete(ClientLoop& loop, kafka::ClusterClient& cluster) {
    kafka::DeleteTopicsRequest request;
    request.timeout_ms = Milliseconds(kAdminTimeout);
    request.topic_names.push_back(name_);  // versions 1-5
    request.topics.emplace_back().name = name_;
    Ask<kafka::DeleteTopicsRequest>(
        loop, cluster, std::move(request), [this, &loop](kafka::DeleteTopicsResponse& response) {
          const ErrorCode error = response.responses.empty() ? ErrorCode::UNKNOWN_SERVER_ERROR
                                                             : response.responses[0].error_code;
          if (error != ErrorCode::NONE) {
            return loop.Fail({ExitCodeOf(error), fmt::format("cannot delete topic '{}'", name_),
                              loop.bootstrap().text, CauseOf(error),
                              std::string(kafka::ErrorText(error))});
          }
          loop.context().Note(fmt::format("deleted topic {}", name_));
          loop.Finish(ExitCode::kOk);
        });
  }

  std::string name_;
  bool yes_ = false;
  bool dry_run_ = false;
};

}  // namespace

void AddTopicCommands(CommandList& commands) {
  commands.Add<TopicListCommand>();
  commands.Add<TopicCreateCommand>();
  commands.Add<TopicDescribeCommand>();
  commands.Add<TopicDeleteCommand>();
}

}  // namespace soliton::cli
