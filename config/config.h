// A checked set of settings: for each setting of its scopes a value, given or default, and where it
// comes from. Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config_table.h"
#include "config/diagnostics.h"
#include "config/location.h"
#include "config/raw_entry.h"

namespace soliton::config {

class Config {
 public:
  struct Entry {
    const Setting* setting = nullptr;  // never null
    Value value;
    Location name_at;  // layer kDefault when not given
    Location value_at;
    std::string given_as;  // the name it was given by; "" for a default
  };

  // Checks every entry of `layers` against the rows of `scopes`; where a setting is given more than
  // once the later layer (Location::Layer) wins. What is wrong goes to `diagnostics`, and such
  // entries are left at their default. Spellings (log.retention.hours) are converted into what they
  // spell.
  static Config Make(uint8_t scopes, const std::vector<std::vector<RawEntry>>& layers,
                     Diagnostics& diagnostics);

  // Whether it has a value, given or default.
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // Whether it was given, by itself or by another spelling.
  bool Given(std::string_view name) const;
  // Whether it was given with a value that was reported as bad.
  bool Rejected(std::string_view name) const { return rejected_.contains(name); }

  // The setting must be of the scopes, have a value and be of the type (CHECK).
  bool GetBool(std::string_view name) const;
  int64_t GetInteger(std::string_view name) const;
  double GetDouble(std::string_view name) const;
  const std::string& GetString(std::string_view name) const;
  const std::vector<std::string>& GetList(std::string_view name) const;

  // Null when it has no value.
  const Entry* Find(std::string_view name) const;
  // Sorted by name: everything with a value.
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  uint8_t scopes() const { return scopes_; }
  // How many settings came from a layer.
  int CountFrom(Location::Layer layer) const;

 private:
  explicit Config(uint8_t scopes) : scopes_(scopes) {}
  void Take(const RawEntry& raw, Diagnostics& diagnostics);
  void ApplySpellings();
  void AddDefaults();
  template <typename T>
  const T& Get(std::string_view name) const;

  uint8_t scopes_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::set<std::string, std::less<>> rejected_;
};

}  // namespace soliton::config
