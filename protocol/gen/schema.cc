#include "protocol/gen/schema.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "protocol/gen/cpp_text.h"

namespace soliton::kafkagen {
namespace {

namespace json = boost::json;

constexpr int kNewest = 1 << 20;  // the open end of "3+"

class Loader {
 public:
  explicit Loader(const std::string& path) : path_(path) {}

  Schema Load(const std::string& text);

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    std::fprintf(stderr, "%s: %s%s\n", path_.c_str(), where_.c_str(), what.c_str());
    std::exit(1);
  }
  void CheckMembers(const json::object& object, const std::set<std::string_view>& known) const;
  const json::value& Member(const json::object& object, std::string_view name) const;
  std::string Text(const json::object& object, std::string_view name) const;
  std::string OptionalText(const json::object& object, std::string_view name) const;
  VersionRange ParseRange(const std::string& text, const VersionRange& within) const;

  Message LoadMessage(const json::object& object, const std::string& suffix, const Schema& schema,
                      const std::string& about);
  std::shared_ptr<Struct> LoadStruct(const std::string& name, const json::array& fields,
                                     const VersionRange& versions);
  Field LoadField(const json::object& object, const VersionRange& enclosing);
  void LoadType(const json::object& object, Field& field);
  std::shared_ptr<Struct> SharedStruct(const std::string& name);
  void LoadDefault(const json::value& value, Field& field) const;

  std::string path_;
  std::string where_;  // for error messages
  VersionRange versions_;
  int flexible_from_ = 0;
  // Of the message being loaded.
  std::string message_name_;
  std::map<std::string, std::shared_ptr<Struct>> structs_;
  std::map<std::string, const json::array*> shared_fields_;  // of `structs`, loaded when first used
  std::vector<std::shared_ptr<Struct>> nested_;
};

void Loader::CheckMembers(const json::object& object,
                          const std::set<std::string_view>& known) const {
  for (const auto& member : object) {
    const std::string_view name(member.key().data(), member.key().size());
    if (!known.contains(name)) Fail("unknown member " + std::string(name));
  }
}

const json::value& Loader::Member(const json::object& object, std::string_view name) const {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr) Fail("no member " + std::string(name));
  return *value;
}

std::string Loader::Text(const json::object& object, std::string_view name) const {
  const json::value& value = Member(object, name);
  if (!value.is_string()) Fail(std::string(name) + " is not a string");
  return std::string(value.get_string().data(), value.get_string().size());
}

std::string Loader::OptionalText(const json::object& object, std::string_view name) const {
  const json::string_view key(name.data(), name.size());
  return object.contains(key) ? Text(object, name) : std::string();
}

VersionRange Loader::ParseRange(const std::string& text, const VersionRange& within) const {
  VersionRange range;
  char* end = nullptr;
  range.low = static_cast<int>(std::strtol(text.c_str(), &end, 10));
  if (end == text.c_str()) Fail("versions " + text);
  if (*end == '+') {
    range.high = within.high;
    ++end;
  } else if (*end == '-') {
    char* from = end + 1;
    range.high = static_cast<int>(std::strtol(from, &end, 10));
  } else {
    range.high = range.low;
  }
  if (*end != '\0' || range.empty()) Fail("versions " + text);
  if (!within.Contains(range)) Fail("versions " + text + " outside those of what encloses it");
  return range;
}

bool IsSnakeCase(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) || std::isdigit(c) || c == '_';
  });
}

constexpr std::pair<std::string_view, Kind> kKinds[] = {
    {"bool", Kind::kBool},     {"int8", Kind::kInt8},       {"int16", Kind::kInt16},
    {"uint16", Kind::kUint16}, {"int32", Kind::kInt32},     {"uint32", Kind::kUint32},
    {"int64", Kind::kInt64},   {"float64", Kind::kFloat64}, {"string", Kind::kString},
    {"uuid", Kind::kUuid},     {"bytes", Kind::kBytes},     {"records", Kind::kRecords},
    {"error", Kind::kError},
};

