// One request on its way through a handler: the decoded header, the frame, and the way back. Shared
// by everything that works on it; whoever finishes calls exactly one of Reply, NoReply, Refuse.
// Made on the connection's shard; Reply may be called there only (handlers post back with
// Request::home()).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/broker_shard.h"
#include "broker/server/connection.h"
#include "protocol/wire/message_frame.h"
#include "protocol/wire/request_header.h"
#include "runtime/base/buffer.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

class Request {
 public:
  Request(std::shared_ptr<Connection> connection, uint64_t slot, kafka::RequestHeader header,
          Buffer body)
      : connection_(std::move(connection)),
        slot_(slot),
        header_(std::move(header)),
        body_(std::move(body)) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const kafka::RequestHeader& header() const { return header_; }
  int16_t version() const { return header_.api_version; }
  const std::shared_ptr<Connection>& connection() const { return connection_; }
  uint64_t slot() const { return slot_; }
  // The shard whose connection this is; handlers start here.
  BrokerShard& home() const { return connection_->shard(); }

  // Decodes the body. On failure the connection is closed, as there is no error form that every
  // client could read, and nullopt is returned.
  // Once: the bytes are held by the message alone afterwards.
  template <typename Message>
  std::optional<Message> Decode() {
    std::optional<Message> message(std::in_place);
    if (!DecodeInto(*message)) message.reset();
    return message;
  }
  // The same into a fresh message; false when the connection was closed.
  template <typename Message>
  bool DecodeInto(Message& message) {
    kafka::Decoder decoder(std::move(body_));
    if (header_.api_version < Message::kMinVersion || header_.api_version > Message::kMaxVersion) {
      decoder.Fail("the message has no such version");
    }
    if (decoder.ok()) message.DecodeFrom(decoder, header_.api_version);
    if (decoder.ok()) return true;
    Refuse(fmt::format("cannot decode {} version {}: {}", kafka::ApiName(Message::kApiKey),
                       header_.api_version, std::string(decoder.status().message())));
    return false;
  }

  // Takes the whole connection to `target`, with this request; `then` runs there with its
  // successor. See Connection::MoveTo.
  bool CanMove() const { return connection_->CanMove(); }
  void MoveTo(BrokerShard& target, absl::AnyInvocable<void(std::shared_ptr<Request>)> then) {
    Finish();
    connection_->MoveTo(
        target, [header = header_, then = std::move(then)](
                    const std::shared_ptr<Connection>& connection, uint64_t slot) mutable {
          then(std::make_shared<Request>(connection, slot, std::move(header), Buffer()));
        });
  }

  template <typename Response>
  void Reply(const Response& response) {
    Finish();
    connection_->Respond(
        slot_, kafka::EncodeResponse(header_.correlation_id, header_.api_version, response));
  }
  // In another version than the request's: ApiVersions answers a version that it does not know in
  // version 0.
  template <typename Response>
  void ReplyInVersion(const Response& response, int16_t version) {
    Finish();
    connection_->Respond(slot_, kafka::EncodeResponse(header_.correlation_id, version, response));
  }
  // The request gets no response at all (Produce with acks=0).
  void NoReply() {
    Finish();
    connection_->Respond(slot_, std::nullopt);
  }
  // Logs and closes the connection.
  void Refuse(std::string_view reason) {
    Finish();
    connection_->Close(reason);
  }

 private:
  void Finish() {
    CHECK(!finished_, "request {} answered twice", header_.correlation_id);
    finished_ = true;
  }

  const std::shared_ptr<Connection> connection_;
  const uint64_t slot_;
  const kafka::RequestHeader header_;
  Buffer body_;
  bool finished_ = false;
};

using RequestPtr = std::shared_ptr<Request>;

}  // namespace soliton::broker
