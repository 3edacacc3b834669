// What the calling thread is at, printed with a CHECK that fails on it ("seed 17, replay with
// ..."). For programs that run many independent pieces of work, like the simulator.
#pragma once

#include <string>

namespace soliton {

void SetCheckContext(std::string context);

}  // namespace soliton
