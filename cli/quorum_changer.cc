#include "cli/quorum_changer.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "cli/admin_command.h"
#include "cli/cluster_reader.h"
#include "protocol/messages/add_raft_voter.h"
#include "protocol/messages/remove_raft_voter.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

constexpr Duration kLookInterval = milliseconds(200);
// One request of the leader; commits take less, unless a majority is missing.
constexpr Duration kRequestTimeout = seconds(5);
// Kafka's name of it.
constexpr std::string_view kListener = "CONTROLLER";

class QuorumChanger : public std::enable_shared_from_this<QuorumChanger> {
 public:
  QuorumChanger(ClientLoop& loop, kafka::ClusterClient& cluster, QuorumChange change,
                Duration patience, std::function<void(const QuorumView&, const QuorumView&)> done)
      : loop_(loop),
        cluster_(cluster),
        change_(std::move(change)),
        deadline_(loop.shard().clock().Now() + patience),
        done_(std::move(done)) {}

  void Look() {
    ReadQuorum(cluster_, [self = shared_from_this()](const absl::StatusOr<QuorumView>& view) {
      if (!self->loop_.finished()) self->OnView(view);
    });
  }

 private:
  void OnView(const absl::StatusOr<QuorumView>& view) {
    if (!view.ok()) {
      CliError error = ErrorFromStatus("the metadata quorum does not answer", view.status());
      if (absl::IsUnimplemented(view.status())) {
        error.hint = "these brokers do not offer DescribeQuorum (API 55)";
        return Fail(std::move(error));
      }
      error.hint = "a majority of the controllers must run: soliton cluster health";
      return Wait(std::move(error));
    }
    if (!before_) before_ = *view;
    QuorumChangeStep step = NextStep(*view, change_, asked_for_);
    switch (step.kind) {
      case QuorumChangeStep::Kind::kDone:
        return done_(*before_, *view);
      case QuorumChangeStep::Kind::kFail:
        return Fail(std::move(step.error));
      case QuorumChangeStep::Kind::kWait:
        return Wait(std::move(step.error));
      case QuorumChangeStep::Kind::kAsk:
        return change_.add ? AskToAdd(step) : AskToRemove(step);
    }
  }

  void AskToAdd(const QuorumChangeStep& step) {
    kafka::AddRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.timeout_ms = static_cast<int32_t>(kRequestTimeout / milliseconds(1));
    request.voter_id = change_.node_id;
    request.voter_directory_id = step.directory_id;
    auto& listener = request.listeners.emplace_back();
    listener.name = std::string(kListener);
    listener.host = step.endpoint.host;
    listener.port = step.endpoint.port;
    Send(std::move(request), step.directory_id);
  }

  void AskToRemove(const QuorumChangeStep& step) {
    kafka::RemoveRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.voter_id = change_.node_id;
    request.voter_directory_id = step.directory_id;
    Send(std::move(request), step.directory_id);
  }

  template <class Request>
  void Send(Request request, const Uuid& directory_id) {
    AskAny<Request>(cluster_, std::move(request), kRequestTimeout + seconds(1), 1, false,
                    [self = shared_from_this(),
                     directory_id](const absl::StatusOr<kafka::ResponseOf<Request>>& response) {
                      if (self->loop_.finished()) return;
                      if (!response.ok()) return self->NotAnswered(response.status(), directory_id);
                      self->OnAnswer(response->error_code, response->error_message, directory_id);
                    });
  }

  // It may have been done all the same: the next look shows it.
  void NotAnswered(const absl::Status& why, const Uuid& directory_id) {
    CliError error = ErrorFromStatus(fmt::format("cannot {}", change_.ToString()), why);
    if (absl::IsUnimplemented(why)) {
      error.hint = "these brokers do not offer AddRaftVoter and RemoveRaftVoter (APIs 80, 81)";
      return Fail(std::move(error));
    }
    asked_for_ = directory_id;
    Wait(std::move(error));
  }

  void OnAnswer(ErrorCode code, const std::optional<std::string>& message,
                const Uuid& directory_id) {
    if (code == ErrorCode::NONE) {
      asked_for_ = directory_id;
      return Look();
    }
    const std::string text =
        message.value_or("").empty() ? std::string(kafka::ErrorText(code)) : *message;
    CliError error{ExitCodeOf(code), fmt::format("cannot {}", change_.ToString()), "",
                   fmt::format("{}: {}", CauseOf(code), text), "soliton cluster quorum -o wide"};
    // A former change that is not committed yet, an election, one that fell behind: it passes.
    const bool passes = code == ErrorCode::REQUEST_TIMED_OUT || code == ErrorCode::NOT_CONTROLLER;
    if (!passes) return Fail(std::move(error));
    if (code == ErrorCode::REQUEST_TIMED_OUT) asked_for_ = directory_id;
    Wait(std::move(error));
  }

  void Wait(CliError error) {
    const MonotonicTime now = loop_.shard().clock().Now();
    if (now >= deadline_) return Fail(std::move(error));
    if (!std::exchange(said_, true)) {
      loop_.context().Note(fmt::format("waiting: {}", error.cause));
    }
    loop_.shard().ScheduleAfter(kLookInterval, [self = shared_from_this()] {
      if (!self->loop_.finished()) self->Look();
    });
  }

  void Fail(CliError error) {
    if (error.at.empty()) error.at = loop_.bootstrap().text;
    loop_.Fail(error);
  }

  ClientLoop& loop_;
  kafka::ClusterClient& cluster_;
  const QuorumChange change_;
  const MonotonicTime deadline_;
  const std::function<void(const QuorumView&, const QuorumView&)> done_;
  std::optional<QuorumView> before_;
  std::optional<Uuid> asked_for_;
  bool said_ = false;
};

}  // namespace

void ChangeQuorum(ClientLoop& loop, kafka::ClusterClient& cluster, const QuorumChange& change,
                  Duration patience,
                  std::function<void(const QuorumView& before, const QuorumView& after)> done) {
  std::make_shared<QuorumChanger>(loop, cluster, change, patience, std::move(done))->Look();
}

}  // namespace soliton::cli
