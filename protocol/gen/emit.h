// Turns the model into C++ text. One function a file; see the emit_*.cc of the same name.
#pragma once

#include <string>
#include <vector>

#include "protocol/gen/schema.h"

namespace soliton::kafkagen {

// protocol/messages/<file_name>.h
std::string EmitHeader(const Schema& schema);
// protocol/messages/<file_name>.cc: encode, decode, print.
std::string EmitCodec(const Schema& schema);
// protocol/messages/<file_name>_testing.cc: random instances, values from JSON.
std::string EmitTesting(const Schema& schema);
// protocol/messages/api_table.inc; sorts by key.
std::string EmitApiTable(std::vector<Schema> schemas);
// protocol/messages/all_messages.h; sorts by key.
std::string EmitAllMessages(std::vector<Schema> schemas);
// protocol/messages/all_data.h; what belongs to no API.
std::string EmitAllData(std::vector<Schema> schemas);

}  // namespace soliton::kafkagen
