// Guards that can be switched off, one at a time, to see that a test notices:
//
//   if (!SOLITON_MUTANT("kip966_leader_epoch") && epoch != expected) return;   // the guard
//
// In a build with SOLITON_MUTANTS (preset `mutants`) the named one is off in the process that chose
// it, by SwitchMutantOn or by the environment variable SOLITON_MUTANT. In every other build the
// macro is the constant false and nothing of it is left.
#pragma once

#ifdef SOLITON_MUTANTS

#include <string_view>

namespace soliton {

bool MutantIsOn(std::string_view name);
// Once, before anything runs. Any thread may ask afterwards.
void SwitchMutantOn(std::string_view name);

}  // namespace soliton

#define SOLITON_MUTANT(name) (::soliton::MutantIsOn(name))

#else

#define SOLITON_MUTANT(name) false

#endif
