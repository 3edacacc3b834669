// soliton topic trim: deletes the oldest records of a topic (DeleteRecords, KIP-107).
#include <fmt/format.h>

#include <charconv>
#include <istream>
#include <map>
#include <optional>

#include "cli/topic_command.h"
#include "protocol/messages/delete_records.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

constexpr int64_t kHighWatermark = -1;

class TopicTrimCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic trim",
            .summary = "delete the oldest records of a topic",
            .details = "",
            .examples = {{"soliton topic trim orders --before 1000 --partition 0 --yes",
                          "everything below offset 1000 of partition 0"},
                         {"soliton topic trim orders --before end --dry-run",
                          "all that is committed now, in every partition"}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    options.Value("--before", "OFFSET", &before_, "first offset that stays, or `end`").Required();
    options.Value("--partition", "N", &partition_, "only this partition; all without it");
    options.Flag("--yes", &yes_, "do not ask");
    options.Flag("--dry-run", &dry_run_, "only show what would be trimmed");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (!ParseBefore()) {
      return context.Fail({ExitCode::kUsage, fmt::format("'{}' is no offset", before_), "",
                           "--before takes a number of 0 or more, or `end`",
                           fmt::format("soliton topic trim {} --before end", name_)});
    }
    if (!yes_ && !dry_run_) {
      if (!context.err.is_terminal()) {
        return context.Fail(
            {ExitCode::kUsage, "trimming a topic needs --yes here", "",
             "there is no terminal to ask on",
             fmt::format("soliton topic trim {} --before {} --yes", name_, before_)});
      }
      if (!Confirmed(context)) return context.Fail({ExitCode::kFailed, "not confirmed"});
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      loop.AwaitTopic(cluster, name_, milliseconds(500),
                      [this, &loop, &cluster] { Trim(loop, cluster); });
    });
  }

 private:
  bool ParseBefore() {
    if (before_ == "end") {
      offset_ = kHighWatermark;
      return true;
    }
    const auto [end, error] =
        std::from_chars(before_.data(), before_.data() + before_.size(), offset_);
    return error == std::errc() && end == before_.data() + before_.size() && offset_ >= 0;
  }

  bool Confirmed(Context& context) const {
    context.err.Write(fmt::format(
        "This deletes records of topic {}; they cannot be brought back.\nType its name to go on: ",
        name_));
    context.err.Flush();
    std::string typed;
    std::getline(context.in, typed);
    return typed == name_;
  }

  std::string WhatGoes() const {
    return before_ == "end" ? "all committed records" : fmt::format("records below {}", before_);
  }

  void Trim(ClientLoop& loop, kafka::ClusterClient& cluster) {
    const kafka::TopicState* topic = cluster.metadata().Find(name_);
    std::map<int32_t, int32_t> leaders;
    for (const auto& [index, partition] : topic->partitions) {
      if (partition_ < 0 || index == partition_) leaders[index] = partition.leader.leader_id;
    }
    if (leaders.empty()) {
      return loop.Fail(
          {ExitCode::kNotFound, fmt::format("topic '{}' has no partition {}", name_, partition_),
           loop.bootstrap().text, "", fmt::format("see: soliton topic describe {}", name_)});
    }
    if (dry_run_) {
      for (const auto& [number, leader] : leaders) {
        loop.context().Note(fmt::format("would delete {} of {}-{}", WhatGoes(), name_, number));
      }
      return loop.Finish(ExitCode::kOk);
    }
    missing_ = leaders.size();
    for (const auto& [number, leader] : leaders) {
      kafka::DeleteRecordsRequest request;
      request.timeout_ms = Milliseconds(kAdminTimeout);
      auto& wanted = request.topics.emplace_back();
      wanted.name = name_;
      auto& asked = wanted.partitions.emplace_back();
      asked.partition_index = number;
      asked.offset = offset_;
      // The broker may use all of its time.
      cluster.Send<kafka::DeleteRecordsRequest>(
          leader, std::move(request), kAdminTimeout + seconds(5),
          [this, &loop, index = number](absl::StatusOr<kafka::DeleteRecordsResponse> response) {
            OnAnswer(loop, index, response);
          });
    }
  }

  // Partitions are trimmed independently: each is told of, then the first error.
  void OnAnswer(ClientLoop& loop, int32_t index,
                const absl::StatusOr<kafka::DeleteRecordsResponse>& response) {
    const std::string what = fmt::format("cannot trim {}-{}", name_, index);
    ErrorCode error = ErrorCode::UNKNOWN_SERVER_ERROR;
    int64_t start = -1;
    if (response.ok() && response->topics.size() == 1 &&
        response->topics[0].partitions.size() == 1) {
      error = response->topics[0].partitions[0].error_code;
      start = response->topics[0].partitions[0].low_watermark;
    }
    if (!response.ok()) {
      if (!failure_) failure_ = ErrorFromStatus(what, response.status());
    } else if (error != ErrorCode::NONE) {
      if (!failure_) {
        failure_ = {ExitCodeOf(error), what, loop.bootstrap().text, CauseOf(error), HintFor(error)};
      }
    } else {
      loop.context().Note(fmt::format("{}-{} begins at offset {}", name_, index, start));
    }
    if (--missing_ > 0) return;
    if (failure_) return loop.Fail(*failure_);
    loop.Finish(ExitCode::kOk);
  }

  std::string HintFor(ErrorCode error) const {
    switch (error) {
      case ErrorCode::OFFSET_OUT_OF_RANGE:
        return fmt::format(
            "{} is beyond what is committed there; `--before end` deletes all that is", before_);
      case ErrorCode::POLICY_VIOLATION:
        return "the topic is compacted; only topics with cleanup.policy=delete can be trimmed";
      case ErrorCode::REQUEST_TIMED_OUT:
        return "the leader has deleted them; a live replica was too slow to follow";
      default:
        return std::string(kafka::ErrorText(error));
    }
  }

  std::string name_;
  std::string before_;
  int64_t offset_ = 0;
  int32_t partition_ = -1;
  bool yes_ = false;
  bool dry_run_ = false;
  std::optional<CliError> failure_;
  size_t missing_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeTopicTrimCommand() { return std::make_unique<TopicTrimCommand>(); }

}  // namespace soliton::cli
