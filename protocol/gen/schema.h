// The model of one schema file (protocol/schema/NN_name.json): an API with its request and
// response. Format:
//   key, name, about, versions "lo-hi", flexible "n+" or "none", request {fields, structs},
//   response {...} field: name (snake_case), type, versions (default: all of the enclosing struct),
//   nullable (versions),
//          tag, default, about, fields (of the nested struct that `type` names)
//   type: bool int8 int16 uint16 int32 uint32 int64 float64 string uuid bytes records error (a code
//   of
//         errors.inc), the name of a struct, or [] before one of them
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
  std::string about;
  Kind kind = Kind::kInt8;
  bool is_array = false;
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
  int key = -1;
  std::shared_ptr<Struct> root;
  // Every struct below the root, each after the ones that it uses.
  std::vector<std::shared_ptr<Struct>> nested;
};

inline constexpr int kNeverFlexible = 32767;

struct Schema {
  std::string path;
  std::string file_name;  // "fetch", from the file's name without its number
  std::string name;       // "Fetch"
  int key = -1;
  std::vector<Message> messages;  // request, response
};

Schema LoadSchema(const std::string& path);
// `path` names the schema in messages, and gives file_name; it is not read.
Schema ParseSchema(const std::string& path, const std::string& text);

}  // namespace soliton::kafkagen
