// The table of APIs that the schemas describe: what this build can encode and decode, which is not
// what a broker advertises (see the handlers' own version ranges). Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace soliton::kafka {

enum class ApiKey : int16_t {
#define SOLITON_API(key, name, min_version, max_version, first_flexible_version) k##name = key,
#include "protocol/messages/api_table.inc"
#undef SOLITON_API
};

struct ApiInfo {
  int16_t key;
  std::string_view name;  // "Produce"
  int16_t min_version;
  int16_t max_version;
  int16_t first_flexible_version;  // kNeverFlexible when no version is
};

inline constexpr int16_t kNeverFlexible = 32767;

// Ascending by key.
std::span<const ApiInfo> AllApis();
// Null for a key without a schema.
const ApiInfo* FindApi(int16_t key);
// "Produce", or "unknown" for a key without a schema: for logs.
std::string_view ApiName(int16_t key);

// 2 for flexible versions, else 1. Also defined for keys and versions that are not in the table,
// because the header of such a request must still be read (ApiVersions of a future version has
// header 2).
int16_t RequestHeaderVersion(int16_t key, int16_t version);
// 1 for flexible versions, else 0; always 0 for ApiVersions, whose sender cannot know yet what the
// receiver speaks (KIP-511).
int16_t ResponseHeaderVersion(int16_t key, int16_t version);

}  // namespace soliton::kafka