void Loader::LoadType(const json::object& object, Field& field) {
  std::string type = Text(object, "type");
  field.is_array = type.starts_with("[]");
  if (field.is_array) type.erase(0, 2);
  const json::value* fields = object.if_contains("fields");
  for (const auto& [name, kind] : kKinds) {
    if (name != type) continue;
    field.kind = kind;
    if (fields != nullptr) Fail("fields of a " + type);
    if (field.is_array && (kind == Kind::kBool || kind == Kind::kRecords)) Fail("array of " + type);
    return;
  }
  field.kind = Kind::kStruct;
  if (fields == nullptr) {
    field.type = SharedStruct(type);
    if (!field.type->versions.Contains(field.versions)) Fail("versions of struct " + type);
    return;
  }
  if (!fields->is_array()) Fail("fields is not an array");
  if (structs_.contains(type)) Fail("struct " + type + " twice");
  field.type = LoadStruct(type, fields->get_array(), field.versions);
}

std::shared_ptr<Struct> Loader::SharedStruct(const std::string& name) {
  const auto loaded = structs_.find(name);
  if (loaded != structs_.end()) return loaded->second;
  const auto found = shared_fields_.find(name);
  if (found == shared_fields_.end()) Fail("no struct " + name);
  const json::array& fields = *found->second;
  shared_fields_.erase(found);  // a struct that contains itself ends as unknown
  return LoadStruct(name, fields, versions_);
}

void Loader::LoadDefault(const json::value& value, Field& field) const {
  if (value.is_null()) {
    if (!(field.nullable == field.versions)) Fail("default null where null is not always allowed");
    field.default_is_null = true;
    return;
  }
  if (field.is_array) Fail("default of an array");
  switch (field.kind) {
    case Kind::kBool:
      if (!value.is_bool()) Fail("default is not a bool");
      field.default_text = value.get_bool() ? "true" : "false";
      return;
    case Kind::kString:
      if (!value.is_string()) Fail("default is not a string");
      field.default_text = std::string(value.get_string().data(), value.get_string().size());
      return;
    case Kind::kInt8:
    case Kind::kInt16:
    case Kind::kUint16:
    case Kind::kInt32:
    case Kind::kUint32:
    case Kind::kInt64:
      if (!value.is_int64()) Fail("default is not an integer");
      // The most negative 32-bit number is written so that the literal has no minus sign of its
      // own.
      field.default_text =
          value.get_int64() == INT32_MIN ? "-2147483647 - 1" : std::to_string(value.get_int64());
      return;
    default:
      Fail("a field of this type has no default");
  }
}

const std::set<std::string_view> kReservedNames = {
    "in",      "out", "version", "flexible", "sink",      "element",      "instance",
    "message", "tag", "left",    "random",   "tag_count", "next_unknown", "unknown_tagged_fields"};

Field Loader::LoadField(const json::object& object, const VersionRange& enclosing) {
  Field field;
  field.name = Text(object, "name");
  const std::string outer = where_;
  where_ += field.name + ": ";
  CheckMembers(object, {"name", "json", "type", "versions", "nullable", "tag", "default", "about",
                        "fields", "mostly_one"});
  if (!IsSnakeCase(field.name)) Fail("name is not snake_case");
  if (kReservedNames.contains(field.name)) Fail("the generated code needs this name itself");
  field.json_name = OptionalText(object, "json");
  if (field.json_name.empty()) field.json_name = CamelCase(field.name);
  field.about = OptionalText(object, "about");
  field.versions =
      object.contains("versions") ? ParseRange(Text(object, "versions"), enclosing) : enclosing;
  if (object.contains("nullable")) {
    field.nullable = ParseRange(Text(object, "nullable"), field.versions);
  }
  LoadType(object, field);
  if (const json::value* tag = object.if_contains("tag")) {
    if (!tag->is_int64() || tag->get_int64() < 0) Fail("tag is not a number");
    field.tag = static_cast<uint32_t>(tag->get_int64());
    if (field.versions.low < flexible_from_) Fail("tagged before the versions are flexible");
  }
  const bool may_be_null = field.is_array || field.kind == Kind::kString ||
                           field.kind == Kind::kBytes || field.kind == Kind::kRecords ||
                           field.kind == Kind::kStruct;
  if (field.is_nullable() && !may_be_null) Fail("this type cannot be null");
  if (field.is_nullable() && field.kind == Kind::kStruct && !field.is_array &&
      !(field.nullable == field.versions)) {
    Fail("a nullable struct is nullable in all its versions");
  }
  if (const json::value* value = object.if_contains("default")) LoadDefault(*value, field);
  if (const json::value* value = object.if_contains("mostly_one")) {
    field.is_mostly_one = value->is_bool() && value->get_bool();
    if (!field.is_mostly_one || !field.is_array) Fail("mostly_one is for arrays, and true");
  }
  where_ = outer;
  return field;
}

