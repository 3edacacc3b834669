// Charts of one or several measurements as SVG, and a whole report as one HTML file. No scripts, no
// links: they show everywhere, also years later. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/failover/failover_data.h"

namespace soliton::bench {

// One panel for each measurement, all with the same time axis from the moment of the fault: the
// acknowledged records per second and the slowest record of a typical run, and below one bar for
// every run with the parts of its longest outage. Measurements without a fault show their load.
std::string FailoverSvg(const std::vector<FailoverData>& measurements);

// The same chart, the figures of every measurement, how they were made, and every run.
std::string FailoverHtml(const std::vector<FailoverData>& measurements);

// Measurements side by side, a column each; lines end with a newline.
std::string CompareText(const std::vector<FailoverData>& measurements);

// `text` between tags or in an attribute.
std::string EscapeXml(std::string_view text);

}  // namespace soliton::bench
