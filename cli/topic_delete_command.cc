// soliton topic delete: deletes a topic.
#include <fmt/format.h>

#include <istream>

#include "cli/topic_command.h"
#include "protocol/messages/delete_topics.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

class TopicDeleteCommand final : public AdminCommand {
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
            const std::string text =
                response.responses.empty() ? "" : response.responses[0].error_message.value_or("");
            return loop.Fail({ExitCodeOf(error), fmt::format("cannot delete topic '{}'", name_),
                              loop.bootstrap().text,
                              CauseOf(error) + (text.empty() ? "" : ": " + text),
                              text.empty() ? std::string(kafka::ErrorText(error)) : ""});
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

std::unique_ptr<Command> MakeTopicDeleteCommand() { return std::make_unique<TopicDeleteCommand>(); }

}  // namespace soliton::cli
