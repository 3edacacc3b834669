#include "broker/broker_life.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace soliton::broker {

int64_t ReadLife(const FileSystem& files, const std::string& directory) {
  const auto text = ReadFile(files, JoinPath(directory, kBrokerLifeFile));
  int64_t life = 0;
  if (!text.ok()) return 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), life);
  const bool sound = error == std::errc() && life > 0 &&
                     life < std::numeric_limits<int64_t>::max() &&
                     *text == fmt::format("{}\n", life);
  return sound ? life : 0;
}

absl::Status WriteLife(FileSystem& files, const std::string& directory, int64_t life) {
  return WriteFileAtomically(files, JoinPath(directory, kBrokerLifeFile),
                             fmt::format("{}\n", life));
}

}  // namespace soliton::broker
