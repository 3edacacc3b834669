#include "protocol/testing/json_reader.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>

#include "absl/strings/escaping.h"

namespace soliton::kafka {

namespace json = boost::json;

JsonReader::JsonReader(const json::value& object, absl::Status* status)
    : object_(object), status_(status) {
  if (!object_.is_object()) Fail("not an object");
}

JsonReader::~JsonReader() {
  if (!object_.is_object() || found_ == object_.get_object().size()) return;
  Fail(fmt::format("{} of {} members are no fields: {}", object_.get_object().size() - found_,
                   object_.get_object().size(), std::string_view(json::serialize(object_))));
}

void JsonReader::Fail(std::string_view what) {
  if (status_->ok()) *status_ = absl::InvalidArgumentError(std::string(what));
}

const json::value* JsonReader::Find(std::string_view name) {
  if (!object_.is_object()) return nullptr;
  const json::value* value =
      object_.get_object().if_contains(json::string_view(name.data(), name.size()));
  if (value != nullptr) ++found_;
  return value;
}

bool JsonReader::IsNull(const json::value& value) const { return value.is_null(); }

void JsonReader::ForEachElement(const json::value& value,
                                const std::function<void(const json::value&)>& read) {
  if (!value.is_array()) return Fail("not an array");
  for (const json::value& element : value.get_array()) read(element);
}

int64_t JsonReader::Integer(const json::value& value, int64_t low, int64_t high) {
  if (!value.is_int64() || value.get_int64() < low || value.get_int64() > high) {
    Fail(fmt::format("not an integer in range: {}", std::string_view(json::serialize(value))));
    return 0;
  }
  return value.get_int64();
}

namespace {
template <class T>
constexpr std::pair<int64_t, int64_t> kRange = {std::numeric_limits<T>::min(),
                                                std::numeric_limits<T>::max()};
}  // namespace

void JsonReader::Read(const json::value& value, bool& out) {
  if (!value.is_bool()) return Fail("not a bool");
  out = value.get_bool();
}
void JsonReader::Read(const json::value& value, int8_t& out) {
  out = static_cast<int8_t>(Integer(value, kRange<int8_t>.first, kRange<int8_t>.second));
}
void JsonReader::Read(const json::value& value, int16_t& out) {
  out = static_cast<int16_t>(Integer(value, kRange<int16_t>.first, kRange<int16_t>.second));
}
void JsonReader::Read(const json::value& value, uint16_t& out) {
  out = static_cast<uint16_t>(Integer(value, 0, kRange<uint16_t>.second));
}
void JsonReader::Read(const json::value& value, int32_t& out) {
  out = static_cast<int32_t>(Integer(value, kRange<int32_t>.first, kRange<int32_t>.second));
}
void JsonReader::Read(const json::value& value, uint32_t& out) {
  out = static_cast<uint32_t>(Integer(value, 0, kRange<uint32_t>.second));
}
void JsonReader::Read(const json::value& value, int64_t& out) {
  out = Integer(value, kRange<int64_t>.first, kRange<int64_t>.second);
}

void JsonReader::Read(const json::value& value, double& out) {
  json::error_code error;
  out = value.to_number<double>(error);
  if (error) Fail("not a number");
}

void JsonReader::Read(const json::value& value, ErrorCode& out) {
  int16_t code = 0;
  Read(value, code);
  out = static_cast<ErrorCode>(code);
}

void JsonReader::Read(const json::value& value, std::string& out) {
  if (!value.is_string()) return Fail("not a string");
  out.assign(value.get_string().data(), value.get_string().size());
}

void JsonReader::Read(const json::value& value, Uuid& out) {
  std::string text;
  Read(value, text);
  const std::optional<Uuid> id = Uuid::Parse(text);
  if (!id) return Fail("not a uuid: " + text);
  out = *id;
}

void JsonReader::Read(const json::value& value, Buffer& out) {
  std::string text;
  Read(value, text);
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) return Fail("not base64");
  out = Buffer::CopyOf(bytes);
}

void JsonReader::Read(const json::value& value, Records& out) {
  out = Records();
  if (value.is_null()) return;
  Buffer bytes;
  Read(value, bytes);
  out = Records(bytes);
}

}  // namespace soliton::kafka
