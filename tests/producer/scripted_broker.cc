#include "tests/producer/scripted_broker.h"

#include <gtest/gtest.h>

#include <utility>

namespace soliton::producer {

using kafka::ErrorCode;

class ScriptedBroker::Session final : public ConnectionHandler {
 public:
  Session(ScriptedBroker& broker, std::shared_ptr<FramedConnection> connection)
      : broker_(broker), connection_(std::move(connection)) {
    connection_->Start(this);
  }
  void OnFrame(Buffer frame) override {
    kafka::Decoder in(std::move(frame));
    const auto header = kafka::DecodeRequestHeader(in);
    ASSERT_TRUE(header.ok());
    broker_.OnRequest(*header, in, *connection_);
  }
  void OnClosed(const absl::Status&) override {}

 private:
  ScriptedBroker& broker_;
  std::shared_ptr<FramedConnection> connection_;
};

class ScriptedBroker::App {
 public:
  App(ScriptedBroker& broker, sim::SimNode& node) {
    auto listener = node.ports().transport->Listen(
        {"0.0.0.0", 9092}, {}, *node.ports().shards,
        [this, &broker](Shard&, std::shared_ptr<FramedConnection> connection) {
          ++broker.connections;
          sessions_.push_back(std::make_unique<Session>(broker, std::move(connection)));
        });
    EXPECT_TRUE(listener.ok());
    if (listener.ok()) listener_ = *std::move(listener);
  }

 private:
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

ScriptedBroker::ScriptedBroker(sim::SimWorld& world, sim::SimNetwork& network,
                               const std::string& host)
    : host_(host), node_(std::make_unique<sim::SimNode>(world, network, host)) {
  versions = {{0, {3, 12}}, {1, {4, 17}}, {2, {1, 10}}, {3, {0, 12}}, {18, {0, 4}}, {22, {0, 4}}};
  node_->SetBoot([this](sim::SimNode& node) { return std::make_shared<App>(*this, node); });
  node_->Restart();
}

void ScriptedBroker::OnRequest(const kafka::RequestHeader& header, kafka::Decoder& body,
                               FramedConnection& connection) {
  received.push_back(header.api_key);
  received_versions.push_back(header.api_version);
  if (header.api_key == kafka::ApiVersionsRequest::kApiKey) {
    return OnApiVersions(header, body, connection);
  }
  if (header.api_key == kafka::MetadataRequest::kApiKey) {
    if (answer_metadata) Reply(header, connection, metadata);
    return;
  }
  if (handler) handler(*this, header, body, connection);
}

void ScriptedBroker::OnApiVersions(const kafka::RequestHeader& header, kafka::Decoder& body,
                                   FramedConnection& connection) {
  kafka::ApiVersionsResponse response;
  for (const auto& [key, range] : versions) {
    auto& api = response.api_keys.emplace_back();
    api.api_key = key;
    api.min_version = range.min;
    api.max_version = range.max;
  }
  int16_t version = header.api_version;
  if (version > versions.at(18).max) {
    response.error_code = ErrorCode::UNSUPPORTED_VERSION;
    version = 0;
  } else {
    const auto request = kafka::ApiVersionsRequest::Decode(body, header.api_version);
    if (request.ok()) client_software_name = request->client_software_name;
  }
  connection.Send(kafka::EncodeResponse(header.correlation_id, version, response));
}

}  // namespace soliton::producer
