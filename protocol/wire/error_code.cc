#include "protocol/wire/error_code.h"

#include <fmt/format.h>

namespace soliton::kafka {
namespace {

struct ErrorRow {
  ErrorCode code;
  std::string_view name;
  bool retriable;
  std::string_view text;
};

constexpr ErrorRow kErrors[] = {
#define SOLITON_ERROR(code, name, retriable, text) {ErrorCode::name, #name, retriable, text},
#include "protocol/schema/errors.inc"
#undef SOLITON_ERROR
};

constexpr int kFirstCode = static_cast<int>(kErrors[0].code);

// Find indexes the table by code, so the rows must be dense and ascending.
constexpr bool RowsAreDense() {
  int expected = kFirstCode;
  for (const ErrorRow& row : kErrors) {
    if (static_cast<int>(row.code) != expected++) return false;
  }
  return true;
}
static_assert(RowsAreDense());

const ErrorRow* Find(ErrorCode code) {
  const int index = static_cast<int>(code) - kFirstCode;
  if (index < 0 || index >= static_cast<int>(std::size(kErrors))) return nullptr;
  return &kErrors[index];
}

}  // namespace

std::string ErrorName(ErrorCode code) {
  const ErrorRow* row = Find(code);
  if (row == nullptr) return fmt::format("ERROR_{}", static_cast<int>(code));
  return std::string(row->name);
}

std::string_view ErrorText(ErrorCode code) {
  const ErrorRow* row = Find(code);
  return row == nullptr ? std::string_view("an error code this version does not know") : row->text;
}

bool IsRetriable(ErrorCode code) {
  const ErrorRow* row = Find(code);
  return row != nullptr && row->retriable;
}

std::optional<ErrorCode> ErrorFromName(std::string_view name) {
  for (const ErrorRow& row : kErrors) {
    if (row.name == name) return row.code;
  }
  return std::nullopt;
}

}  // namespace soliton::kafka
