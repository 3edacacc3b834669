// The files of failover measurements: what --json writes and reports are made from.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/failover/failover_data.h"
#include "runtime/file/file_system.h"

namespace soliton::cli {

// kNotFound: no such file. kInvalidArgument: not a measurement, and why.
absl::StatusOr<bench::FailoverData> ReadMeasurement(const FileSystem& files,
                                                    const std::string& path);

// By the ending of `path`: .svg is the chart, .html (or .htm) a report with the chart beside it as
// .svg. Returns what was written, for people. kInvalidArgument: another ending.
absl::StatusOr<std::string> WriteReport(FileSystem& files, const std::string& path,
                                        const std::vector<bench::FailoverData>& measurements);

}  // namespace soliton::cli
