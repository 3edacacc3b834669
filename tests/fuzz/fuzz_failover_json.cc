// The figures of bench failover as files: whatever is taken is written again as it was, and every
// report can be made of it.
#include <cstdint>
#include <string>

#include "bench/failover/chart.h"
#include "bench/failover/failover_json.h"
#include "bench/failover/summary.h"
#include "runtime/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soliton::bench;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<FailoverData> read = FailoverDataFromJson(text);
  if (!read.ok()) {
    CHECK(!read.status().message().empty(), "refused without a word");
    return 0;
  }
  const std::string written = ToJson(*read);
  const absl::StatusOr<FailoverData> again = FailoverDataFromJson(written);
  CHECK(again.ok(), "what was written is refused: {}", again.status().ToString());
  CHECK(ToJson(*again) == written, "it changes from reading to reading");
  CHECK(SummaryText(*again) == SummaryText(*read), "another summary");
  FailoverHtml({*read, *again});
  CompareText({*read, *again});
  return 0;
}
