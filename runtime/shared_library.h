// A library that is loaded when it is needed rather than with the program: for what few runs use,
// so that brokers do not carry it. Any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace soliton {

class SharedLibrary {
 public:
  // By the name that the dynamic linker looks for: "librdkafka.so.1". kNotFound with its words.
  static absl::StatusOr<SharedLibrary> Load(const std::string& name);

  // The address of a function; nullptr when there is none of this name. Stays valid for the rest of
  // the process: libraries with threads of their own do not survive being unloaded.
  void* Find(const char* symbol) const;

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace soliton
