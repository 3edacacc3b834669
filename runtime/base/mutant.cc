#include "runtime/base/mutant.h"

#ifdef SOLITON_MUTANTS

#include <cstdlib>
#include <string>

namespace soliton {
namespace {

std::string& Chosen() {
  static std::string name = [] {
    const char* given = std::getenv("SOLITON_MUTANT");
    return std::string(given == nullptr ? "" : given);
  }();
  return name;
}

}  // namespace

bool MutantIsOn(std::string_view name) { return Chosen() == name; }
void SwitchMutantOn(std::string_view name) { Chosen() = name; }

}  // namespace soliton

#endif
