// From API key to handler. Each handler file defines its entry in place, with the versions that it
// serves; dispatch.cc lists the entries, and ApiVersions answers from the same list, so nothing is
// advertised that has no handler.
#pragma once

#include <cstdint>
#include <span>

#include "broker/server/request.h"

namespace soliton::broker {

struct HandlerEntry {
  int16_t api_key = -1;
  int16_t min_version = 0;  // lowest that is served
  int16_t max_version = 0;
  void (*handle)(RequestPtr request) = nullptr;
  // Listed for clients that look at the range but never use it (Produce 0-2, librdkafka's feature
  // probe).
  int16_t advertised_min_version = min_version;
};

// All handlers, by API key.
std::span<const HandlerEntry* const> Handlers();
const HandlerEntry* FindHandler(int16_t api_key);

// Decodes the header of `frame`, finds the handler and runs it. Bad frames close the connection.
void Dispatch(const std::shared_ptr<Connection>& connection, uint64_t slot, Buffer frame);

}  // namespace soliton::broker