std::shared_ptr<Struct> Loader::LoadStruct(const std::string& name, const json::array& fields,
                                           const VersionRange& versions) {
  auto result = std::make_shared<Struct>();
  result->name = name;
  result->cpp_name = name == message_name_ ? name : message_name_ + name;
  result->versions = versions;
  std::set<std::string> names;
  std::set<uint32_t> tags;
  for (const json::value& value : fields) {
    if (!value.is_object()) Fail("a field is not an object");
    Field field = LoadField(value.get_object(), versions);
    if (!names.insert(field.name).second) Fail("field " + field.name + " twice");
    if (field.tag && !tags.insert(*field.tag).second) Fail("tag of " + field.name + " twice");
    result->fields.push_back(std::move(field));
  }
  if (name != message_name_) {
    structs_[name] = result;
    nested_.push_back(result);
  }
  return result;
}

Message Loader::LoadMessage(const json::object& object, const std::string& suffix,
                            const Schema& schema, const std::string& about) {
  message_name_ = schema.name + suffix;
  where_ = suffix + ": ";
  structs_.clear();
  shared_fields_.clear();
  nested_.clear();
  CheckMembers(object, {"fields", "structs"});
  if (const json::value* structs = object.if_contains("structs")) {
    for (const json::value& value : structs->as_array()) {
      const json::object& definition = value.as_object();
      CheckMembers(definition, {"name", "fields"});
      shared_fields_[Text(definition, "name")] = &Member(definition, "fields").as_array();
    }
  }
  Message message;
  message.about = about;
  message.versions = versions_;
  message.flexible_from = flexible_from_;
  message.root = LoadStruct(message_name_, Member(object, "fields").as_array(), versions_);
  message.nested = std::move(nested_);
  return message;
}

Schema Loader::Load(const std::string& text) {
  json::error_code error;
  const json::value root = json::parse(text, error);
  if (error || !root.is_object()) Fail("not a JSON object: " + error.message());
  const json::object& object = root.get_object();
  CheckMembers(object, {"key", "name", "about", "versions", "flexible", "request", "response",
                        "record_type", "record_key", "record_value", "data"});

  Schema schema;
  schema.path = path_;
  schema.file_name = std::filesystem::path(path_).stem().string();
  if (std::isdigit(static_cast<unsigned char>(schema.file_name.front()))) {
    schema.file_name.erase(0, schema.file_name.find('_') + 1);
  }
  schema.name = Text(object, "name");
  versions_ = ParseRange(Text(object, "versions"), {0, kNewest});
  const std::string flexible = Text(object, "flexible");
  flexible_from_ =
      flexible == "none" ? kNeverFlexible : ParseRange(flexible, {0, versions_.high}).low;
  const std::string about = OptionalText(object, "about");
  const auto load = [&](const char* member, const char* suffix) {
    schema.messages.push_back(
        LoadMessage(Member(object, member).as_object(), suffix, schema, about));
  };
  if (object.contains("data")) {
    schema.kind = SchemaKind::kData;
    load("data", "");
  } else if (object.contains("record_type")) {
    schema.kind = SchemaKind::kRecord;
    schema.key = static_cast<int>(Member(object, "record_type").as_int64());
    const VersionRange versions = std::exchange(versions_, {0, 0});
    const int flexible_from = std::exchange(flexible_from_, kNeverFlexible);
    load("record_key", "Key");
    versions_ = versions;
    flexible_from_ = flexible_from;
    load("record_value", "Value");
  } else {
    schema.key = static_cast<int>(Member(object, "key").as_int64());
    load("request", "Request");
    load("response", "Response");
  }
  return schema;
}

}  // namespace

Schema LoadSchema(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return ParseSchema(path, text.str());
}

Schema ParseSchema(const std::string& path, const std::string& text) {
  return Loader(path).Load(text);
}

}  // namespace soliton::kafkagen
