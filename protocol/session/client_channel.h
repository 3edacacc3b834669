// One connection to one broker, seen from a client: connects, agrees on versions (ApiVersions), and
// then sends any number of requests without waiting for answers. A channel lives as long as its
// connection: once closed it stays closed, and its owner makes another. Used by the producer, the
// consumer, the admin commands and the replica fetcher. Decisions are in ClientSessionCore.
//
// Owned by one shard; all methods are called and all callbacks run there. No callback runs inside a
// call into the channel. A callback may destroy the channel. Destroying it drops the callbacks that
// are still outstanding without running them; Close() runs them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "protocol/session/api_version_table.h"
#include "protocol/session/response_of.h"
#include "protocol/wire/message_frame.h"
#include "runtime/loop/shard.h"
#include "runtime/net/transport.h"

namespace soliton::kafka {

struct ChannelOptions {
  std::string client_id = "soliton";
  // Letters, digits, '-' and '.' only (KIP-511).
  std::string software_name = "soliton";
  std::string software_version = "0.1.0";
  Duration connect_timeout = seconds(5);
  ConnectionOptions connection;
};

class ClientChannel {
 public:
  // Starts to connect at once; requests may be sent right away and wait.
  ClientChannel(Shard& shard, Transport& transport, const Endpoint& broker,
                const ChannelOptions& options);
  ~ClientChannel();
  ClientChannel(const ClientChannel&) = delete;
  ClientChannel& operator=(const ClientChannel&) = delete;

  // Runs once when the connection is lost, could not be made or was closed, after all outstanding
  // requests have failed. kUnavailable: refused or lost. kDeadlineExceeded: nobody answered.
  void OnClosed(absl::AnyInvocable<void(absl::Status)> callback);
  // Runs each time the unsent bytes have fallen to zero.
  void OnDrained(absl::AnyInvocable<void()> callback);

  // Sends with the newest version that both sides speak; `max_version` caps it further. `done` gets
  //   the response; or
  //   kUnavailable       the connection is gone: whether the request was executed is unknown
  //   kDeadlineExceeded  no answer in `timeout` (the connection is closed then, since its answer
  //                      would be taken for another's)
  //   kUnimplemented     the broker has no common version of this API
  //   kDataLoss          the answer cannot be decoded (the connection is closed)
  template <class Request>
  void Send(Request request, Duration timeout,
            absl::AnyInvocable<void(absl::StatusOr<ResponseOf<Request>>)> done,
            int16_t max_version = Request::kMaxVersion) {
    using Response = ResponseOf<Request>;
    Submit({.api_key = Request::kApiKey,
            .versions = {Request::kMinVersion, max_version},
            .encode = [request = std::move(request)](
                          const RequestHeader& header) { return EncodeRequest(header, request); },
            .done =
                [done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
                  if (!answer.ok()) {
                    done(answer.status());
                    return absl::OkStatus();
                  }
                  absl::StatusOr<Response> response = DecodeResponse<Response>(
                      std::move(answer->frame), answer->version, answer->correlation_id);
                  if (response.ok()) {
                    done(std::move(response));
                    return absl::OkStatus();
                  }
                  const absl::Status damaged =
                      absl::DataLossError(std::string(response.status().message()));
                  done(damaged);
                  return damaged;
                }},
           timeout);
  }

  // For requests that are not answered (Produce with acks=0). `sent` runs when the bytes were
  // handed to the connection, or with the error.
  template <class Request>
  void SendOneWay(Request request, Duration timeout, absl::AnyInvocable<void(absl::Status)> sent,
                  int16_t max_version = Request::kMaxVersion) {
    Submit({.api_key = Request::kApiKey,
            .versions = {Request::kMinVersion, max_version},
            .expects_answer = false,
            .encode = [request = std::move(request)](
                          const RequestHeader& header) { return EncodeRequest(header, request); },
            .done =
                [sent = std::move(sent)](absl::StatusOr<Answer> answer) mutable {
                  sent(answer.status());
                  return absl::OkStatus();
                }},
           timeout);
  }

  // Fails everything outstanding with kUnavailable (kCancelled text) and closes the connection.
  void Close(const absl::Status& why);

  bool closed() const;
  // Connected and versions agreed.
  bool ready() const;
  // What the broker said it speaks; empty before ready().
  const ApiVersionTable& peer_versions() const;
  int64_t unsent_bytes() const;
  // Requests that have not been answered, sent or not.
  size_t outstanding() const;
  const Endpoint& broker() const;

 private:
  struct Answer {
    Buffer frame;
    int16_t version = 0;
    int32_t correlation_id = 0;
  };
  struct Submission {
    int16_t api_key = 0;
    VersionRange versions;
    bool expects_answer = true;
    absl::AnyInvocable<BufferChain(const RequestHeader&)> encode;
    // Returns an error when the answer is damaged.
    absl::AnyInvocable<absl::Status(absl::StatusOr<Answer>)> done;
  };
  class Link;

  void Submit(Submission submission, Duration timeout);

  Shard& shard_;
  std::shared_ptr<Link> link_;
};

}  // namespace soliton::kafka
