// Runs a client command: one shard on the calling thread, from the start of its body until Finish,
// an error or a signal. Main thread only.
//
//   ClientLoop loop(context, bootstrap);
//   return loop.Run([&] { ...; loop.Finish(ExitCode::kOk); });
//
// Clients (producer, consumer, cluster client) are made inside the body, kept by Keep() and
// destroyed when the loop has ended.
#pragma once

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/connection.h"
#include "protocol/session/cluster_client.h"
#include "runtime/native_ports.h"

namespace soliton::cli {

class ClientLoop {
 public:
  ClientLoop(Context& context, Bootstrap bootstrap);
  ~ClientLoop();
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;

  const Ports& ports() const { return ports_.ports(); }
  Shard& shard() const { return ports_.ports().shards->shard(0); }
  Context& context() { return context_; }
  const Bootstrap& bootstrap() const { return bootstrap_; }

  // Keeps a client until the loop has ended.
  template <typename T>
  T& Keep(std::unique_ptr<T> client) {
    T& reference = *client;
    kept_.push_back(std::shared_ptr<void>(std::move(client)));
    return reference;
  }

  // Runs `body` on the shard, and the loop until Finish.
  ExitCode Run(std::function<void()> body);
  // Ends the loop after the present task. The first call counts.
  void Finish(ExitCode code);
  // Prints the error and ends the loop.
  void Fail(const CliError& error);
  bool finished() const { return code_.has_value(); }

  // What SIGINT and SIGTERM do instead of ending with kInterrupted. A second signal always ends.
  void OnInterrupt(std::function<void()> handler) { on_interrupt_ = std::move(handler); }

  // Fails the command when no broker answers at first: soon when connections are refused, and not
  // before `patience` has passed.
  void FailUnlessConnected(kafka::ClusterClient& cluster, Duration patience = Duration::zero());

  // Runs `done` once every partition of the topic has a leader; or fails the command with a
  // suggestion when there is no such topic (after `patience`: it may have been made just now).
  void AwaitTopic(kafka::ClusterClient& cluster, const std::string& topic, Duration patience,
                  std::function<void()> done);

 private:
  struct TopicWait;
  void CheckTopic(const std::shared_ptr<TopicWait>& wait);
  void FailUnknownTopic(kafka::ClusterClient& cluster, const std::string& topic,
                        kafka::ErrorCode error);
  void OnSignal(int number);

  Context& context_;
  Bootstrap bootstrap_;
  NativePorts ports_;
  std::vector<std::shared_ptr<void>> kept_;
  std::function<void()> on_interrupt_;
  int signals_ = 0;
  std::optional<ExitCode> code_;
};

// Options of every cluster client of a command.
kafka::ClusterClientOptions DefaultClusterOptions(const Bootstrap& bootstrap);

// "unknown topic 'order'" with suggestions from `known`.
CliError UnknownTopic(const std::string& topic, const std::vector<std::string>& known,
                      kafka::ErrorCode error, const std::string& at);

}  // namespace soliton::cli
