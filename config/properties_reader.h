// Reads Java's .properties syntax, as Kafka's server.properties has it: # and ! comments, =, : or
// blanks between name and value, \ at the end of a line continues it, \t \n \r \f \uXXXX and \<any>
// escapes. The text is UTF-8. Unlike Java a name given twice is an error: which one was meant
// cannot be known. Pure; never throws.
#pragma once

#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/raw_entry.h"

namespace soliton::config {

// The entries in the order written; lines with errors are left out.
std::vector<RawEntry> ReadProperties(std::string_view text, std::string_view file_name,
                                     Diagnostics& diagnostics);

}  // namespace soliton::config
