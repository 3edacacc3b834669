// Random values for the generated RandomInstance functions. Sizes stay small (0 to 3 elements) but
// edge values, empty things and bytes above the encoder's copy threshold all occur.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "protocol/wire/error_code.h"
#include "protocol/wire/records.h"
#include "protocol/wire/tagged_field.h"
#include "runtime/base/buffer.h"
#include "runtime/base/random.h"
#include "runtime/base/uuid.h"

namespace soliton::kafka {

int64_t RandomInteger(Random& random, int64_t low, int64_t high);
double RandomDouble(Random& random);  // never NaN: instances are compared
std::string RandomString(Random& random);
Buffer RandomBytes(Random& random, size_t max_bytes);
void RandomRecords(Random& random, bool allow_null, Records& out);
// Tags that no schema uses, ascending; mostly none.
void RandomTags(Random& random, std::vector<UnknownTaggedField>& out);

template <class T>
T RandomValue(Random& random) {
  if constexpr (std::is_same_v<T, bool>) {
    return random.Chance(1, 2);
  } else if constexpr (std::is_same_v<T, double>) {
    return RandomDouble(random);
  } else if constexpr (std::is_same_v<T, ErrorCode>) {
    return static_cast<ErrorCode>(RandomValue<int16_t>(random));
  } else if constexpr (std::is_same_v<T, std::string>) {
    return RandomString(random);
  } else if constexpr (std::is_same_v<T, Buffer>) {
    return RandomBytes(random, 20);
  } else if constexpr (std::is_same_v<T, Uuid>) {
    return random.Chance(1, 4) ? Uuid{} : Uuid{random.Next(), random.Next()};
  } else {
    static_assert(std::is_integral_v<T>);
    return static_cast<T>(
        RandomInteger(random, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

template <class T, class Make>
void RandomField(Random&, bool, T& out, Make make) {
  out = make();
}
template <class T, class Make>
void RandomField(Random& random, bool allow_null, std::optional<T>& out, Make make) {
  out.reset();
  if (!allow_null || random.Chance(3, 4)) out = make();
}

template <class Values, class Make>
void RandomArray(Random& random, bool, Values& out, Make make) {
  out.clear();
  for (uint64_t left = random.Below(4); left > 0; --left) out.push_back(make());
}
template <class Values, class Make>
void RandomArray(Random& random, bool allow_null, std::optional<Values>& out, Make make) {
  out.reset();
  if (!allow_null || random.Chance(3, 4)) RandomArray(random, false, out.emplace(), make);
}

}  // namespace soliton::kafka
