#include "protocol/wire/api.h"

#include <algorithm>
#include <iterator>

namespace soliton::kafka {
namespace {

constexpr ApiInfo kApis[] = {
#define SOLITON_API(key, name, min_version, max_version, first_flexible_version) \
  {key, #name, min_version, max_version, first_flexible_version},
#include "protocol/messages/api_table.inc"
#undef SOLITON_API
};

constexpr bool Ascending() {
  for (size_t i = 1; i < std::size(kApis); ++i) {
    if (kApis[i - 1].key >= kApis[i].key) return false;
  }
  return true;
}
static_assert(Ascending());

}  // namespace

std::span<const ApiInfo> AllApis() { return kApis; }

const ApiInfo* FindApi(int16_t key) {
  const auto* found = std::lower_bound(std::begin(kApis), std::end(kApis), key,
                                       [](const ApiInfo& api, int16_t k) { return api.key < k; });
  return found != std::end(kApis) && found->key == key ? found : nullptr;
}

std::string_view ApiName(int16_t key) {
  const ApiInfo* api = FindApi(key);
  return api == nullptr ? std::string_view("unknown") : api->name;
}

int16_t RequestHeaderVersion(int16_t key, int16_t version) {
  const ApiInfo* api = FindApi(key);
  return api != nullptr && version >= api->first_flexible_version ? 2 : 1;
}

int16_t ResponseHeaderVersion(int16_t key, int16_t version) {
  if (key == static_cast<int16_t>(ApiKey::kApiVersions)) return 0;
  return RequestHeaderVersion(key, version) - 1;
}

}  // namespace soliton::kafka
