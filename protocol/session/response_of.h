// Which response answers which request, for every API with a schema.
#pragma once

#include "protocol/wire/api.h"

namespace soliton::kafka {

template <class Request>
struct ResponseOfTrait;

#define SOLITON_API(key, name, min_version, max_version, first_flexible_version) \
  struct name##Request;                                                          \
  struct name##Response;                                                         \
  template <>                                                                    \
  struct ResponseOfTrait<name##Request> {                                        \
    using Type = name##Response;                                                 \
  };
#include "protocol/messages/api_table.inc"
#undef SOLITON_API

template <class Request>
using ResponseOf = typename ResponseOfTrait<Request>::Type;

}  // namespace soliton::kafka
