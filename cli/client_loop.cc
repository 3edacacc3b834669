#include "cli/client_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/version.h"
#include "config/suggest.h"

namespace soliton::cli {
namespace {

// Nobody listens: more patience does not help. Nobody answers: maybe they are starting.
constexpr Duration kRefusedPatience = milliseconds(1500);
constexpr Duration kSilentPatience = seconds(10);

}  // namespace

struct ClientLoop::TopicWait {
  kafka::ClusterClient* cluster;
  std::string topic;
  MonotonicTime deadline;
  std::function<void()> done;  // empty once settled
};

ClientLoop::ClientLoop(Context& context, Bootstrap bootstrap)
    : context_(context),
      bootstrap_(std::move(bootstrap)),
      ports_({.shard_count = 1, .disk_thread_count = 0}) {
  ports_.WatchSignals([this](int number) { OnSignal(number); });
}

// Clients go before the ports. Tasks and timers that still name them never run.
ClientLoop::~ClientLoop() { kept_.clear(); }

ExitCode ClientLoop::Run(std::function<void()> body) {
  shard().Post([body = std::move(body)] { body(); });
  ports_.RunOnCaller();
  context_.out.Flush();
  return code_.value_or(ExitCode::kFailed);
}

void ClientLoop::Finish(ExitCode code) {
  if (code_.has_value()) return;
  code_ = code;
  ports_.Stop();
}

void ClientLoop::Fail(const CliError& error) {
  if (code_.has_value()) return;
  context_.out.Flush();  // data first, so that a terminal shows them in the order they happened
  Finish(context_.Fail(error));
}

void ClientLoop::OnSignal(int) {
  if (++signals_ == 1 && on_interrupt_) return on_interrupt_();
  Finish(ExitCode::kInterrupted);
}

void ClientLoop::FailUnlessConnected(kafka::ClusterClient& cluster, Duration patience) {
  const MonotonicTime started = shard().clock().Now();
  const auto check = [this, &cluster, started, patience](const absl::Status& why) {
    if (finished() || cluster.metadata().generation() > 0) return;
    const Duration waited = shard().clock().Now() - started;
    const Duration enough = absl::IsDeadlineExceeded(why) ? kSilentPatience : kRefusedPatience;
    if (waited >= std::max(enough, patience)) {
      Fail(CannotConnect(bootstrap_, std::string(why.message())));
    }
  };
  cluster.OnRefreshFailure(check);
  shard().ScheduleAfter(std::max(kSilentPatience, patience), [this, &cluster] {
    if (finished() || cluster.metadata().generation() > 0) return;
    const absl::Status& why = cluster.last_refresh_error();
    Fail(CannotConnect(bootstrap_, why.ok() ? "no broker answered" : std::string(why.message())));
  });
}

void ClientLoop::AwaitTopic(kafka::ClusterClient& cluster, const std::string& topic,
                            Duration patience, std::function<void()> done) {
  auto wait = std::make_shared<TopicWait>(
      TopicWait{&cluster, topic, shard().clock().Now() + patience, std::move(done)});
  cluster.OnMetadata([this, wait] { CheckTopic(wait); });
  cluster.Watch(topic);
  shard().Post([this, wait] { CheckTopic(wait); });
}

void ClientLoop::CheckTopic(const std::shared_ptr<TopicWait>& wait) {
  if (finished() || !wait->done) return;
  const kafka::TopicState* state = wait->cluster->metadata().Find(wait->topic);
  if (state == nullptr) return;
  bool led = !state->partitions.empty();
  for (const auto& [index, partition] : state->partitions) led &= partition.leader.leader_id >= 0;
  const bool late = shard().clock().Now() >= wait->deadline;
  // With some leaders missing there is still something to do after a while.
  if (led || (late && !state->partitions.empty())) {
    std::exchange(wait->done, nullptr)();
    return;
  }
  const kafka::ErrorCode error = state->error;
  if (error == kafka::ErrorCode::NONE || (kafka::IsRetriable(error) && !late)) return;
  wait->done = nullptr;
  FailUnknownTopic(*wait->cluster, wait->topic, error);
}

void ClientLoop::FailUnknownTopic(kafka::ClusterClient& cluster, const std::string& topic,
                                  kafka::ErrorCode error) {
  kafka::MetadataRequest all;
  all.topics = std::nullopt;
  cluster.SendToAny(std::move(all), seconds(2),
                    [this, topic, error](absl::StatusOr<kafka::MetadataResponse> response) {
                      std::vector<std::string> known;
                      if (response.ok()) {
                        for (const auto& each : response->topics) {
                          known.push_back(each.name.value_or(""));
                        }
                      }
                      Fail(UnknownTopic(topic, known, error, bootstrap_.text));
                    });
}

kafka::ClusterClientOptions DefaultClusterOptions(const Bootstrap& bootstrap) {
  kafka::ClusterClientOptions options;
  options.bootstrap = bootstrap.servers;
  options.channel.software_version = std::string(kVersion);
  options.refresh_backoff_max = milliseconds(250);
  return options;
}

CliError UnknownTopic(const std::string& topic, const std::vector<std::string>& known,
                      kafka::ErrorCode error, const std::string& at) {
  CliError result{ExitCodeOf(error), fmt::format("unknown topic '{}'", topic), at, CauseOf(error),
                  ""};
  if (error == kafka::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) {
    const std::string like = config::DidYouMean(config::Suggest(topic, known));
    result.hint = like.empty() ? fmt::format("create it with: soliton topic create {}", topic)
                               : fmt::format("{} List them with: soliton topic list", like);
  } else {
    result.what = fmt::format("cannot use topic '{}'", topic);
    result.hint = std::string(kafka::ErrorText(error));
  }
  return result;
}

}  // namespace soliton::cli
