#include "runtime/shared_library.h"

#include <dlfcn.h>

namespace soliton {

absl::StatusOr<SharedLibrary> SharedLibrary::Load(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return absl::NotFoundError(why == nullptr ? "cannot load " + name : why);
  }
  return SharedLibrary(handle);
}

void* SharedLibrary::Find(const char* symbol) const { return ::dlsym(handle_, symbol); }

}  // namespace soliton
