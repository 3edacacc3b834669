// ApiVersions (18): what this broker serves, from the handler table itself. Served 0-4. A version
// that is not known is answered in version 0 with UNSUPPORTED_VERSION and the full list, so that
// the client can step down (KIP-511).
#include "broker/server/dispatch.h"
#include "protocol/messages/api_versions.h"

namespace soliton::broker {
namespace {

using kafka::ApiVersionsRequest;
using kafka::ApiVersionsResponse;
using kafka::ErrorCode;

constexpr int16_t kMaxVersion = 4;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// [a-zA-Z0-9]([a-zA-Z0-9\-.]*[a-zA-Z0-9])?  (KIP-511)
bool IsValidSoftwareName(std::string_view text) {
  if (text.empty() || !IsAlphanumeric(text.front()) || !IsAlphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.'; });
}

ApiVersionsResponse Describe(ErrorCode error) {
  ApiVersionsResponse response;
  response.error_code = error;
  for (const HandlerEntry* entry : Handlers()) {
    auto& api = response.api_keys.emplace_back();
    api.api_key = entry->api_key;
    api.min_version = entry->advertised_min_version;
    api.max_version = entry->max_version;
  }
  std::sort(response.api_keys.begin(), response.api_keys.end(),
            [](const auto& a, const auto& b) { return a.api_key < b.api_key; });
  return response;
}

void Handle(RequestPtr request) {
  if (request->version() < 0 || request->version() > kMaxVersion) {
    request->ReplyInVersion(Describe(ErrorCode::UNSUPPORTED_VERSION), 0);
    return;
  }
  auto body = request->Decode<ApiVersionsRequest>();
  if (!body) return;
  if (request->version() >= 3) {
    if (!IsValidSoftwareName(body->client_software_name) ||
        !IsValidSoftwareName(body->client_software_version)) {
      request->Reply(Describe(ErrorCode::INVALID_REQUEST));
      return;
    }
    request->connection()->client_software =
        body->client_software_name + " " + body->client_software_version;
  }
  request->Reply(Describe(ErrorCode::NONE));
}

}  // namespace

extern const HandlerEntry kApiVersionsHandler;
const HandlerEntry kApiVersionsHandler{.api_key = ApiVersionsRequest::kApiKey,
                                       .min_version = 0,
                                       .max_version = kMaxVersion,
                                       .handle = Handle};

}  // namespace soliton::broker
