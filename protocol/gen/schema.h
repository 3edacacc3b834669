// The model of one schema file. Format:
//   name, about, versions "lo-hi", flexible "n+" or "none", and one of
//     key, request {fields, structs}, response {...}    an API (schema/NN_name.json)
//     record_type, record_key {...}, record_value {...} a record of an internal topic
//       (schema/records): key and value begin with an int16, the type and the value's version. Keys
//       have version 0 only and are never flexible
//     data {...}                                        anything else (schema/data)
//   field: name (snake_case), type, versions (default: all of the enclosing struct), nullable
//     (versions), tag, default, about, mostly_one (true for an array that
//     rarely has more than one element, which then takes no allocation), fields (of the nested
//     struct that `type` names), json (the name in Kafka's own JSON form, where it is not the same
//     name in camelCase)
//   type: bool int8 int16 uint16 int32 uint32 int64 float64 string uuid bytes records error (a code
//     of errors.inc), the name of a struct, or [] before one of them
//   structs: structs that several fields of the message use, each {name, fields}
// A tagged field is tagged in all its versions. A default of null needs a nullable field; without a
// default a field is zero, empty, or (records) null where allowed. A mistake in a file ends the
// program.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soliton::kafkagen {

struct VersionRange {
  int low = 0;
  int high = -1;

  bool empty() const { return low > high; }
  bool Contains(const VersionRange& other) const {
    return other.empty() || (low <= other.low && other.high <= high);
  }
  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};

enum class Kind {
  kBool,
  kInt8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kFloat64,
  kString,
  kUuid,
  kBytes,
  kRecords,
  kError,  // int16 on the wire
  kStruct,
};

struct Struct;

struct Field {
  std::string name;
  std::string json_name;  // "topicId"
  std::string about;
  Kind kind = Kind::kInt8;
  bool is_array = false;
  bool is_mostly_one = false;    // an array that rarely has more than one element
  std::shared_ptr<Struct> type;  // kStruct only
  VersionRange versions;
  VersionRange nullable;  // empty: never
  std::optional<uint32_t> tag;
  bool default_is_null = false;
  std::string default_text;  // C++ literal of a number or bool, or the string; empty: none

  bool is_nullable() const { return !nullable.empty(); }
};

struct Struct {
  std::string name;      // in the schema: "FetchTopic"
  std::string cpp_name;  // "FetchRequestFetchTopic"
  VersionRange versions;
  std::vector<Field> fields;
};

struct Message {
  std::string about;
  int flexible_from = 0;  // kNeverFlexible when no version is
  VersionRange versions;
  std::shared_ptr<Struct> root;
  // Every struct below the root, each after the ones that it uses.
  std::vector<std::shared_ptr<Struct>> nested;
};

inline constexpr int kNeverFlexible = 32767;

enum class SchemaKind { kApi, kRecord, kData };

struct Schema {
  std::string path;
  std::string file_name;  // "fetch", from the file's name without its number
  std::string name;       // "Fetch"
  SchemaKind kind = SchemaKind::kApi;
  int key = -1;                   // API key or record type
  std::vector<Message> messages;  // request and response, key and value, or one
};

Schema LoadSchema(const std::string& path);
// `path` names the schema in messages, and gives file_name; it is not read.
Schema ParseSchema(const std::string& path, const std::string& text);

}  // namespace soliton::kafkagen
