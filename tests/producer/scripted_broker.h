// A broker for tests of client code: it runs on a simulated node, answers ApiVersions and Metadata
// by itself, and everything else as the test says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/metadata.h"
#include "protocol/session/api_version_table.h"
#include "protocol/wire/message_frame.h"
#include "tests/sim/sim_node.h"

namespace soliton::producer {

class ScriptedBroker {
 public:
  // What happens to a request; the frame is decoded as far as the body.
  using Handler = std::function<void(ScriptedBroker&, const kafka::RequestHeader&,
                                     kafka::Decoder& body, FramedConnection&)>;

  ScriptedBroker(sim::SimWorld& world, sim::SimNetwork& network, const std::string& host);

  sim::SimNode& node() { return *node_; }
  Endpoint endpoint() const { return {host_, 9092}; }

  // What ApiVersions lists; its own entry limits what is understood of it.
  std::map<int16_t, kafka::VersionRange> versions;
  kafka::MetadataResponse metadata;
  // Called for all other requests; by default nothing is answered.
  Handler handler;
  bool answer_metadata = true;
  // API keys in the order received.
  std::vector<int16_t> received;
  std::vector<int16_t> received_versions;
  int connections = 0;
  std::string client_software_name;

  template <class Response>
  static void Reply(const kafka::RequestHeader& header, FramedConnection& connection,
                    const Response& response) {
    connection.Send(kafka::EncodeResponse(header.correlation_id, header.api_version, response));
  }

 private:
  class Session;
  class App;
  void OnRequest(const kafka::RequestHeader& header, kafka::Decoder& body,
                 FramedConnection& connection);
  void OnApiVersions(const kafka::RequestHeader& header, kafka::Decoder& body,
                     FramedConnection& connection);

  const std::string host_;
  std::unique_ptr<sim::SimNode> node_;
};

}  // namespace soliton::producer
