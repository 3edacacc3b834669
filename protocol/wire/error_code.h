// Kafka's error codes, one table (protocol/schema/errors.inc). A code that this build does not know
// may still arrive from a newer peer: it stays a value of the enum and prints as ERROR_<code>.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace soliton::kafka {

enum class ErrorCode : int16_t {
#define SOLITON_ERROR(code, name, retriable, text) name = code,
#include "protocol/schema/errors.inc"
#undef SOLITON_ERROR
};

// "NOT_LEADER_OR_FOLLOWER"; "ERROR_<code>" for a code outside the table.
std::string ErrorName(ErrorCode code);
// One sentence for people, without the name.
std::string_view ErrorText(ErrorCode code);
// True when the same request may succeed later, perhaps after a metadata refresh. Unknown codes are
// not.
bool IsRetriable(ErrorCode code);
// The code of a name of the table, for tests and commands.
std::optional<ErrorCode> ErrorFromName(std::string_view name);

}  // namespace soliton::kafka
