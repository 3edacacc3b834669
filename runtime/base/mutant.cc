#include "runtime/base/mutant.h"

#ifdef SOLITON_MUTANTS

#include <string>

namespace soliton {
namespace {

std::string& Chosen() {
  static std::string name;
  return name;
}

}  // namespace

bool MutantIsOn(std::string_view name) { return Chosen() == name; }
void SwitchMutantOn(std::string_view name) { Chosen() = name; }

}  // namespace soliton

#endif
