#include "cli/failover_report.h"

#include <fmt/format.h>

#include "bench/failover/chart.h"
#include "bench/failover/failover_json.h"

namespace soliton::cli {

absl::StatusOr<bench::FailoverData> ReadMeasurement(const FileSystem& files,
                                                    const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(files, path);
  if (!text.ok()) return text.status();
  absl::StatusOr<bench::FailoverData> data = bench::FailoverDataFromJson(*text);
  if (data.ok() && data->runs.empty()) return absl::InvalidArgumentError("it holds no run");
  return data;
}

absl::StatusOr<std::string> WriteReport(FileSystem& files, const std::string& path,
                                        const std::vector<bench::FailoverData>& measurements) {
  const size_t dot = path.rfind('.');
  const std::string ending = dot == std::string::npos ? "" : path.substr(dot);
  if (ending == ".svg") {
    absl::Status written = WriteFileAtomically(files, path, bench::FailoverSvg(measurements));
    if (!written.ok()) return written;
    return path;
  }
  if (ending != ".html" && ending != ".htm") {
    return absl::InvalidArgumentError(fmt::format("{}: a report ends in .html or .svg", path));
  }
  const std::string svg = path.substr(0, dot) + ".svg";
  absl::Status written = WriteFileAtomically(files, path, bench::FailoverHtml(measurements));
  if (written.ok()) written = WriteFileAtomically(files, svg, bench::FailoverSvg(measurements));
  if (!written.ok()) return written;
  return fmt::format("{}, {}", path, svg);
}

}  // namespace soliton::cli
