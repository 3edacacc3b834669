// Fills messages from Kafka's JSON form of them (camelCase names; bytes, records and uuids as
// base64), as the wire vectors have it. A member that is missing leaves the field alone; one that
// no field asked for is an error. Boost.JSON stays out of this header, which every generated test
// file includes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/wire/error_code.h"
#include "protocol/wire/records.h"
#include "runtime/base/buffer.h"
#include "runtime/base/uuid.h"

namespace boost::json {
class value;
}

namespace soliton::kafka {

class JsonReader {
 public:
  JsonReader(const boost::json::value& object, absl::Status* status);
  ~JsonReader();  // reports members that were not asked for
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  template <class T>
  void Member(std::string_view name, T& out) {
    if (const boost::json::value* value = Find(name)) Read(*value, out);
  }

 private:
  const boost::json::value* Find(std::string_view name);
  void Fail(std::string_view what);
  bool IsNull(const boost::json::value& value) const;
  void ForEachElement(const boost::json::value& value,
                      const std::function<void(const boost::json::value&)>& read);
  int64_t Integer(const boost::json::value& value, int64_t low, int64_t high);

  void Read(const boost::json::value& value, bool& out);
  void Read(const boost::json::value& value, int8_t& out);
  void Read(const boost::json::value& value, int16_t& out);
  void Read(const boost::json::value& value, uint16_t& out);
  void Read(const boost::json::value& value, int32_t& out);
  void Read(const boost::json::value& value, uint32_t& out);
  void Read(const boost::json::value& value, int64_t& out);
  void Read(const boost::json::value& value, double& out);
  void Read(const boost::json::value& value, ErrorCode& out);
  void Read(const boost::json::value& value, std::string& out);
  void Read(const boost::json::value& value, Uuid& out);
  void Read(const boost::json::value& value, Buffer& out);
  void Read(const boost::json::value& value, Records& out);
  template <class T>
  void Read(const boost::json::value& value, std::optional<T>& out) {
    if (IsNull(value)) {
      out.reset();
    } else {
      Read(value, out.emplace());
    }
  }
  template <class T>
  void Read(const boost::json::value& value, std::vector<T>& out) {
    ReadArray(value, out);
  }
  template <class T, size_t N>
  void Read(const boost::json::value& value, absl::InlinedVector<T, N>& out) {
    ReadArray(value, out);
  }
  template <class Values>
  void ReadArray(const boost::json::value& value, Values& out) {
    out.clear();
    ForEachElement(value,
                   [&](const boost::json::value& element) { Read(element, out.emplace_back()); });
  }
  template <class Struct>
    requires requires(Struct& s, JsonReader& in) { s.ReadJson(in); }
  void Read(const boost::json::value& value, Struct& out) {
    JsonReader nested(value, status_);
    out.ReadJson(nested);
  }

  const boost::json::value& object_;
  absl::Status* status_;
  size_t found_ = 0;
};

template <class Message>
absl::StatusOr<Message> FromJson(const boost::json::value& value) {
  absl::Status status;
  Message message;
  {
    JsonReader reader(value, &status);
    message.ReadJson(reader);
  }
  if (!status.ok()) return status;
  return message;
}

}  // namespace soliton::kafka
